/** What lies on the film. Each part redraws for itself when something that it shows moves. */

import { useComputed, type ReadonlySignal } from "@preact/signals";
import type { XY } from "../contract";
import { ruler } from "../calibrate/state";
import { stageSize, view } from "../stage/view";
import { film } from "../state/film";
import { landmarks, layers } from "../state/session";
import { Landmark } from "./Landmark";
import { Lines } from "./Lines";
import { Outlines } from "./Outlines";
import { Predicted } from "./Predicted";
import { Region } from "./Region";
import { Truth } from "./Truth";
import { Ruler } from "./Ruler";

/** Screen pixels from the film's corner; the whole overlay is moved with the film. */
export const scaled = ([x, y]: XY, scale: number): XY => [(x + 0.5) * scale, (y + 0.5) * scale];

export function translation(point: ReadonlySignal<XY | null>) {
  return useComputed(() => {
    const at = point.value;
    if (!at) return "translate(-9999 -9999)";
    const [x, y] = scaled(at, view.value.scale);
    return `translate(${x.toFixed(2)} ${y.toFixed(2)})`;
  });
}

export function Overlay() {
  const moved = useComputed(() => `translate(${view.value.left} ${view.value.top})`);
  const width = useComputed(() => stageSize.value.width);
  const height = useComputed(() => stageSize.value.height);
  if (!film.value) return null;
  const { tracing, outlines, regions, truth, predicted } = layers.value;
  return (
    <svg class="overlay" width={width} height={height} aria-hidden="true">
      <g transform={moved}>
        {outlines && <Outlines />}
        {tracing && <Lines />}
        {regions && landmarks.value.map(({ symbol }) => <Region key={symbol} symbol={symbol} />)}
        {predicted && landmarks.value.map(({ symbol }) => <Predicted key={symbol} symbol={symbol} />)}
        {truth && landmarks.value.map(({ symbol }) => <Truth key={symbol} symbol={symbol} />)}
        {landmarks.value.map((landmark) => (
          <Landmark key={landmark.symbol} landmark={landmark} />
        ))}
        {ruler.value && <Ruler />}
      </g>
    </svg>
  );
}
