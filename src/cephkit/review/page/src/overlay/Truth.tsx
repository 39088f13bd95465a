/** The true point of a data set, the error of the landmark as it stands, and a ring of 2 mm. */

import { useComputed } from "@preact/signals";
import { view } from "../stage/view";
import { annotator, film, pointSignal, scaleMm } from "../state/film";
import { session } from "../state/session";
import { polyline } from "./geometry";
import { scaled } from "./Overlay";

export function Truth({ symbol }: { symbol: string }) {
  const shape = useComputed(() => {
    const truth = film.value?.truth[annotator.value]?.[symbol];
    if (!truth) return null;
    const { scale } = view.value;
    const [x, y] = scaled(truth, scale);
    const point = pointSignal(symbol).value?.at;
    const mm = scaleMm.value;
    const ring = session.value?.review_mm ?? 2;
    return {
      x,
      y,
      error: point ? polyline([[x, y], scaled(point, scale)]) : "",
      ring: mm ? ([(ring / mm[1]) * scale, (ring / mm[0]) * scale] as const) : null,
    };
  });
  if (!shape.value) return null;
  const { x, y, error, ring } = shape.value;
  return (
    <g class="truth">
      {ring && <ellipse class="ring" cx={x} cy={y} rx={ring[0]} ry={ring[1]} />}
      <path class="error" d={error} />
      <circle class="true-point" cx={x} cy={y} r="2.6" />
    </g>
  );
}
