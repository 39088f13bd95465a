import { beforeEach, describe, expect, it, vi } from "vitest";
import type { FilmState, Point } from "../../src/contract";
import { advance, begin, guided, round } from "../../src/guide/state";
import { missing, pointSignal, show } from "../../src/state/film";

const point: Point = { at: [1, 1], origin: "placed", confirmed: false };

describe("missing landmarks", () => {
  beforeEach(() => {
    vi.stubGlobal("document", { getElementById: () => null });
    show({
      n: 1, sought: ["A", "B", "N"], truth: {}, history: [], spacing: null, predicted: null,
      state: { revision: 0, confirmed: false, points: { B: point }, subject: { age: null, sex: null } },
    } as unknown as FilmState);
  });

  it("are those that the server seeks, and nobody has placed", () => {
    expect(missing.value).toEqual(["A", "N"]);
    pointSignal("A").value = point;
    expect(missing.value).toEqual(["N"]);
  });

  it("are placed one after the other", () => {
    begin();
    expect([guided.value, round.value]).toEqual(["A", ["A", "N"]]);
    pointSignal("A").value = point;
    advance();
    expect(guided.value).toBe("N");
  });

  it("do not include another one that is placed on request", () => {
    begin("Pog");
    expect([guided.value, round.value]).toEqual(["Pog", ["Pog"]]);
    pointSignal("Pog").value = point;
    advance();
    expect(guided.value).toBeNull();
  });
});
