/** What the user can do to the open film. */

import { signal } from "@preact/signals";
import { api, Refused } from "../api";
import type { Edit, Point, PointChange, Spacing, Subject, XY } from "../contract";
import { said, t, titleOf, upTo } from "../i18n";
import { at, base, confirmed, content, film, history, isSettled, needsReview, pointSignal, selected, spacing, subject, take } from "../state/film";
import { landmarkOf, landmarks, reviewer, say } from "../state/session";
import { described, standing } from "./describe";
import { moved, same } from "./edits";
import { newStep, redoing, undoing, type Step } from "./history";
import { queue } from "./saving";

/** Make an edit: it shows at once and goes to the server in its turn. */
export function make(edit: Edit): void {
  const now = film.peek();
  if (now) commit(newStep(now.n, edit, reviewer.peek(), null, now.hash));
}

export function commit(step: Step): void {
  if (film.peek()?.n === step.film) take(step);
  queue.push(step);
}

function change(symbol: string, after: Point | null, before: Point | null = pointSignal(symbol).peek()): boolean {
  if (same(before, after)) return false;
  make({ kind: "points", changes: [{ symbol, before, after }] });
  return true;
}

/** `xy` kept on the film. */
export function onFilm([x, y]: XY): XY {
  const [height, width] = film.peek()?.size ?? [1, 1];
  const inside = (value: number, length: number) => Math.min(Math.max(value, -0.5), length - 0.5);
  return [inside(x, width), inside(y, height)];
}

/** A landmark under way, e.g. during a drag: nothing is saved until `drop`. */
export function carry(symbol: string, xy: XY): void {
  const cell = pointSignal(symbol);
  cell.value = moved(cell.peek(), onFilm(xy));
}

/** The end of a move that began at `before`. */
export function drop(symbol: string, before: Point | null): void {
  const cell = pointSignal(symbol);
  const after = cell.peek();
  if (!after || (before && same(before.at, after.at))) {
    cell.value = before;
    return;
  }
  cell.value = before;
  change(symbol, moved(before, after.at), before);
  say(t("moved_to", { symbol, x: upTo(after.at[0], 1), y: upTo(after.at[1], 1) }));
}

/** Whether the arrow keys have moved a landmark that is not on its way to the disk yet. */
export const nudging = signal(false);
let nudged: { symbol: string; before: Point | null; timer: ReturnType<typeof setTimeout> } | null = null;
const NUDGE_MS = 350;

/** A step with the arrow keys; several in a row are one edit. */
export function nudge(symbol: string, [dx, dy]: XY): void {
  const point = pointSignal(symbol).peek();
  if (!point) return;
  if (nudged?.symbol !== symbol) flush();
  const before = nudged?.before ?? point;
  if (nudged) clearTimeout(nudged.timer);
  carry(symbol, [point.at[0] + dx, point.at[1] + dy]);
  nudged = { symbol, before, timer: setTimeout(flush, NUDGE_MS) };
  nudging.value = true;
}

/** Save what the arrow keys have done. */
export function flush(): void {
  if (!nudged) return;
  const { symbol, before, timer } = nudged;
  clearTimeout(timer);
  nudged = null;
  drop(symbol, before);
  nudging.value = false; // the queue has it, and says so
}

export function place(symbol: string, xy: XY): void {
  flush();
  selected.value = symbol;
  if (change(symbol, moved(pointSignal(symbol).peek(), onFilm(xy)))) say(t("placed", { symbol }));
}

export function remove(symbol: string): void {
  flush();
  if (change(symbol, null)) say(t("removed", { symbol }));
}

export function reset(symbol: string): void {
  flush();
  const first = base.peek().get(symbol) ?? null;
  if (change(symbol, first)) say(t("reset_done", { symbol }));
}

export function resetAll(): void {
  flush();
  changeAll(landmarks.peek().map(({ symbol }) => [symbol, base.peek().get(symbol) ?? null]));
}

export function confirmAll(): void {
  flush();
  const { points } = content();
  changeAll(Object.entries(points).map(([symbol, point]) => [symbol, { ...point, confirmed: true }]));
}

/** Several landmarks in one edit. */
function changeAll(wanted: readonly [string, Point | null][]): number {
  const changes: PointChange[] = wanted
    .map(([symbol, after]) => ({ symbol, before: pointSignal(symbol).peek(), after }))
    .filter(({ before, after }) => !same(before, after));
  if (changes.length) make({ kind: "points", changes });
  return changes.length;
}

export function toggleConfirmed(symbol: string): void {
  flush();
  const point = pointSignal(symbol).peek();
  if (!point) return;
  change(symbol, { ...point, confirmed: !point.confirmed });
  say(t(point.confirmed ? "unconfirmed_point" : "confirmed_point", { symbol }));
}

export function toggleFilm(): void {
  flush();
  const before = confirmed.peek();
  make({ kind: "film", before, after: !before });
  say(t(before ? "edit_film_unconfirmed" : "film_confirmed"));
}

export function setSpacing(after: Spacing | null): void {
  flush();
  const before = spacing.peek();
  if (!same(before, after)) make({ kind: "spacing", before, after });
}

export function setSubject(after: Subject): void {
  flush();
  const before = subject.peek();
  if (!same(before, after)) make({ kind: "subject", before, after });
}

export function undo(): void {
  flush();
  const step = undoing(history.peek(), reviewer.peek());
  if (!step) return say(t("nothing_undo"));
  say(t("undone", { what: described(step.undoes?.edit ?? step.edit) }));
  commit(step);
}

export function redo(): void {
  flush();
  const step = redoing(history.peek(), reviewer.peek());
  if (!step) return say(t("nothing_redo"));
  say(t("redone", { what: described(step.edit) }));
  commit(step);
}

export function select(symbol: string | null): void {
  if (symbol !== selected.peek()) flush();
  selected.value = symbol;
  const landmark = symbol && landmarkOf(symbol);
  if (landmark) say(t("selected", { symbol, title: titleOf(landmark), standing: standing(symbol) }));
}

/** The next landmark after the selected one that `passes`, going round. */
export function selectNext(step: 1 | -1, passes: (symbol: string) => boolean): string | null {
  const symbols = landmarks.peek().map(({ symbol }) => symbol);
  const from = symbols.indexOf(selected.peek() ?? "");
  const start = from < 0 && step < 0 ? 0 : from;
  for (let i = 1; i <= symbols.length; i++) {
    const symbol = symbols[(start + step * i + 2 * symbols.length) % symbols.length];
    if (symbol && passes(symbol)) {
      select(symbol);
      return symbol;
    }
  }
  return null;
}

export const selectNextPlaced = (step: 1 | -1) => selectNext(step, (symbol) => at(symbol) !== null);

export function selectNextReview(): string | null {
  const found = selectNext(1, needsReview);
  if (!found) say(t("review_none"));
  return found;
}

/** Ask the model again, with the points held that a person has settled. */
export async function findAgain(): Promise<string> {
  flush();
  const now = film.peek();
  if (!now) return "";
  const held: Record<string, XY> = {};
  for (const [symbol, point] of Object.entries(content().points)) if (isSettled(point)) held[symbol] = point.at;
  if (!Object.keys(held).length) return t("find_none");
  try {
    const { points } = await api.find(now.n, now.hash, held);
    if (film.peek()?.n !== now.n) return "";
    const free = Object.entries(points).filter(([symbol]) => !isSettled(pointSignal(symbol).peek()));
    const far = ([symbol, point]: [string, Point]) => {
      const before = at(symbol);
      return !before || Math.hypot(before[0] - point.at[0], before[1] - point.at[1]) > 0.05;
    };
    const count = changeAll(free.filter(far).map(([symbol, point]) => [symbol, { ...point, at: onFilm(point.at) }]));
    return count ? t("find_done", { count }) : t("find_same");
  } catch (error) {
    return t("failed", { reason: said(error instanceof Refused ? error.message : String(error)) });
  }
}
