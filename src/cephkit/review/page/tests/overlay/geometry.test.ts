import { describe, expect, it } from "vitest";
import type { LineInfo, Matrix, XY } from "../../src/contract";
import { linePoints, middleOf, outlinePoints, polyline, regionEllipse } from "../../src/overlay/geometry";
import { labelBoxes, placeLabels, placeNames } from "../../src/overlay/labels";

const POINTS: Record<string, XY> = { S: [0, 0], N: [30, 40], A: [10, 10], B: [20, 30] };
const pointOf = (symbol: string) => POINTS[symbol] ?? null;
const line: LineInfo = { name: "SN", start: ["S"], end: ["N"], tissue: "bone", dashed: false, unless: null };

describe("a region", () => {
  it("is an ellipse on which d' R^-1 d is 1", () => {
    const region: Matrix = [[25, 9], [9, 16]];
    const { rx, ry, degrees } = regionEllipse(region);
    const [[a, b], [, c]] = region;
    const determinant = a * c - b * b;
    for (const turn of [0, 0.7, 2, 4]) {
      const [u, v] = [rx * Math.cos(turn), ry * Math.sin(turn)];
      const angle = (degrees * Math.PI) / 180;
      const [x, y] = [u * Math.cos(angle) - v * Math.sin(angle), u * Math.sin(angle) + v * Math.cos(angle)];
      expect((c * x * x - 2 * b * x * y + a * y * y) / determinant).toBeCloseTo(1, 9);
    }
    expect(rx).toBeGreaterThan(ry);
  });

  it("that is a circle, or has no width, is still an ellipse", () => {
    expect(regionEllipse([[4, 0], [0, 4]])).toMatchObject({ rx: 2, ry: 2 });
    expect(regionEllipse([[0, 0], [0, 9]])).toEqual({ rx: 3, ry: 0, degrees: 90 });
  });
});

describe("a line", () => {
  it("goes beyond its ends", () => {
    expect(linePoints(line, pointOf, 5)).toEqual([[-3, -4], [0, 0], [30, 40], [33, 44]]);
  });

  it("starts midway between two landmarks", () => {
    expect(middleOf(["A", "B"], pointOf)).toEqual([15, 20]);
    expect(middleOf(["A", "Me"], pointOf)).toBeNull();
  });

  it("is not drawn without its landmarks, or where another is drawn instead", () => {
    expect(linePoints({ ...line, end: ["Me"] }, pointOf, 5)).toBeNull();
    expect(linePoints({ ...line, unless: "A" }, pointOf, 5)).toBeNull();
    expect(linePoints({ ...line, end: ["S"] }, pointOf, 5)).toBeNull();
  });
});

describe("an outline", () => {
  const outline = { name: "x", tissue: "bone" as const, closed: false, symbols: ["S", "N"], weights: [[[0.5, 0], [0.5, 0]], [[1, -1], [0, 1]]] as XY[][] };

  it("is a sum of landmarks with complex weights", () => {
    // The second point: S (1 - i) + N i, with S = 0 and N = 30 + 40i.
    expect(outlinePoints(outline, pointOf)).toEqual([[15, 20], [-40, 30]]);
  });

  it("turns on square pixels", () => {
    // With pixels twice as high as wide, N is 30 + 80i in pixel widths.
    expect(outlinePoints(outline, pointOf, 2)).toEqual([[15, 20], [-80, 15]]);
  });

  it("is not drawn without one of its landmarks", () => {
    expect(outlinePoints({ ...outline, symbols: ["S", "Me"] }, pointOf)).toBeNull();
  });
});

describe("a line through points", () => {
  it("is straight from each to the next, and back if it is closed", () => {
    const points: XY[] = [[0, 0], [1.25, 2], [5, 5]];
    expect(polyline(points)).toBe("M0.0 0.0L1.3 2.0L5.0 5.0");
    expect(polyline(points, true)).toBe("M0.0 0.0L1.3 2.0L5.0 5.0Z");
    expect(polyline([[1, 1]], true)).toBe("");
  });
});

describe("names", () => {
  it("avoid each other", () => {
    const places = placeLabels([
      { symbol: "LIT", at: [100, 100], width: 24 },
      { symbol: "UIT", at: [104, 102], width: 24 },
      { symbol: "S", at: [500, 500], width: 8 },
    ]);
    expect(places.get("S")).toMatchObject({ dx: 10, dy: -6 });
    expect(places.get("LIT")).not.toEqual(places.get("UIT"));
  });

  it("of lines go further out where another stands or a landmark lies", () => {
    const places: XY[] = [[100, 100], [100, 130], [100, 160]];
    expect(placeNames([{ width: 30, places }, { width: 30, places }], [])).toEqual([[100, 100], [100, 130]]);
    expect(placeNames([{ width: 30, places }, { width: 30, places }], [[100, 125]])).toEqual([[100, 100], [100, 160]]);
    const label = { symbol: "Sn", at: [90, 106], width: 16 } as const;
    const covered = labelBoxes([label], placeLabels([label]));
    expect(placeNames([{ width: 30, places }], [], covered)).toEqual([[100, 130]]);
  });
});
