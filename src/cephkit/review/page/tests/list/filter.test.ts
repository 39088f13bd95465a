import { describe, expect, it } from "vitest";
import type { FilmRow } from "../../src/contract";
import { chosen } from "../../src/list/filter";
import { rowsInSight, scrolledTo } from "../../src/list/window";

let n = 0;
const row = (part: Partial<FilmRow>): FilmRow => ({
  n: n++, id: `film${n}`, file: `film${n}.png`, split: "", status: "unreviewed", broken: "", largest_error_mm: null, largest_error_px: null,
  largest_distance_mm: null, missing: 0, needs_review: 0, doubt: "", points: 19, ...part,
});
const rows = [
  row({ id: "a", largest_error_mm: 1 }),
  row({ id: "b", status: "confirmed", largest_error_mm: 3, needs_review: 2 }),
  row({ id: "c", status: "started", largest_error_px: 40, doubt: "hidden by a hand" }),
  row({ id: "d", missing: 4, largest_error_mm: 2 }),
  row({ id: "e", broken: "not a picture" }),
  row({ id: "Film_20", file: "Sub/Film_20.DCM", largest_error_px: 50 }),
];
const ids = (...args: Parameters<typeof chosen> extends [unknown, ...infer Rest] ? Rest : never) => chosen(rows, ...args).map(({ id }) => id);

describe("the list", () => {
  it("filters", () => {
    expect(ids("unreviewed", "file", "")).toEqual(["a", "d", "Film_20"]);
    expect(ids("confirmed", "file", "")).toEqual(["b"]);
    expect(ids("review", "file", "")).toEqual(["b"]);
    expect(ids("missing", "file", "")).toEqual(["d"]);
    expect(ids("doubtful", "file", "")).toEqual(["c"]);
    expect(ids("broken", "file", "")).toEqual(["e"]);
  });

  it("puts the largest error first, lengths before pixels, and films without one last", () => {
    expect(ids("all", "error", "")).toEqual(["b", "d", "a", "Film_20", "c", "e"]);
  });

  it("puts what was not reviewed first and keeps the order of the rest", () => {
    expect(ids("all", "status", "")).toEqual(["a", "d", "e", "Film_20", "c", "b"]);
  });

  it("finds names in either case, in folders too", () => {
    expect(ids("all", "file", " film_2 ")).toEqual(["Film_20"]);
    expect(ids("all", "file", "sub/")).toEqual(["Film_20"]);
    expect(ids("all", "file", "nothing")).toEqual([]);
  });

  it("sorts 10,000 films", () => {
    const many = Array.from({ length: 10_000 }, (_, i) => row({ largest_error_mm: (i * 7919) % 1000 }));
    const found = chosen(many, "all", "error", "");
    expect(found[0]?.largest_error_mm).toBe(999);
  });
});

describe("rows in sight", () => {
  it("are few, however long the list", () => {
    expect(rowsInSight(0, 700, 70, 10_000, 5)).toEqual({ first: 0, end: 15 });
    expect(rowsInSight(70_000, 700, 70, 10_000, 5)).toEqual({ first: 995, end: 1015 });
    expect(rowsInSight(699_300, 700, 70, 10_000, 5)).toEqual({ first: 9985, end: 10_000 });
    expect(rowsInSight(5000, 700, 70, 3, 5)).toEqual({ first: 3, end: 3 });
  });

  it("are scrolled to only if they are out of sight", () => {
    expect(scrolledTo(5, 0, 700, 70)).toBe(0);
    expect(scrolledTo(20, 0, 700, 70)).toBe(770);
    expect(scrolledTo(2, 700, 700, 70)).toBe(140);
  });
});
