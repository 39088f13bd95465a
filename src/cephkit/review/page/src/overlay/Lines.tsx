/** The tracing: the lines that the chosen analysis measures from. */

import { computed, useComputed } from "@preact/signals";
import type { LineInfo, XY } from "../contract";
import { view } from "../stage/view";
import { at, lit, placed } from "../state/film";
import { analysis, session } from "../state/session";
import { usedBy } from "../table/state";
import { linePoints, polyline } from "./geometry";
import { scaled } from "./Overlay";

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

const NAME_GAP_PX = 16;

/** Where the name of a line stands: a little further on. */
function beyondEnd(points: readonly XY[]): XY {
  const [[ax, ay], [bx, by]] = [points[2] ?? [0, 0], points[3] ?? [0, 0]];
  const length = Math.hypot(bx - ax, by - ay) || 1;
  return [bx + ((bx - ax) / length) * NAME_GAP_PX, by + ((by - ay) / length) * NAME_GAP_PX + 4];
}

function Line({ line }: { line: LineInfo }) {
  const points = useComputed(() => linePoints(line, at, beyond.value)?.map((point) => scaled(point, view.value.scale)) ?? null);
  const path = useComputed(() => (points.value ? polyline(points.value) : ""));
  const name = useComputed(() => (points.value ? beyondEnd(points.value) : ([-9999, -9999] as const)));
  const x = useComputed(() => name.value[0]);
  const y = useComputed(() => name.value[1]);
  const symbols = [...line.start, ...line.end];
  const state = useComputed(
    () => `line ${line.tissue}${line.dashed ? " dashed" : ""}${symbols.every((symbol) => lit.value.has(symbol)) ? " lit" : ""}`,
  );
  return (
    <g class={state}>
      <path class="halo" d={path} />
      <path class="ink" d={path} />
      <text x={x} y={y} text-anchor="middle">
        {line.name}
      </text>
    </g>
  );
}
