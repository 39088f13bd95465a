/** Opening films, and having the next one ready. */

import { effect, signal } from "@preact/signals";
import { api } from "../api";
import type { FilmRow, FilmState } from "../contract";
import { ruler } from "../calibrate/state";
import { described } from "../edit/describe";
import { flush } from "../edit/actions";
import { queue, queueState } from "../edit/saving";
import { begin as guide, guided } from "../guide/state";
import { listed, t } from "../i18n";
import { isHeld } from "../stage/view";
import { clear, film, missing, opening, show } from "./film";
import { shown } from "./films";
import { say } from "./session";

/** The film that the user asked for last; null before the first. */
export const wanted = signal<number | null>(null);
/** Films beside the open one, loaded in advance. */
export const ahead = signal<readonly FilmState[]>([]);

let place = 0;

export async function open(n: number): Promise<void> {
  flush();
  wanted.value = n;
  place = shown.peek().findIndex((row) => row.n === n);
  history.replaceState(null, "", `#${n}`);
  const ready = ahead.peek().find((one) => one.n === n && one.state.revision >= queue.revisionOf(n));
  if (ready && !queue.has(n)) begin(ready);
  else await load(n);
  void prefetch(n);
}

async function load(n: number): Promise<void> {
  opening.value = true;
  try {
    let now = await api.film(n, neighbour(1)?.n);
    // An edit may have been saved while the answer was on its way.
    if (now.state.revision < queue.revisionOf(n)) now = await api.film(n);
    if (wanted.peek() === n) begin(now);
  } catch (error) {
    if (wanted.peek() !== n) return;
    clear(error instanceof Error ? error.message : String(error));
    ruler.value = null;
    guided.value = null;
  } finally {
    if (wanted.peek() === n) opening.value = false;
  }
}

function begin(now: FilmState): void {
  queue.loaded(now.n, now.state.revision);
  const unsent = queue.waiting.filter((step) => step.film === now.n);
  const isOther = film.peek()?.n !== now.n;
  show(now, unsent);
  half = unsent.length ? now.n : null;
  if (!isOther) return;
  ruler.value = null; // its marks lie on the film before
  say(t("opened", { name: now.id }));
  if (guided.peek()) guide(missing.peek()[0] ?? null);
}

/** A film that was shown while edits of it were on their way: which of them the server had already is not known. */
let half: number | null = null;

/** Once all is saved, such a film is shown as the server has it. */
export function watchHalf(): void {
  effect(() => {
    if (queueState.value !== "saved" || half === null) return;
    const n = half;
    half = null;
    if (film.peek()?.n === n) void load(n);
  });
}

/** The film before (-1) or after (1) the open one, in the list's order. */
export function neighbour(step: 1 | -1): FilmRow | undefined {
  const rows = shown.peek();
  const here = rows.findIndex((row) => row.n === wanted.peek());
  // A film may have left the filter by being edited: go on from where it was.
  if (here < 0) return rows[step > 0 ? Math.min(place, rows.length - 1) : place - 1];
  return rows[here + step];
}

export function openNeighbour(step: 1 | -1): void {
  const row = neighbour(step);
  if (row) void open(row.n);
}

async function prefetch(n: number): Promise<void> {
  const known = new Map(ahead.peek().map((one) => [one.n, one]));
  const get = async (row: FilmRow | undefined): Promise<FilmState | null> =>
    !row || row.broken ? null : (known.get(row.n) ?? (await api.film(row.n).catch(() => null)));
  const films = await Promise.all([get(neighbour(1)), get(neighbour(-1))]);
  if (wanted.peek() === n) ahead.value = films.filter((one) => one !== null);
}

const DRAG_MS = 500;

/** Rows of the list have changed: elsewhere, by the model, or by this page's own edits. */
export async function refresh(rows: readonly FilmRow[]): Promise<void> {
  const changed = new Set(rows.map((row) => row.n));
  ahead.value = ahead.peek().filter((one) => !changed.has(one.n));
  const now = film.peek();
  if (!now || !changed.has(now.n) || queue.has(now.n)) return;
  if (isHeld.peek()) return void setTimeout(() => void refresh(rows), DRAG_MS);
  const next = await api.film(now.n).catch(() => null);
  if (!next || film.peek()?.n !== now.n || queue.has(now.n) || isHeld.peek()) return;
  const newest = next.history.at(-1);
  const before = lastKnown();
  const foreign = next.state.revision > before && newest;
  if (!foreign && same(next, now)) return;
  flush();
  if (queue.has(now.n)) return;
  queue.loaded(next.n, next.state.revision);
  show(next);
  if (foreign) {
    const edits = next.history.filter((entry) => entry.revision > before).map((entry) => described(entry));
    say(t("changed_elsewhere", { what: listed(edits, 3) }));
  }
}

/** The latest revision that this page has made or read. */
function lastKnown(): number {
  return queue.revisionOf(film.peek()?.n ?? -1);
}

const same = (one: FilmState, other: FilmState) =>
  one.predicting === other.predicting && JSON.stringify(one.predicted) === JSON.stringify(other.predicted);
