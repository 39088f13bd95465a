/** Where a film lies on the stage. */

import type { XY } from "../contract";

/** Film (x, y) is drawn at ((x + 0.5) * scale + left, ...): pixel centres are integers, the film's corner is (left, top). */
export interface View {
  /** CSS pixels per film pixel. */
  scale: number;
  left: number;
  top: number;
}

export interface Size {
  width: number;
  height: number;
}

const MARGIN = 8;
const LARGEST_SCALE = 40;

/** The whole film in the middle of the stage. */
export function fitted(film: Size, stage: Size): View {
  const room = { width: Math.max(1, stage.width - 2 * MARGIN), height: Math.max(1, stage.height - 2 * MARGIN) };
  const scale = Math.min(room.width / film.width, room.height / film.height);
  return { scale, left: (stage.width - film.width * scale) / 2, top: (stage.height - film.height * scale) / 2 };
}

export function toStage(view: View, [x, y]: XY): [number, number] {
  return [(x + 0.5) * view.scale + view.left, (y + 0.5) * view.scale + view.top];
}

export function toFilm(view: View, [x, y]: XY): [number, number] {
  return [(x - view.left) / view.scale - 0.5, (y - view.top) / view.scale - 0.5];
}

/** `view` with another scale; the film pixel under `at` (stage) stays there. */
export function scaledAt(view: View, scale: number, [x, y]: XY): View {
  const ratio = scale / view.scale;
  return { scale, left: x - (x - view.left) * ratio, top: y - (y - view.top) * ratio };
}

/** `scale` kept between half of the whole film and single pixels. */
export function allowedScale(scale: number, film: Size, stage: Size): number {
  const smallest = Math.min(1, fitted(film, stage).scale) / 2;
  return Math.min(Math.max(scale, smallest), LARGEST_SCALE);
}

/** `view` moved so that some of the film stays on the stage. */
export function kept(view: View, film: Size, stage: Size): View {
  const margin = 48;
  const inside = (start: number, length: number, room: number) =>
    Math.min(Math.max(start, margin - length), room - margin);
  return {
    scale: view.scale,
    left: inside(view.left, film.width * view.scale, stage.width),
    top: inside(view.top, film.height * view.scale, stage.height),
  };
}

/** `view` moved so that a film point is in the middle of the stage. */
export function centred(view: View, at: XY, stage: Size): View {
  const [x, y] = toStage(view, at);
  return { scale: view.scale, left: view.left + stage.width / 2 - x, top: view.top + stage.height / 2 - y };
}

/** Two fingers: what was between them stays between them. */
export function pinched(view: View, before: readonly [XY, XY], after: readonly [XY, XY], limit: (scale: number) => number): View {
  const length = ([[ax, ay], [bx, by]]: readonly [XY, XY]) => Math.max(1, Math.hypot(bx - ax, by - ay));
  const middle = ([[ax, ay], [bx, by]]: readonly [XY, XY]): XY => [(ax + bx) / 2, (ay + by) / 2];
  const from = middle(before);
  const to = middle(after);
  const scaled = scaledAt(view, limit((view.scale * length(after)) / length(before)), from);
  return { scale: scaled.scale, left: scaled.left + to[0] - from[0], top: scaled.top + to[1] - from[1] };
}
