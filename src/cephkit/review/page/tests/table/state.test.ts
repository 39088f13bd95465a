import { beforeEach, describe, expect, it } from "vitest";
import type { Measurement } from "../../src/contract";
import { following, grouped, measured, rowAt } from "../../src/table/state";

const row = (analysis: string, measurement: string, value: number | null) => ({ analysis, measurement, value, landmarks: ["S", "N"] }) as unknown as Measurement;
const rows = () => [row("Steiner", "sna", 82), row("Steiner", "snb", null), row("Downs", "y_axis", null), row("Tweed", "fma", 25)];

beforeEach(() => {
  measured.value = { rows: rows(), notes: [] };
});

describe("the rows of the table", () => {
  it("are grouped by analysis, without those that have no value unless these are asked for", () => {
    expect(grouped(false)).toEqual([{ analysis: "Steiner", keys: ["Steiner/sna"] }, { analysis: "Tweed", keys: ["Tweed/fma"] }]);
    expect(grouped(true).map(({ keys }) => keys)).toEqual([["Steiner/sna", "Steiner/snb"], ["Downs/y_axis"], ["Tweed/fma"]]);
    expect(rowAt("Tweed/fma")?.value).toBe(25);
  });

  it("are the same objects as before where they say the same", () => {
    const before = measured.value.rows;
    const after = following(before, [row("Tweed", "fma", 25), row("Steiner", "sna", 83), row("Kim", "odi", 70)]);
    expect(after[0]).toBe(before[3]);
    expect(after.map(({ value }) => value)).toEqual([25, 83, 70]);
  });
});
