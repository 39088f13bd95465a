/** The tracing: the lines that the chosen analysis measures from. */

import { computed, useComputed } from "@preact/signals";
import type { LineInfo } from "../contract";
import { view } from "../stage/view";
import { at, lit, placed } from "../state/film";
import { analysis, session } from "../state/session";
import { usedBy } from "../table/state";
import { linePoints } from "./geometry";
import { scaled } from "./Overlay";
import { polyline } from "./spline";

const BEYOND = 0.045;

/** How far lines run beyond their ends; it follows the set of landmarks, not each of their moves. */
const beyond = computed(() => {
  const points = placed.value.map((symbol) => at(symbol)).filter((point) => point !== null);
  if (!points.length) return 0;
  const side = (i: 0 | 1) => Math.max(...points.map((point) => point[i])) - Math.min(...points.map((point) => point[i]));
  return Math.round((BEYOND * Math.max(side(0), side(1))) / 8) * 8;
});

export function Lines() {
  const used = analysis.value ? usedBy.value : null;
  const isUsed = (line: LineInfo) => !used || [...line.start, ...line.end].every((symbol) => used.has(symbol));
  const lines = (session.value?.lines ?? []).filter(isUsed);
  return (
    <>
      {lines.map((line) => (
        <Line key={line.name} line={line} />
      ))}
    </>
  );
}

function Line({ line }: { line: LineInfo }) {
  const points = useComputed(() => linePoints(line, at, beyond.value)?.map((point) => scaled(point, view.value.scale)) ?? null);
  const path = useComputed(() => (points.value ? polyline(points.value) : ""));
  const end = useComputed(() => points.value?.[3] ?? ([-9999, -9999] as const));
  const x = useComputed(() => end.value[0] + 4);
  const y = useComputed(() => end.value[1] - 4);
  const symbols = [...line.start, ...line.end];
  const state = useComputed(
    () => `line ${line.tissue}${line.dashed ? " dashed" : ""}${symbols.every((symbol) => lit.value.has(symbol)) ? " lit" : ""}`,
  );
  return (
    <g class={state}>
      <path class="halo" d={path} />
      <path class="ink" d={path} />
      <text x={x} y={y}>
        {line.name}
      </text>
    </g>
  );
}
