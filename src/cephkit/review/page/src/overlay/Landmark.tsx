/** A landmark: its shape and colour say the tissue, signs after its name say how sure it is. */

import { computed, useComputed } from "@preact/signals";
import type { LandmarkInfo, XY } from "../contract";
import { carried, view } from "../stage/view";
import { at, film, lit, needsReview, placed, pointSignal, selected } from "../state/film";
import { layers, tissueOf } from "../state/session";
import { FONT, labelBoxes, placeLabels, type Box, type Label, type LabelPlace } from "./labels";
import { scaled, translation } from "./Overlay";

/** Upright cross, oblique cross, ring with a dot: distinct in grey too. */
export const SHAPES = {
  bone: "M-7 0H7M0 -7V7",
  tooth: "M-5 -5L5 5M-5 5L5 -5",
  soft: "M5.5 0A5.5 5.5 0 1 1 -5.5 0A5.5 5.5 0 1 1 5.5 0M0 0h.01",
} as const;

let lastPlaces = new Map<string, LabelPlace>();

const labels = computed<Label[]>(() =>
  placed.value.map((symbol) => {
    const point: XY = at(symbol) ?? [0, 0];
    return { symbol, at: scaled(point, view.value.scale), width: 8 * symbol.length + (signOf(symbol) ? 12 : 0) };
  }),
);

/** Names stay where they are during a drag. */
const places = computed(() => {
  if (carried.value || !layers.value.names) return lastPlaces;
  lastPlaces = placeLabels(labels.value);
  return lastPlaces;
});

/** What the names of landmarks cover, if they are shown. */
export const covered = computed<Box[]>(() => (layers.value.names ? labelBoxes(labels.value, places.value) : []));

export function signOf(symbol: string): string {
  if (pointSignal(symbol).value?.confirmed) return "✓";
  return needsReview(symbol) ? "!" : "";
}

export function Landmark({ landmark: { symbol } }: { landmark: LandmarkInfo }) {
  const point = pointSignal(symbol);
  const xy = useComputed(() => point.value?.at ?? null);
  const transform = translation(xy);
  const tissue = tissueOf(symbol);
  const isThere = useComputed(() => point.value !== null);
  const sign = useComputed(() => signOf(symbol));
  const state = useComputed(() =>
    [
      `mark ${tissue}`,
      selected.value === symbol && "chosen",
      lit.value.has(symbol) && "lit",
      carried.value === symbol && "carried",
      sign.value === "!" && "doubtful",
    ]
      .filter(Boolean)
      .join(" "),
  );
  const place = useComputed<LabelPlace>(() => places.value.get(symbol) ?? { dx: 10, dy: -6, anchor: "start" });
  const isNamed = useComputed(
    () => layers.value.names && (!place.value.isCrowded || selected.value === symbol || lit.value.has(symbol)),
  );
  if (!isThere.value || !film.value) return null;
  const { dx, dy, anchor } = place.value;
  return (
    <g class={state} transform={transform} data-symbol={symbol}>
      <circle class="halo-ring" r="13" />
      <path class="brackets" d="M-13 -7V-13H-7M7 -13H13V-7M13 7V13H7M-7 13H-13V7" />
      <path class="halo" d={SHAPES[tissue]} />
      <path class="ink" d={SHAPES[tissue]} />
      {isNamed.value && (
        <text x={dx} y={dy} text-anchor={anchor} font-size={FONT}>
          {symbol}
          {sign.value && <tspan class="sign"> {sign.value}</tspan>}
        </text>
      )}
    </g>
  );
}
