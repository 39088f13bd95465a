/** Pixel sizes from a ruler or a typed figure. */

import type { Spacing, XY } from "../contract";

/** Pixel sizes that a cephalogram can have; the server refuses others. */
export const PIXEL_SIZES_MM = [0.005, 2] as const;

/** The origin is kept with the data; it is in English whatever the language of the page. */
export const TYPED = "typed by the reviewer";
export const rulerOrigin = (mm: number, pixels: number) => `ruler: ${mm} mm over ${pixels.toFixed(1)} pixels`;

export const lengthPixels = ([ax, ay]: XY, [bx, by]: XY) => Math.hypot(bx - ax, by - ay);

/** mm per pixel of a ruler; NaN if it makes no sense. Pixels are taken for square. */
export function pixelSize(marks: readonly XY[], mm: number): number {
  const [first, second] = marks;
  if (!first || !second || !(mm > 0)) return NaN;
  return mm / lengthPixels(first, second);
}

export const isPossible = (size: number) => size >= PIXEL_SIZES_MM[0] && size <= PIXEL_SIZES_MM[1];

/** A new pixel size; where a mm is one is known only if it was known before. */
export function spacingOf(size: number, origin: string, before: Spacing | null): Spacing {
  const rounded = Number(size.toPrecision(7));
  return { row_mm: rounded, column_mm: rounded, origin, plane: before?.plane ?? "unknown" };
}
