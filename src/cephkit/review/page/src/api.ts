/** The server's answers, typed. The cookie of the first page view goes along by itself. */

import type { Edit, Exported, FilmRows, FilmState, FoundAgain, Measured, Outlines, Point, Session, Spacing, Subject, XY } from "./contract";

/** The server answered, and refused. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
    /** The film as it stands, if an edit came too late. */
    readonly film: FilmState | null = null,
  ) {
    super(message);
  }
}

/** No answer: the server is gone, or has not started yet. */
export class Unreachable extends Error {}

async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(`api/${path}`, { credentials: "same-origin", ...init });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Unreachable(error instanceof Error ? error.message : String(error));
  }
  if (response.ok) return response;
  const body: unknown = await response.json().catch(() => ({}));
  const { error, film } = body as { error?: string; film?: FilmState };
  throw new Refused(response.status, error ?? `${response.status} ${response.statusText}`, film ?? null);
}

const MOST_KEPT_ALIVE = 16_000;

async function get<T>(path: string): Promise<T> {
  return (await (await ask(path)).json()) as T;
}

async function post<T>(path: string, body: unknown, init: RequestInit = {}): Promise<T> {
  const headers = { "Content-Type": "application/json" };
  const text = JSON.stringify(body);
  // Browsers refuse to keep more than 64 KiB alive, all requests of a page together.
  const keepalive = Boolean(init.keepalive) && text.length < MOST_KEPT_ALIVE;
  return (await (await ask(path, { method: "POST", headers, body: text, ...init, keepalive })).json()) as T;
}

export interface Saved {
  revision: number;
  /** What went wrong beside the edit, which is on disk. */
  warning?: string;
}

export interface MeasureInput {
  points: Record<string, Point>;
  spacing: Spacing | null;
  subject: Subject;
  analyses: string[];
}

export const api = {
  session: () => get<Session>("session"),
  films: () => get<FilmRows>("films"),
  changes: (since: number) => get<FilmRows>(`films/changes?since=${since}`),
  /** `next` is the film that the server should have ready after this one. */
  film: (n: number, next?: number) => get<FilmState>(`films/${n}${next === undefined ? "" : `?next=${next}`}`),
  /** Goes on even if the page is closed meanwhile, unless it is large. */
  edit: (n: number, hash: string, revision: number, reviewer: string, edit: Edit) =>
    post<Saved>(`films/${n}/edits`, { revision, reviewer, hash, edit }, { keepalive: true }),
  measure: (n: number, input: MeasureInput) => post<Measured>(`films/${n}/measure`, input),
  outlines: (present: readonly string[], facing: "left" | "right") =>
    get<Outlines>(`outlines?present=${encodeURIComponent(present.join(","))}&facing=${facing}`),
  find: (n: number, hash: string, held: Record<string, XY>) => post<FoundAgain>(`films/${n}/find`, { hash, held }),
  exportTo: (format: string, which: "confirmed" | "all") => post<Exported>("export", { format, which }),
  tile: async (film: FilmState, level: number, row: number, column: number, signal?: AbortSignal) => {
    const path = `films/${film.n}/tiles/${level}/${row}/${column}?h=${encodeURIComponent(film.hash)}`;
    return (await ask(path, signal ? { signal } : {})).arrayBuffer();
  },
};

/** Addresses that the browser itself opens. */
export const address = {
  thumbnail: (n: number, hash: string) => `api/films/${n}/thumbnail${hash ? `?h=${encodeURIComponent(hash)}` : ""}`,
  picture: (symbol: string) => `api/landmarks/${encodeURIComponent(symbol)}.jpg`,
  sheet: (n: number) => `api/films/${n}/sheet.html`,
  pdf: (n: number) => `api/films/${n}/sheet.pdf`,
  landmarks: (n: number | null) => (n === null ? "api/landmarks.csv" : `api/films/${n}/landmarks.csv`),
  measurements: (n: number | null) => (n === null ? "api/measurements.csv" : `api/films/${n}/measurements.csv`),
};
