/** Ellipses, lines and outlines from landmarks, film pixels. */

import type { LineInfo, Matrix, OutlineInfo, XY } from "../contract";

export interface EllipseShape {
  /** Half axes, the longer first. */
  rx: number;
  ry: number;
  /** Of the longer half axis, clockwise on the screen from its x axis. */
  degrees: number;
}

/** The ellipse d' R^-1 d = 1 of a 90 % region R. */
export function regionEllipse([[a, b], [, c]]: Matrix): EllipseShape {
  const middle = (a + c) / 2;
  const half = Math.hypot((a - c) / 2, b);
  return {
    rx: Math.sqrt(Math.max(middle + half, 0)),
    ry: Math.sqrt(Math.max(middle - half, 0)),
    degrees: (Math.atan2(2 * b, a - c) / 2) * (180 / Math.PI),
  };
}

export type PointOf = (symbol: string) => XY | null;

/** A landmark, or the point midway between several; null if one is missing. */
export function middleOf(symbols: readonly string[], pointOf: PointOf): XY | null {
  let [x, y] = [0, 0];
  for (const symbol of symbols) {
    const point = pointOf(symbol);
    if (!point) return null;
    x += point[0] / symbols.length;
    y += point[1] / symbols.length;
  }
  return symbols.length ? [x, y] : null;
}

/** The four corners of a line with its extensions of `beyond` pixels; null if it is not drawn. */
export function linePoints(line: LineInfo, pointOf: PointOf, beyond: number): [XY, XY, XY, XY] | null {
  if (line.unless && pointOf(line.unless)) return null;
  const start = middleOf(line.start, pointOf);
  const end = middleOf(line.end, pointOf);
  if (!start || !end) return null;
  const length = Math.hypot(end[0] - start[0], end[1] - start[1]);
  if (length === 0) return null;
  const step: XY = [((end[0] - start[0]) * beyond) / length, ((end[1] - start[1]) * beyond) / length];
  return [[start[0] - step[0], start[1] - step[1]], start, end, [end[0] + step[0], end[1] + step[1]]];
}

/**
 * The points of an outline; null if a landmark that it depends on is missing.
 *
 * The weights turn and scale, so they hold for square pixels: `aspect` is the height of a pixel by its width.
 */
export function outlinePoints(outline: OutlineInfo, pointOf: PointOf, aspect = 1): XY[] | null {
  const landmarks: XY[] = [];
  for (const symbol of outline.symbols) {
    const point = pointOf(symbol);
    if (!point) return null;
    landmarks.push([point[0], point[1] * aspect]);
  }
  return outline.weights.map((row) => {
    let [x, y] = [0, 0];
    for (const [k, [real, imaginary]] of row.entries()) {
      const [px, py] = landmarks[k] ?? [0, 0];
      x += real * px - imaginary * py;
      y += real * py + imaginary * px;
    }
    return [x, y / aspect];
  });
}

export const distance = (one: XY, other: XY, [row, column]: XY = [1, 1]) =>
  Math.hypot((one[0] - other[0]) * column, (one[1] - other[1]) * row);

/** An SVG path through `points`. */
export function polyline(points: readonly XY[], closed = false): string {
  const place = ([x, y]: XY) => `${x.toFixed(1)} ${y.toFixed(1)}`;
  return points.length > 1 ? `M${points.map(place).join("L")}${closed ? "Z" : ""}` : "";
}
