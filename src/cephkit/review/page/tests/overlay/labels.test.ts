import { describe, expect, it } from "vitest";
import { labelBoxes, placeLabels, type Label } from "../../src/overlay/labels";

const label = (symbol: string, x: number, y: number): Label => ({ symbol, at: [x, y], width: 24 });
const overlap = (a: readonly number[], b: readonly number[]) =>
  Math.max(0, Math.min(a[2]!, b[2]!) - Math.max(a[0]!, b[0]!)) * Math.max(0, Math.min(a[3]!, b[3]!) - Math.max(a[1]!, b[1]!));

describe("names of landmarks", () => {
  it("go where they hide nothing", () => {
    const labels = [label("A", 100, 100), label("B", 122, 96)];
    const boxes = labelBoxes(labels, placeLabels(labels));
    expect(overlap(boxes[0]!, boxes[1]!)).toBe(0);
    expect(placeLabels(labels).get("A")!.anchor).not.toBe(placeLabels(labels).get("B")!.anchor);
  });

  it("are left out where hundreds leave no room, and those shown can be read", () => {
    const labels = Array.from({ length: 300 }, (_, k) => label(`Q${k}`, 100 + 11 * (k % 20), 100 + 11 * Math.floor(k / 20)));
    const places = placeLabels(labels);
    const boxes = labelBoxes(labels, places);
    expect(places.size).toBe(300);
    expect(boxes.length).toBeGreaterThan(20);
    expect(boxes.length).toBeLessThan(200);
    for (const [i, one] of boxes.entries())
      expect(boxes.slice(0, i).reduce((sum, other) => sum + overlap(one, other), 0)).toBeLessThanOrEqual(0.15 * 24 * 12);
  });
});
