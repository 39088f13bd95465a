import { beforeEach, describe, expect, it, vi } from "vitest";
import type { FilmState, XY } from "../../src/contract";
import { covers, Loupe, LOUPE_SIDE, loupeScale, patchAround, placeOf } from "../../src/film/loupe";
import type { Renderer } from "../../src/film/renderer";
import { PLAIN } from "../../src/film/window";

describe("the patch of the film under the loupe", () => {
  it("lies so that the point is in the middle of the loupe", () => {
    for (const scale of [2, 3.7, 160]) {
      const patch = patchAround([700.3, 20.6], scale);
      const [x, y] = placeOf(patch, [710.3, 15.6], scale);
      expect(x + (710.3 + 0.5 - patch.left) * scale).toBeCloseTo(LOUPE_SIDE / 2, 9);
      expect(y + (15.6 + 0.5 - patch.top) * scale).toBeCloseTo(LOUPE_SIDE / 2, 9);
    }
  });

  it("fills the loupe until the point has moved 84 pixels", () => {
    for (const scale of [2, 3.7, 160]) {
      const patch = patchAround([700, 20], scale);
      for (const [dx, dy] of [[0, 0], [84, -84], [-84, 84]] as const) expect(covers(patch, [700 + dx, 20 + dy], scale)).toBe(true);
      for (const [dx, dy] of [[86, 0], [0, -86]] as const) expect(covers(patch, [700 + dx, 20 + dy], scale)).toBe(false);
    }
  });

  it("is shown at four times the scale of the stage, and never below two screen pixels", () => {
    expect(loupeScale(1, 1)).toBe(4);
    expect(loupeScale(0.3, 1)).toBe(2);
    expect(loupeScale(0.1, 2)).toBe(1);
  });
});

describe("the loupe", () => {
  const film = { n: 1 } as FilmState;
  const draw = vi.fn();
  const painter = { draw } as unknown as Renderer;
  const toggle = vi.fn();
  let loupe: Loupe;
  let canvas: HTMLCanvasElement;
  const show = (at: XY, scale = 2, look = PLAIN, of = film) => loupe.show(painter, of, at, scale, look, 1);

  beforeEach(() => {
    vi.clearAllMocks();
    canvas = { width: 300, height: 150, style: {}, classList: { toggle } } as unknown as HTMLCanvasElement;
    loupe = new Loupe(canvas);
  });

  it("moves what it has drawn while a point is dragged", () => {
    show([100, 100]);
    const first = canvas.style.transform;
    show([110, 100]);
    expect(draw).toHaveBeenCalledTimes(1);
    const left = (transform: string) => Number(/translate\(([-\d.]+)px/.exec(transform)?.[1]);
    expect(left(canvas.style.transform)).toBe(left(first) - 20);
    show([400, 100]);
    expect(draw).toHaveBeenCalledTimes(2);
  });

  it("draws again what would look different", () => {
    show([100, 100]);
    show([100, 100], 2, { ...PLAIN, invert: true });
    show([100, 100], 4, { ...PLAIN, invert: true });
    show([100, 100], 4, PLAIN);
    show([100, 100], 4, PLAIN, { ...film });
    loupe.forget();
    show([100, 100], 4, PLAIN, film);
    expect(draw).toHaveBeenCalledTimes(6);
  });

  it("shows single pixels as squares where the stage does", () => {
    show([100, 100], 11);
    expect(toggle).toHaveBeenLastCalledWith("squares", false);
    show([100, 100], 12);
    expect(toggle).toHaveBeenLastCalledWith("squares", true);
  });
});
