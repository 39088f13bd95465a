import { describe, expect, it } from "vitest";
import { brightness, limited, PLAIN, windowOf } from "../../src/film/window";
import { surroundings } from "../../src/film/contrast";

const own = [1000, 3000] as const;

describe("the window", () => {
  it("is the film's own unless it is changed", () => {
    expect(windowOf(own, PLAIN)).toEqual([1000, 3000]);
    expect(brightness(1000, own, PLAIN)).toBe(0);
    expect(brightness(2000, own, PLAIN)).toBe(0.5);
    expect(brightness(65535, own, PLAIN)).toBe(1);
  });

  it("is narrower with contrast, about the same middle", () => {
    const [low, high] = windowOf(own, { brightness: 0, contrast: 0.5 });
    expect([low, high]).toEqual([1500, 2500]);
  });

  it("lies lower with brightness, so that the film is brighter", () => {
    expect(brightness(1500, own, { ...PLAIN, brightness: 0.2 })).toBeGreaterThan(brightness(1500, own, PLAIN));
  });

  it("has gamma above 1 lift the dark, and inverts last", () => {
    expect(brightness(1500, own, { ...PLAIN, gamma: 2 })).toBeCloseTo(0.5, 9);
    expect(brightness(1500, own, { ...PLAIN, gamma: 2, invert: true })).toBeCloseTo(0.5, 9);
    expect(brightness(1500, own, { ...PLAIN, invert: true })).toBeCloseTo(0.75, 9);
  });

  it("keeps neighbouring 16-bit values apart", () => {
    const narrow = windowOf([30000, 30016], PLAIN);
    expect(brightness(30001, narrow, PLAIN) - brightness(30000, narrow, PLAIN)).toBeCloseTo(1 / 16, 9);
  });

  it("is never upside down", () => {
    expect(limited({ ...PLAIN, brightness: 9, contrast: -9, gamma: 0, local: 2 })).toEqual({ brightness: 1, contrast: -1, gamma: 0.3, invert: false, local: 1 });
    const [low, high] = windowOf([5, 5], PLAIN);
    expect(high).toBeGreaterThan(low);
  });
});

describe("the surroundings", () => {
  it("have the mean and SD of the neighbourhood, not of the film", () => {
    const side = 200;
    const grey = new Uint16Array(side * side);
    for (let y = 0; y < side; y++) for (let x = 0; x < side; x++) grey[y * side + x] = x < 100 ? 1000 : 3000 + (x % 2) * 200;
    const { values, width, height, mean } = surroundings(grey, side, side);
    const figures = (row: number, column: number) => [values[2 * (row * width + column)], values[2 * (row * width + column) + 1]];
    expect([width, height]).toEqual([96, 96]);
    expect(figures(48, 2)).toEqual([1000, 0]);
    expect(figures(48, 90)[0]).toBeCloseTo(3100, -1);
    expect(figures(48, 90)[1]).toBeCloseTo(100, -1);
    expect(mean).toBeCloseTo(2050, 6);
  });
});
