import { beforeEach, describe, expect, it } from "vitest";
import type { Entry, FilmState, Point, Session } from "../../src/contract";
import { aspect, base, clear, confirmed, content, failed, history, missing, needsReview, placed, pointSignal, selected, show, steps } from "../../src/state/film";
import { session } from "../../src/state/session";

const point = (x: number, origin: Point["origin"], confirmed = false): Point => ({ at: [x, 1], origin, confirmed });

function film(given: { points: Record<string, Point>; truth?: FilmState["truth"]; history?: Entry[] }): FilmState {
  return {
    n: 1, truth: given.truth ?? {}, history: given.history ?? [], spacing: null, doubted: [],
    predicted: { points: { A: [5, 1], B: [6, 1] }, needs_review: ["A"], regions_90: {}, expected_errors_px: {} },
    state: { revision: 0, confirmed: false, points: given.points, subject: { age: null, sex: null } },
  } as unknown as FilmState;
}

beforeEach(() => show(film({ points: {} })));

describe("what was there at first", () => {
  it("is what the model found on a film without labels", () => {
    const moved: Entry = { kind: "points", changes: [{ symbol: "A", before: null, after: point(9, "placed") }], revision: 1, time: "", reviewer: "" };
    show(film({ points: { A: point(9, "placed") }, history: [moved] }));
    expect(Object.fromEntries(base.value)).toEqual({ A: point(5, "predicted"), B: point(6, "predicted") });
  });

  it("is the labels alone on a film that has some", () => {
    const moved: Entry = { kind: "points", changes: [{ symbol: "A", before: point(4, "label"), after: point(9, "corrected") }], revision: 1, time: "", reviewer: "" };
    show(film({ points: { A: point(9, "corrected") }, truth: { senior: { A: [4, 1] }, junior: { A: [3, 1], C: [2, 2] } }, history: [moved] }));
    expect(Object.fromEntries(base.value)).toEqual({ A: point(4, "label") });
  });
});

it("leaves nothing behind where no film can be shown", () => {
  const entry: Entry = { kind: "film", before: false, after: true, revision: 1, time: "", reviewer: "" };
  show({ ...film({ points: { A: point(4, "label") }, history: [entry] }), spacing: { row_mm: 1, column_mm: 1, origin: "ruler", plane: "unknown" } });
  confirmed.value = true;
  selected.value = "A";
  clear("cannot be read");
  expect(content()).toEqual({ points: {}, confirmed: false, spacing: null, subject: { age: null, sex: null } });
  expect([history.value.undo, steps.value, selected.value, failed.value]).toEqual([[], [], null, "cannot be read"]);
});

describe("a landmark needs review", () => {
  it("while nobody touched it, be it predicted or a label, as the list counts", () => {
    for (const [mark, needed] of [[point(5, "predicted"), true], [point(5, "label"), true], [point(5, "label", true), false], [point(7, "corrected"), false]] as const) {
      show(film({ points: { A: mark } }));
      expect(needsReview("A")).toBe(needed);
    }
  });

  it("if cephkit check found it doubtful, until somebody settles it", () => {
    for (const [mark, needed] of [[point(5, "label"), true], [point(5, "label", true), false], [point(7, "corrected"), false]] as const) {
      show({ ...film({ points: { B: mark } }), doubted: ["B"] });
      expect(needsReview("B")).toBe(needed);
    }
  });
});

describe("the lists of placed and missing landmarks", () => {
  it("stay the same while a landmark moves, and follow those that come and go", () => {
    session.value = { landmarks: [{ symbol: "A" }, { symbol: "B" }] } as unknown as Session;
    show({ ...film({ points: { A: point(5, "predicted") } }), sought: ["A", "B"] });
    const [before, without] = [placed.value, missing.value];
    expect([before, without]).toEqual([["A"], ["B"]]);
    pointSignal("A").value = point(6, "corrected");
    expect(placed.value).toBe(before);
    expect(missing.value).toBe(without);
    pointSignal("B").value = point(1, "placed");
    expect([placed.value, missing.value]).toEqual([["A", "B"], []]);
  });
});

describe("the shape of pixels", () => {
  it("is that of the pixel size, and the file's where none is set", () => {
    const oblong = { ...film({ points: {} }), aspect: 2 };
    show(oblong);
    expect(aspect.value).toBe(2);
    show({ ...oblong, spacing: { row_mm: 0.3, column_mm: 0.1, origin: "x", plane: "unknown" } });
    expect(aspect.value).toBeCloseTo(3, 12);
  });
});
