/** Smooth outlines of the structures, which follow their landmarks. */

import { computed, effect, signal, useComputed } from "@preact/signals";
import { api } from "../api";
import type { OutlineInfo, Outlines as Answer } from "../contract";
import { view } from "../stage/view";
import { at, placed } from "../state/film";
import { layers } from "../state/session";
import { outlinePoints } from "./geometry";
import { scaled } from "./Overlay";
import { splinePath } from "./spline";

const NONE: Answer = { symbols: [], outlines: [] };
const answers = signal<ReadonlyMap<string, Answer>>(new Map());
const present = computed(() => [...placed.value].sort().join(","));
const current = computed(() => answers.value.get(present.value) ?? NONE);

/** Ask which outlines the landmarks that are there support, once for each such set. */
export function watchOutlines(): void {
  effect(() => {
    const key = present.value;
    if (!key || !layers.value.outlines || answers.peek().has(key)) return;
    api.outlines(key.split(",")).then(
      (answer) => (answers.value = new Map(answers.peek()).set(key, answer)),
      () => undefined, // the film can be worked on without them
    );
  });
}

export function Outlines() {
  const { symbols, outlines } = current.value;
  return (
    <>
      {outlines.map((outline, index) => (
        <Outline key={`${outline.name} ${index}`} outline={outline} symbols={symbols} />
      ))}
    </>
  );
}

function Outline({ outline, symbols }: { outline: OutlineInfo; symbols: readonly string[] }) {
  const path = useComputed(() => {
    const points = outlinePoints(outline, symbols, at);
    return points ? splinePath(points.map((point) => scaled(point, view.value.scale)), outline.closed) : "";
  });
  return (
    <g class={`outline ${outline.tissue}`}>
      <path class="halo" d={path} />
      <path class="ink" d={path} />
    </g>
  );
}
