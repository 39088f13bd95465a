import { describe, expect, it } from "vitest";
import { allowedScale, centred, fitted, kept, pinched, scaledAt, toFilm, toStage, type View } from "../../src/film/view";

const film = { width: 2000, height: 2400 };
const stage = { width: 900, height: 700 };
const view: View = { scale: 0.37, left: 12.5, top: -80 };

const near = (one: readonly number[], other: readonly number[]) => one.forEach((value, i) => expect(value).toBeCloseTo(other[i] ?? NaN, 9));

describe("the view", () => {
  it("takes film pixels to the stage and back", () => {
    near(toFilm(view, toStage(view, [123.4, 567.8])), [123.4, 567.8]);
  });

  it("has pixel centres at integers: the film's corner is half a pixel before the first", () => {
    near(toStage({ scale: 2, left: 10, top: 20 }, [-0.5, -0.5]), [10, 20]);
    near(toStage({ scale: 2, left: 10, top: 20 }, [0, 0]), [11, 21]);
  });

  it("shows the whole film in the middle", () => {
    const whole = fitted(film, stage);
    const [left, top] = toStage(whole, [-0.5, -0.5]);
    const [right, bottom] = toStage(whole, [film.width - 0.5, film.height - 0.5]);
    expect(left).toBeCloseTo(stage.width - right, 9);
    expect(top).toBeCloseTo(stage.height - bottom, 9);
    expect(top).toBeCloseTo(8, 9);
  });

  it("zooms at the pointer", () => {
    const at = [333, 222] as const;
    near(toFilm(scaledAt(view, 2.5, at), at), toFilm(view, at));
  });

  it("keeps what is between two fingers between them", () => {
    const before = [[100, 100], [300, 100]] as const;
    const after = [[120, 150], [520, 150]] as const;
    const next = pinched(view, before, after, (scale) => scale);
    expect(next.scale).toBeCloseTo(2 * view.scale, 9);
    near(toFilm(next, [320, 150]), toFilm(view, [200, 100]));
  });

  it("brings a point to the middle", () => {
    near(toStage(centred(view, [50, 60], stage), [50, 60]), [450, 350]);
  });

  it("never loses the film, nor shrinks it to nothing", () => {
    const lost = kept({ scale: 0.2, left: 1e6, top: -1e6 }, film, stage);
    expect(lost.left).toBeLessThan(stage.width);
    expect(lost.top + film.height * lost.scale).toBeGreaterThan(0);
    expect(allowedScale(1e-9, film, stage)).toBeCloseTo(fitted(film, stage).scale / 2, 9);
    expect(allowedScale(1e9, film, stage)).toBe(40);
  });
});
