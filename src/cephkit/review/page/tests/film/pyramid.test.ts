import { describe, expect, it } from "vitest";
import { borderStrip, levelFor, tileSize, tilesIn, topLevel, type Pyramid } from "../../src/film/pyramid";
import { fitted } from "../../src/film/view";

const pyramid: Pyramid = { levels: [[2400, 2000], [1200, 1000], [600, 500], [300, 250]], tile: 512 };
const view = (scale: number, left = 0, top = 0) => ({ scale, left, top });

describe("the level", () => {
  it("has pixels at most as large as those of the screen", () => {
    expect(levelFor(view(1), 1, pyramid)).toBe(0);
    expect(levelFor(view(0.51), 1, pyramid)).toBe(0);
    expect(levelFor(view(0.5), 1, pyramid)).toBe(1);
    expect(levelFor(view(0.5), 2, pyramid)).toBe(0);
    expect(levelFor(view(0.3), 1, pyramid)).toBe(1);
    expect(levelFor(view(0.001), 1, pyramid)).toBe(topLevel(pyramid));
    expect(levelFor(view(8), 1, pyramid)).toBe(0);
  });
});

describe("tiles", () => {
  it("cover all that is in sight and nothing else", () => {
    const stage = { width: 900, height: 700 };
    const whole = fitted({ width: 2000, height: 2400 }, stage);
    expect(tilesIn(whole, stage, pyramid, 0)).toHaveLength(5 * 4);
    const near = tilesIn(view(1, -600, -1100), stage, pyramid, 0);
    const places = near.map(({ row, column }) => `${row} ${column}`).sort();
    expect(places).toEqual(["2 1", "2 2", "3 1", "3 2"]);
  });

  it("in the middle of the stage come first", () => {
    const [first] = tilesIn(view(1, -550, -1100), { width: 900, height: 700 }, pyramid, 0);
    expect(first).toEqual({ level: 0, row: 2, column: 1 });
  });

  it("are none where the film is out of sight", () => {
    expect(tilesIn(view(1, 5000, 0), { width: 900, height: 700 }, pyramid, 0)).toEqual([]);
  });

  it("are cut at the far edges", () => {
    expect(tileSize(pyramid, { level: 0, row: 0, column: 0 })).toEqual([512, 512]);
    expect(tileSize(pyramid, { level: 0, row: 4, column: 3 })).toEqual([2400 - 2048, 2000 - 1536]);
    expect(tileSize(pyramid, { level: 3, row: 0, column: 0 })).toEqual([300, 250]);
  });
});

describe("the border of a tile", () => {
  it("takes the neighbour's nearest pixels", () => {
    const size = [512, 512] as const;
    const cut = [512, 100] as const;
    expect(borderStrip(size, cut, 0, 1)).toEqual({ x: 513, y: 1, width: 1, height: 512, fromX: 0, fromY: 0 });
    expect(borderStrip(cut, size, 0, -1)).toEqual({ x: 0, y: 1, width: 1, height: 512, fromX: 511, fromY: 0 });
    expect(borderStrip(size, cut, 1, 1)).toEqual({ x: 513, y: 513, width: 1, height: 1, fromX: 0, fromY: 0 });
    expect(borderStrip(cut, size, -1, 0)).toEqual({ x: 1, y: 0, width: 100, height: 1, fromX: 0, fromY: 511 });
  });
});
