/** The open film: what the server said of it, and how it stands with the edits made since. */

import { batch, computed, signal, type Signal } from "@preact/signals";
import type { FilmState, Found, Matrix, Point, Spacing, Subject, XY } from "../contract";
import { applied, contentOf, type Content } from "../edit/edits";
import { NO_HISTORY, followed, stepsOf, type History, type Step } from "../edit/history";
import { landmarks, session } from "./session";
import { steady } from "./steady";

export const film = signal<FilmState | null>(null);
export const failed = signal("");
export const opening = signal(false);

export const confirmed = signal(false);
export const spacing = signal<Spacing | null>(null);
export const subject = signal<Subject>({ age: null, sex: null });
export const history = signal<History>(NO_HISTORY);
/** Everything that happened to the film, oldest first. */
export const steps = signal<readonly Step[]>([]);

export const selected = signal<string | null>(null);
/** Landmarks that light up, e.g. those of the measurement that is pointed at. */
export const lit = signal<ReadonlySet<string>>(new Set());
/** The annotator whose points count as the truth. */
export const annotator = signal("");

/** One signal per landmark: what depends on others is not redrawn. */
const cells = new Map<string, Signal<Point | null>>();

export function pointSignal(symbol: string): Signal<Point | null> {
  let cell = cells.get(symbol);
  if (!cell) {
    cell = signal<Point | null>(null);
    cells.set(symbol, cell);
  }
  return cell;
}

export const at = (symbol: string): XY | null => pointSignal(symbol).value?.at ?? null;

/** The film as it stands, with edits that are not on disk yet; without subscribing to anything. */
export function content(): Content {
  const points: Record<string, Point> = {};
  for (const [symbol, cell] of cells) {
    const point = cell.peek();
    if (point) points[symbol] = point;
  }
  return { points, confirmed: confirmed.peek(), spacing: spacing.peek(), subject: subject.peek() };
}

function put(next: Content): void {
  batch(() => {
    for (const symbol of new Set([...cells.keys(), ...Object.keys(next.points)])) {
      const cell = pointSignal(symbol);
      const point = next.points[symbol] ?? null;
      if (cell.peek() !== point) cell.value = point;
    }
    confirmed.value = next.confirmed;
    spacing.value = next.spacing;
    subject.value = next.subject;
  });
}

/** Show `next`, with `unsent` steps on top of what the server has. */
export function show(next: FilmState, unsent: readonly Step[] = []): void {
  batch(() => {
    const isOther = film.peek()?.n !== next.n;
    film.value = next;
    failed.value = "";
    put(contentOf(next.state, next.spacing));
    const made = stepsOf(next.n, next.history, next.hash);
    history.value = made.reduce(followed, NO_HISTORY);
    steps.value = made;
    for (const step of unsent) take(step);
    if (isOther) {
      selected.value = null;
      lit.value = new Set();
      if (!(annotator.peek() in next.truth)) annotator.value = Object.keys(next.truth)[0] ?? "";
    }
  });
}

/** No film is open; nothing of the one before is left that could be taken for this one's, or be undone unseen. */
export function clear(why: string): void {
  batch(() => {
    film.value = null;
    failed.value = why;
    put({ points: {}, confirmed: false, spacing: null, subject: { age: null, sex: null } });
    history.value = NO_HISTORY;
    steps.value = [];
    selected.value = null;
    lit.value = new Set();
  });
}

/** Make a step: it shows at once, whether it is on disk or not. */
export function take(step: Step): void {
  batch(() => {
    put(applied(content(), step.edit));
    history.value = followed(history.peek(), step);
    steps.value = [...steps.peek(), step];
  });
}

/** The landmarks that have a point, in the order of the data set; the list does not follow a move. */
export const placed = steady(() =>
  landmarks.value.map(({ symbol }) => symbol).filter((symbol) => pointSignal(symbol).value !== null),
);
/** The landmarks that the film should have and that have no point, as the list of films counts them. */
export const missing = steady(() => (film.value?.sought ?? []).filter((symbol) => pointSignal(symbol).value === null));

/** What was there before anyone changed it: a label of the data set or a prediction. */
export const base = computed(() => {
  const now = film.value;
  const points = new Map<string, Point>();
  if (!now) return points;
  // A film with labels begins with these alone, whatever a model found.
  const begins = Object.keys(now.truth).length ? null : now.predicted;
  for (const [symbol, xy] of Object.entries(begins?.points ?? {}))
    points.set(symbol, { at: xy, origin: "predicted", confirmed: false });
  // The first edit of a landmark says what was there at first; nothing is surer.
  const seen = new Set<string>();
  for (const { edit } of steps.value) {
    if (edit.kind !== "points") continue;
    for (const { symbol, before } of edit.changes) {
      if (seen.has(symbol)) continue;
      seen.add(symbol);
      if (before) points.set(symbol, before);
      else if (!begins) points.delete(symbol);
    }
  }
  for (const [symbol, point] of Object.entries(now.state.points)) if (!seen.has(symbol)) points.set(symbol, point);
  return points;
});

/** Whether a person has looked at this point. */
export const isSettled = (point: Point | null) =>
  point !== null && (point.confirmed || point.origin === "corrected" || point.origin === "placed");

export function needsReview(symbol: string): boolean {
  const point = pointSignal(symbol).value;
  if (!point || isSettled(point)) return false;
  if (point.origin === "found_again") return isDoubted(point.found);
  const now = film.value;
  return (now?.doubted.includes(symbol) || now?.predicted?.needs_review.includes(symbol)) ?? false;
}

/** As the server counts them in the list. */
function isDoubted(found: Found | undefined): boolean {
  const now = session.value;
  if (!found || !now) return false;
  const { score, expected_error_px } = found;
  if (expected_error_px === null) return score !== null && score < now.weak_score;
  const mm = meanMm.value;
  return expected_error_px > (mm ? now.review_mm / mm : now.review_height * (film.value?.size[0] ?? Infinity));
}

/** Where the true point lies with 90 % probability, by the model that put the landmark where it is. */
export function regionOf(symbol: string): Matrix | null {
  const point = pointSignal(symbol).value;
  if (!point || point.confirmed) return null;
  if (point.origin === "predicted") return film.value?.predicted?.regions_90[symbol] ?? null;
  return point.found?.region_90 ?? null;
}

/** How far off the landmark probably is, film pixels, by the same model. */
export function expectedErrorOf(symbol: string): number | null {
  const point = pointSignal(symbol).value;
  if (!point || point.confirmed) return null;
  if (point.origin === "predicted") return film.value?.predicted?.expected_errors_px[symbol] ?? null;
  return point.found?.expected_error_px ?? null;
}

/** The height of a pixel by its width, known even if the pixel size was taken away. */
export const aspect = computed(() => (spacing.value ? spacing.value.row_mm / spacing.value.column_mm : (film.value?.aspect ?? 1)));

/** Film pixels to mm, (row, column); null without a pixel size. */
export const scaleMm = computed<XY | null>(() => {
  const size = spacing.value;
  return size ? [size.row_mm, size.column_mm] : null;
});

/** Film pixels to mm, whatever the direction. */
export const meanMm = computed(() => (scaleMm.value ? Math.sqrt(scaleMm.value[0] * scaleMm.value[1]) : null));
