/** Where the model saw a landmark, if that is elsewhere now: corrected by a person, or labelled before. */

import { useComputed } from "@preact/signals";
import { view } from "../stage/view";
import { film, pointSignal } from "../state/film";
import { polyline } from "./geometry";
import { scaled } from "./Overlay";

const NEAR_PX = 0.05;

export function Predicted({ symbol }: { symbol: string }) {
  const shape = useComputed(() => {
    const predicted = film.value?.predicted?.points[symbol];
    const point = pointSignal(symbol).value;
    if (!predicted || !point || Math.hypot(predicted[0] - point.at[0], predicted[1] - point.at[1]) < NEAR_PX) return null;
    const { scale } = view.value;
    const [x, y] = scaled(predicted, scale);
    return { transform: `translate(${x.toFixed(2)} ${y.toFixed(2)})`, line: polyline([[x, y], scaled(point.at, scale)]) };
  });
  if (!shape.value) return null;
  return (
    <g class="predicted">
      <path class="error" d={shape.value.line} />
      <path class="cross-mark" d="M-3.5 -3.5L3.5 3.5M-3.5 3.5L3.5 -3.5" transform={shape.value.transform} />
    </g>
  );
}
