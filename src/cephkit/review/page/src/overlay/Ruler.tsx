/** The two marks of the ruler. */

import { useComputed } from "@preact/signals";
import { ruler } from "../calibrate/state";
import { view } from "../stage/view";
import { polyline } from "./geometry";
import { scaled } from "./Overlay";

export function Ruler() {
  const marks = useComputed(() => (ruler.value ?? []).map((mark) => scaled(mark, view.value.scale)));
  const path = useComputed(() => polyline(marks.value));
  return (
    <g class="ruler">
      <path class="halo" d={path} />
      <path class="ink" d={path} />
      {marks.value.map(([x, y], index) => (
        <g key={index} transform={`translate(${x} ${y})`}>
          <path class="halo" d="M-9 0H-2M2 0H9M0 -9V-2M0 2V9" />
          <path class="ink" d="M-9 0H-2M2 0H9M0 -9V-2M0 2V9" />
        </g>
      ))}
    </g>
  );
}
