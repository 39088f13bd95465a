/** Where the names of landmarks hide little else. */

import type { XY } from "../contract";

export interface Label {
  symbol: string;
  at: XY;
  width: number;
}

export interface LabelPlace {
  /** From the landmark, screen pixels. */
  dx: number;
  dy: number;
  anchor: "start" | "middle" | "end";
  /** Other names leave it no room. */
  isCrowded?: boolean;
}

export const FONT = 12;
const ARM = 8;
/** A name may hide so much of others, as a share of its own area. */
const MOST_HIDDEN = 0.15;
const PLACES: readonly LabelPlace[] = [
  { dx: 10, dy: -6, anchor: "start" },
  { dx: 10, dy: 14, anchor: "start" },
  { dx: -10, dy: -6, anchor: "end" },
  { dx: -10, dy: 14, anchor: "end" },
  { dx: 12, dy: 4, anchor: "start" },
  { dx: -12, dy: 4, anchor: "end" },
  { dx: 0, dy: -12, anchor: "middle" },
  { dx: 0, dy: 21, anchor: "middle" },
];

export type Box = readonly [number, number, number, number];

/** One place for each label, `at` in screen pixels: the first of those that cover least. */
export function placeLabels(labels: readonly Label[]): Map<string, LabelPlace> {
  const marks = labels.map(({ at: [x, y] }): Box => [x - ARM, y - ARM, x + ARM, y + ARM]);
  const names: Box[] = [];
  const places = new Map<string, LabelPlace>();
  for (const [index, label] of labels.entries()) {
    let best = PLACES[0] as LabelPlace;
    let [least, hidden] = [Infinity, 0];
    const reach = reachOf(label);
    const isNear = (box: Box) => shared(reach, box) > 0;
    const [nearNames, nearMarks] = [names.filter(isNear), marks.filter((mark, other) => other !== index && isNear(mark))];
    for (const place of PLACES) {
      const box = boxOf(label, place);
      let [ofNames, ofMarks] = [0, 0];
      for (const other of nearNames) ofNames += shared(box, other);
      for (const mark of nearMarks) ofMarks += shared(box, mark);
      if (ofNames + ofMarks < least) [best, least, hidden] = [place, ofNames + ofMarks, ofNames];
      if (least === 0) break;
    }
    const isCrowded = hidden > MOST_HIDDEN * label.width * FONT;
    if (!isCrowded) names.push(boxOf(label, best));
    places.set(label.symbol, isCrowded ? { ...best, isCrowded } : best);
  }
  return places;
}

/** Where the labels that have room stand, [left, top, right, bottom] in screen pixels. */
export function labelBoxes(labels: readonly Label[], places: ReadonlyMap<string, LabelPlace>): Box[] {
  return labels.flatMap((label) => {
    const place = places.get(label.symbol);
    return !place || place.isCrowded ? [] : [boxOf(label, place)];
  });
}

/** For each name the first of its places (middle of the text) that hides least of landmarks, their labels and the names before it. */
export function placeNames(
  names: readonly { width: number; places: readonly XY[] }[],
  landmarks: readonly XY[],
  labels: readonly Box[] = [],
): (XY | null)[] {
  const boxes: Box[] = [...labels, ...landmarks.map(([x, y]): Box => [x - ARM, y - ARM, x + ARM, y + ARM])];
  return names.map(({ width, places }) => {
    let best: XY | null = null;
    let least = Infinity;
    for (const [x, y] of places) {
      const box: Box = [x - width / 2, y - FONT, x + width / 2, y + 2];
      const cost = boxes.reduce((sum, other) => sum + shared(box, other), 0);
      if (cost < least) [best, least] = [[x, y], cost];
    }
    if (best) boxes.push([best[0] - width / 2, best[1] - FONT, best[0] + width / 2, best[1] + 2]);
    return best;
  });
}

/** Where a label may stand. */
const reachOf = ({ at: [x, y], width }: Label): Box => [x - width - 12, y - 12 - FONT, x + width + 12, y + 23];

function boxOf({ at: [x, y], width }: Label, { dx, dy, anchor }: LabelPlace): Box {
  const left = x + dx - (anchor === "end" ? width : anchor === "middle" ? width / 2 : 0);
  return [left, y + dy - FONT, left + width, y + dy + 2];
}

function shared(one: Box, other: Box): number {
  const width = Math.min(one[2], other[2]) - Math.max(one[0], other[0]);
  const height = Math.min(one[3], other[3]) - Math.max(one[1], other[1]);
  return width > 0 && height > 0 ? width * height : 0;
}
