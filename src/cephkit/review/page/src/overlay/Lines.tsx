/** The tracing: the lines that the chosen analysis measures from. */

import { computed, useComputed } from "@preact/signals";
import type { LineInfo, XY } from "../contract";
import { carried, view } from "../stage/view";
import { at, lit, placed } from "../state/film";
import { analysis, session } from "../state/session";
import { steady } from "../state/steady";
import { usedBy } from "../table/state";
import { linePoints, polyline } from "./geometry";
import { covered } from "./Landmark";
import { placeNames } from "./labels";
import { scaled } from "./Overlay";

const BEYOND = 0.045;

/** How far lines run beyond their ends; it follows the set of landmarks, not each of their moves. */
const beyond = computed(() => {
  const points = placed.value.map((symbol) => at(symbol)).filter((point) => point !== null);
  if (!points.length) return 0;
  const side = (i: 0 | 1) => Math.max(...points.map((point) => point[i])) - Math.min(...points.map((point) => point[i]));
  return Math.round((BEYOND * Math.max(side(0), side(1))) / 8) * 8;
});

const shown = steady<LineInfo[]>(() => {
  const used = analysis.value ? usedBy.value : null;
  const isUsed = (line: LineInfo) => !used || [...line.start, ...line.end].every((symbol) => used.has(symbol));
  return (session.value?.lines ?? []).filter(isUsed);
});

const GAPS_PX = [16, 30, 44, 58, 72, 86];
let lastNames = new Map<string, XY>();

/** Where the names of the lines stand, from the ends of the lines: beyond them, out of each other's way. */
const names = computed<ReadonlyMap<string, XY>>(() => {
  const scale = view.value.scale;
  if (carried.value) return lastNames;
  const drawn = shown.value.flatMap((line) => {
    const points = linePoints(line, at, beyond.value)?.map((point) => scaled(point, scale));
    return points ? [{ line, points }] : [];
  });
  const taken = placed.value.map((symbol) => scaled(at(symbol) ?? [0, 0], scale));
  const wanted = drawn.map(({ line, points }) => ({ width: 7.5 * line.name.length, places: GAPS_PX.map((gap) => beyondEnd(points, gap)) }));
  const found = placeNames(wanted, taken, covered.value);
  lastNames = new Map(
    drawn.map(({ line, points }, index) => {
      const [x, y] = found[index] ?? [0, 0];
      const [endX, endY] = points[3] ?? [0, 0];
      return [line.name, [x - endX, y - endY]];
    }),
  );
  return lastNames;
});

/** The point `gap` pixels further along a line. */
function beyondEnd(points: readonly XY[], gap: number): XY {
  const [[ax, ay], [bx, by]] = [points[2] ?? [0, 0], points[3] ?? [0, 0]];
  const length = Math.hypot(bx - ax, by - ay) || 1;
  return [bx + ((bx - ax) / length) * gap, by + ((by - ay) / length) * gap + 4];
}

export function Lines() {
  return (
    <>
      {shown.value.map((line) => (
        <Line key={line.name} line={line} />
      ))}
    </>
  );
}

function Line({ line }: { line: LineInfo }) {
  const points = useComputed(() => linePoints(line, at, beyond.value)?.map((point) => scaled(point, view.value.scale)) ?? null);
  const path = useComputed(() => (points.value ? polyline(points.value) : ""));
  const name = useComputed<XY>(() => {
    const [x, y] = points.value?.[3] ?? [-9999, -9999];
    const [dx, dy] = names.value.get(line.name) ?? [0, 0];
    return [x + dx, y + dy];
  });
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
