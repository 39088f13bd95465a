/** The loupe: what lies around a point, larger. */

import type { FilmState, XY } from "../contract";
import { SQUARES_FROM, type Renderer } from "./renderer";
import type { Look } from "./window";

export const LOUPE_SIDE = 176;
const LOUPE_ZOOM = 4;
/** Film pixels that are drawn around what the loupe shows. */
const AROUND = 84;

/** A square of the film, its top left corner and side in film pixels. */
export interface Patch {
  left: number;
  top: number;
  side: number;
}

/** CSS pixels per film pixel under the loupe, from those on the stage; at least two screen pixels. */
export const loupeScale = (scale: number, dots: number) => Math.max(scale * LOUPE_ZOOM, 2 / dots);

/** The square around `at` that the loupe can show from while `at` moves up to `AROUND` pixels. */
export function patchAround([x, y]: XY, scale: number): Patch {
  const half = Math.ceil(LOUPE_SIDE / 2 / scale) + AROUND;
  return { left: Math.round(x) - half, top: Math.round(y) - half, side: 2 * half + 1 };
}

/** Where the corner of `patch` lies in the loupe when `at` is in its middle, CSS pixels. */
export function placeOf({ left, top }: Patch, [x, y]: XY, scale: number): XY {
  return [LOUPE_SIDE / 2 - (x + 0.5 - left) * scale, LOUPE_SIDE / 2 - (y + 0.5 - top) * scale];
}

/** Whether `patch` has all that the loupe shows around `at`. */
export function covers(patch: Patch, at: XY, scale: number): boolean {
  return placeOf(patch, at, scale).every((start) => start <= 0 && start + patch.side * scale >= LOUPE_SIDE);
}

/**
 * Draws a patch of the film pixel by pixel and lets the browser enlarge and move it.
 *
 * Without a graphics card, drawing it anew for each frame of a drag took longer than the frame may.
 */
export class Loupe {
  private drawn: { patch: Patch; film: FilmState; look: Look; scale: number } | null = null;

  constructor(private readonly canvas: HTMLCanvasElement) {}

  /** Draw the film anew when it is shown next: it has more tiles now. */
  forget(): void {
    this.drawn = null;
  }

  show(painter: Renderer, film: FilmState, at: XY, scale: number, look: Look, dots: number): void {
    const { drawn } = this;
    const isKnown = drawn?.film === film && drawn.look === look && drawn.scale === scale && covers(drawn.patch, at, scale);
    const patch = isKnown ? drawn.patch : patchAround(at, scale);
    if (!isKnown) {
      const { left, top, side } = patch;
      const size = { width: side, height: side };
      if (this.canvas.width !== side) Object.assign(this.canvas, size);
      painter.draw(film, { scale: 1, left: -left, top: -top }, size, look, 1);
      this.canvas.classList.toggle("squares", scale * dots >= SQUARES_FROM);
      this.drawn = { patch, film, look, scale };
    }
    const [x, y] = placeOf(patch, at, scale);
    this.canvas.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
  }
}
