/** Pixel sizes from a ruler or a typed figure. */

import type { Spacing, XY } from "../contract";

/** Pixel sizes that a cephalogram can have; the server refuses others. */
export const PIXEL_SIZES_MM = [0.005, 2] as const;

/** The origin is kept with the data; it is in English whatever the language of the page. */
export const TYPED = "typed by the reviewer";
export const rulerOrigin = (mm: number, pixels: number) => `ruler: ${mm} mm over ${pixels.toFixed(1)} pixels`;

export const lengthPixels = ([ax, ay]: XY, [bx, by]: XY) => Math.hypot(bx - ax, by - ay);

/** The height of a pixel by its width; of square ones unless it is known otherwise. */
export const aspectOf = (spacing: Spacing | null) => (spacing ? spacing.row_mm / spacing.column_mm : 1);

/** The width of a pixel in mm by a ruler; NaN if it makes no sense. A single ruler cannot tell the `aspect` of pixels. */
export function pixelSize(marks: readonly XY[], mm: number, aspect = 1): number {
  const [first, second] = marks;
  if (!first || !second || !(mm > 0)) return NaN;
  return mm / lengthPixels([first[0], first[1] * aspect], [second[0], second[1] * aspect]);
}

export const isPossible = (size: number) => size >= PIXEL_SIZES_MM[0] && size <= PIXEL_SIZES_MM[1];

/** A new pixel size; where a mm is one is known only if it was known before. */
export function spacingOf(size: number, origin: string, before: Spacing | null, aspect = 1): Spacing {
  const rounded = (mm: number) => Number(mm.toPrecision(7));
  return { row_mm: rounded(size * aspect), column_mm: rounded(size), origin, plane: before?.plane ?? "unknown" };
}
