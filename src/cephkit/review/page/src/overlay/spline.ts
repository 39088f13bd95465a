/** Smooth curves through points. */

import type { XY } from "../contract";

/** An SVG path through `points`, centripetal Catmull-Rom as cubic Bezier pieces: no loops between near points. */
export function splinePath(points: readonly XY[], closed = false): string {
  const [first] = points;
  if (!first || points.length < 2) return "";
  const at = (index: number): XY => {
    const count = points.length;
    const inside = closed ? (index + count) % count : Math.min(Math.max(index, 0), count - 1);
    return points[inside] ?? first;
  };
  let path = `M${place(first)}`;
  for (let i = 0; i < (closed ? points.length : points.length - 1); i++) {
    const [before, start, end, after] = [at(i - 1), at(i), at(i + 1), at(i + 2)];
    path += `C${place(handle(before, start, end))} ${place(handle(after, end, start))} ${place(end)}`;
  }
  return closed ? `${path}Z` : path;
}

/** The control point beside `at`, on the way to `next`; the curve's knots are roots of the distances. */
function handle(previous: XY, at: XY, next: XY): XY {
  const near = Math.sqrt(Math.hypot(at[0] - previous[0], at[1] - previous[1]));
  const far = Math.sqrt(Math.hypot(next[0] - at[0], next[1] - at[1]));
  if (far < 1e-6) return at;
  const along = (i: 0 | 1) => {
    const ahead = (next[i] - at[i]) / far;
    if (near < 1e-6) return at[i] + (ahead * far) / 3; // an end of the curve
    const slope = (at[i] - previous[i]) / near - (next[i] - previous[i]) / (near + far) + ahead;
    return at[i] + (slope * far) / 3;
  };
  return [along(0), along(1)];
}

export function polyline(points: readonly XY[]): string {
  return points.length > 1 ? `M${points.map(place).join("L")}` : "";
}

const place = ([x, y]: XY) => `${x.toFixed(1)} ${y.toFixed(1)}`;
