/** Pixel sizes from a ruler or a typed figure. */

import type { Spacing, XY } from "../contract";

/** Pixel sizes that a cephalogram can have; the server refuses others. */
export const PIXEL_SIZES_MM = [0.005, 2] as const;

/** The origin is kept with the data; it is in English whatever the language of the page. */
export const typedOrigin = (aspect: number) => (isSquare(aspect) ? "typed by the reviewer" : "width of a pixel typed by the reviewer");
export const rulerOrigin = (mm: number, pixels: number) => `ruler: ${mm} mm over ${pixels.toFixed(1)} pixels`;

export const lengthPixels = ([ax, ay]: XY, [bx, by]: XY) => Math.hypot(bx - ax, by - ay);

/** Whether pixels are as high as wide, for the server too. */
export const isSquare = (aspect: number) => Math.abs(aspect - 1) < 0.001;

/** The width of a pixel in mm by a ruler; NaN if it makes no sense. A single ruler cannot tell the `aspect` of pixels. */
export function pixelSize(marks: readonly XY[], mm: number, aspect: number): number {
  const [first, second] = marks;
  if (!first || !second || !(mm > 0)) return NaN;
  return mm / lengthPixels([first[0], first[1] * aspect], [second[0], second[1] * aspect]);
}

export const isPossible = (size: number, aspect = 1) =>
  [size, size * aspect].every((side) => side >= PIXEL_SIZES_MM[0] && side <= PIXEL_SIZES_MM[1]);

/** A new pixel size from the width of a pixel; where a mm is one is known only if it was known before. */
export function spacingOf(size: number, origin: string, before: Spacing | null, aspect: number): Spacing {
  const rounded = (mm: number) => Number(mm.toPrecision(7));
  return { row_mm: rounded(size * aspect), column_mm: rounded(size), origin, plane: before?.plane ?? "unknown" };
}
