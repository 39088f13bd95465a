import { describe, expect, it } from "vitest";
import { aspectOf, isPossible, pixelSize, rulerOrigin, spacingOf } from "../../src/calibrate/scale";

describe("the pixel size", () => {
  it("is the length of the ruler by its pixels", () => {
    expect(pixelSize([[0, 0], [300, 400]], 50)).toBeCloseTo(0.1, 12);
  });

  it("is unknown without two marks and a length", () => {
    expect(pixelSize([[0, 0]], 50)).toBeNaN();
    expect(pixelSize([[0, 0], [1, 1]], NaN)).toBeNaN();
    expect(pixelSize([[0, 0], [1, 1]], -5)).toBeNaN();
    expect(isPossible(pixelSize([[2, 2], [2, 2]], 50))).toBe(false);
  });

  it("keeps the shape of oblong pixels, which one ruler cannot tell", () => {
    const before = { row_mm: 0.2, column_mm: 0.1, origin: "DICOM", plane: "detector" };
    const aspect = aspectOf(before);
    for (const end of [[400, 0], [0, 200], [240, 160]] as const) {
      const size = pixelSize([[0, 0], end], 80, aspect);
      expect(spacingOf(size, "ruler", before, aspect)).toMatchObject({ row_mm: 0.4, column_mm: 0.2 });
    }
    expect(aspectOf(null)).toBe(1);
  });

  it("says where it comes from and keeps the plane that was known", () => {
    const before = { row_mm: 0.2, column_mm: 0.2, origin: "DICOM", plane: "detector" };
    expect(spacingOf(0.1, rulerOrigin(50, 500), before)).toEqual({ row_mm: 0.1, column_mm: 0.1, origin: "ruler: 50 mm over 500.0 pixels", plane: "detector" });
  });
});
