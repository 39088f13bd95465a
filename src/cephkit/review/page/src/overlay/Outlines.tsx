/** Smooth outlines of the structures, which follow their landmarks. */

import { computed, effect, signal, useComputed } from "@preact/signals";
import { api } from "../api";
import type { OutlineInfo, Outlines as Answer } from "../contract";
import { carried, view } from "../stage/view";
import { aspect, at, film, placed } from "../state/film";
import { landmarkOf, layers } from "../state/session";
import { steady } from "../state/steady";
import { outlinePoints, polyline } from "./geometry";
import { scaled } from "./Overlay";

const answers = signal<ReadonlyMap<string, Answer>>(new Map());
const facing = computed(() => (film.value?.facing === "left" ? "left" : "right"));
/** What the outlines depend on: the landmarks that are there, not where they are. */
const present = steady(() => placed.value.filter((symbol) => landmarkOf(symbol)?.drawn));
const question = computed(() => (present.value.length ? `${facing.value} ${present.value.join(",")}` : ""));
const current = computed(() => answers.value.get(question.value)?.outlines ?? []);
/** Without a graphics card, the faint halos are what makes a drag miss frames. */
const isDragging = computed(() => carried.value !== null);

/** Ask which outlines the landmarks that are there support, once for each such set. */
export function watchOutlines(): void {
  effect(() => {
    const key = question.value;
    if (!key || !layers.value.outlines || answers.peek().has(key)) return;
    api.outlines(present.peek(), facing.peek()).then(
      (answer) => (answers.value = new Map(answers.peek()).set(key, answer)),
      () => undefined, // the film can be worked on without them
    );
  });
}

export function Outlines() {
  const key = question.value;
  return (
    <>
      {current.value.map((outline, index) => (
        <Outline key={`${key} ${index}`} outline={outline} />
      ))}
    </>
  );
}

function Outline({ outline }: { outline: OutlineInfo }) {
  const path = useComputed(() => {
    const points = outlinePoints(outline, at, aspect.value);
    // The points are close enough to each other that straight pieces look smooth, and are drawn three times as fast.
    return points ? polyline(points.map((point) => scaled(point, view.value.scale)), outline.closed) : "";
  });
  return (
    <g class={`outline ${outline.tissue}`}>
      {!isDragging.value && <path class="halo" d={path} />}
      <path class="ink" d={path} />
    </g>
  );
}
