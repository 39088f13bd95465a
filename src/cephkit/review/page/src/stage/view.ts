/** How the film is looked at: where, how large, how bright. */

import { computed, effect, signal } from "@preact/signals";
import type { XY } from "../contract";
import { allowedScale, centred, fitted, kept, scaledAt, toFilm, toStage, type Size, type View } from "../film/view";
import { limited, PLAIN, type Look } from "../film/window";
import { film } from "../state/film";

export const stageSize = signal<Size>({ width: 1, height: 1 });
export const view = signal<View>({ scale: 1, left: 0, top: 0 });
export const look = signal<Look>(PLAIN);
export const ratio = signal(1);
/** The film has not been zoomed or moved: it fits the stage when that changes. */
const isWhole = signal(true);
/** A landmark is held by the pointer, perhaps not moved yet: nothing else may change it meanwhile. */
export const isHeld = signal(false);
/** The landmark that is being dragged, and the film point under the loupe. */
export const carrying = signal<{ symbol: string; pointer: XY } | null>(null);
/** Which landmark that is, for what does not follow the pointer. */
export const carried = computed(() => carrying.value?.symbol ?? null);

export function filmSize(): Size | null {
  const now = film.peek();
  return now && { height: now.size[0], width: now.size[1] };
}

/** Films of one size keep the view when they are switched; others are shown whole. */
export function fitOnChange(): () => void {
  let last = "";
  return effect(() => {
    const size = film.value?.size;
    const stage = stageSize.value;
    if (!size) return;
    const key = size.join("x");
    if (key !== last) isWhole.value = true;
    last = key;
    if (isWhole.value) view.value = fitted({ height: size[0], width: size[1] }, stage);
  });
}

export function fit(): void {
  isWhole.value = true;
  const size = filmSize();
  if (size) view.value = fitted(size, stageSize.peek());
}

function put(next: View): void {
  const size = filmSize();
  if (!size) return;
  isWhole.value = false;
  view.value = kept(next, size, stageSize.peek());
}

export function limit(scale: number): number {
  const size = filmSize();
  return size ? allowedScale(scale, size, stageSize.peek()) : scale;
}

const middle = (): XY => [stageSize.peek().width / 2, stageSize.peek().height / 2];

/** Zoom by `factor`; what is under `where` (stage) stays there. */
export function zoom(factor: number, where: XY = middle()): void {
  put(scaledAt(view.peek(), limit(view.peek().scale * factor), where));
}

/** One pixel of the film on one of the screen. */
export function oneToOne(): void {
  put(scaledAt(view.peek(), limit(1 / ratio.peek()), middle()));
}

export function pan(dx: number, dy: number): void {
  const { scale, left, top } = view.peek();
  put({ scale, left: left + dx, top: top + dy });
}

export const setView = put;

/** Bring a film point into sight if it is not. */
export function reveal(at: XY): void {
  const [x, y] = toStage(view.peek(), at);
  const { width, height } = stageSize.peek();
  const margin = Math.min(40, width / 8, height / 8);
  if (x < margin || y < margin || x > width - margin || y > height - margin) put(centred(view.peek(), at, stageSize.peek()));
}

/** Bring a film point to the middle, large enough to judge it. */
export function inspect(at: XY): void {
  const scale = Math.max(view.peek().scale, limit(1.5 / ratio.peek()));
  put(centred({ ...view.peek(), scale }, at, stageSize.peek()));
}

/** Keys act on the film. */
export const focusStage = () => document.getElementById("stage")?.focus({ preventScroll: true });

export const middleOfFilm = (): XY => toFilm(view.peek(), middle());

export function change(part: Partial<Look>): void {
  look.value = limited({ ...look.peek(), ...part });
}

export function plainLook(): void {
  look.value = PLAIN;
}
