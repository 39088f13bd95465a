import { describe, expect, it } from "vitest";
import { isPossible, isSquare, pixelSize, rulerOrigin, spacingOf, typedOrigin } from "../../src/calibrate/scale";

describe("the pixel size", () => {
  it("is the length of the ruler by its pixels", () => {
    expect(pixelSize([[0, 0], [300, 400]], 50, 1)).toBeCloseTo(0.1, 12);
  });

  it("is unknown without two marks and a length", () => {
    expect(pixelSize([[0, 0]], 50, 1)).toBeNaN();
    expect(pixelSize([[0, 0], [1, 1]], NaN, 1)).toBeNaN();
    expect(pixelSize([[0, 0], [1, 1]], -5, 1)).toBeNaN();
    expect(isPossible(pixelSize([[2, 2], [2, 2]], 50, 1))).toBe(false);
  });

  it("keeps the shape of oblong pixels, which one ruler cannot tell", () => {
    const before = { row_mm: 0.2, column_mm: 0.1, origin: "DICOM", plane: "detector" };
    const aspect = 2;
    for (const end of [[400, 0], [0, 200], [240, 160]] as const) {
      const size = pixelSize([[0, 0], end], 80, aspect);
      expect(spacingOf(size, "ruler", before, aspect)).toMatchObject({ row_mm: 0.4, column_mm: 0.2 });
    }
  });

  it("that is typed is the width; both sides must be possible", () => {
    expect(spacingOf(0.15, typedOrigin(2), null, 2)).toEqual({ row_mm: 0.3, column_mm: 0.15, origin: "width of a pixel typed by the reviewer", plane: "unknown" });
    expect(typedOrigin(1)).toBe("typed by the reviewer");
    expect([isPossible(1.5, 1), isPossible(1.5, 2), isPossible(0.006, 0.5)]).toEqual([true, false, false]);
    expect([isSquare(1.0005), isSquare(1.01)]).toEqual([true, false]);
  });

  it("says where it comes from and keeps the plane that was known", () => {
    const before = { row_mm: 0.2, column_mm: 0.2, origin: "DICOM", plane: "detector" };
    expect(spacingOf(0.1, rulerOrigin(50, 500), before, 1)).toEqual({ row_mm: 0.1, column_mm: 0.1, origin: "ruler: 50 mm over 500.0 pixels", plane: "detector" });
  });
});
