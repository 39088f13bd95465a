import { beforeEach, describe, expect, it } from "vitest";
import type { Measurement, Norm } from "../../src/contract";
import { language } from "../../src/i18n";
import { absentText, classText, deviationText, errorText, normText, valueText } from "../../src/table/text";
import { barPlace } from "../../src/table/Bar";

const norm: Norm = { mean: 82, sd: 3.5, low: null, high: null, source: "", kind: "mean and SD", sample: "", note: "" };
const row: Measurement = {
  measurement: "anb", analysis: "Steiner", name: "ANB", unit: "deg", value: 85.56, standard_error: 1.44, absent: "", norm, norm_withheld: "",
  deviation_sd: 1.02, against_range: null, class: "class II", class_question: "skeletal class", class_rule: "ANB: 0 to 4 is class I",
  class_probabilities: { "class I": 0.38, "class II": 0.62, "class III": 0.001 }, class_withheld: "", landmarks: ["A", "N", "B"], note: "",
};
beforeEach(() => {
  language.value = "en";
});

describe("a row of the table", () => {
  it("says value, error, norm and deviation", () => {
    expect([valueText(row), errorText(row), normText(norm, "deg"), deviationText(row)]).toEqual(["85.6°", "± 1.4", "82 ± 3.5", "+1.0 SD"]);
  });

  it("says how likely each class is, not just that it is on the border", () => {
    expect(classText(row)).toBe("62% class II, 38% class I (on the border)");
    expect(classText({ ...row, class_probabilities: { "class II": 0.999, "class I": 0.001 } })).toBe(">99% class II");
    expect(classText({ ...row, class_probabilities: null })).toBe("class II (probability unknown)");
  });

  it("says the same in Persian, with Persian digits", () => {
    language.value = "fa";
    expect(valueText(row)).toBe("۸۵٫۶°");
    expect(classText(row).replace(/[\u2068\u2069\u200e\u200f]/g, "")).toBe("۶۲٪ کلاس II، ۳۸٪ کلاس I (مرزی)");
    expect(absentText("LIA LIT missing").replace(/[\u2068\u2069]/g, "")).toBe("لندمارک ناموجود: LIA LIT");
  });

  it("compares with a range where there is no SD", () => {
    const range = { ...row, deviation_sd: null, against_range: "above" as const, norm: { ...norm, mean: null, sd: null, low: 20, high: 30 }, value: 43 };
    expect([normText(range.norm, "deg"), deviationText(range)]).toEqual(["20 to 30", "above"]);
    expect(barPlace(range)).toBe(3);
    expect(barPlace({ ...range, value: 20 })).toBe(-1);
  });

  it("shows no bar without a norm to compare with", () => {
    expect(barPlace({ ...row, norm: null, deviation_sd: null })).toBeNull();
    expect(barPlace({ ...row, value: null })).toBeNull();
    expect(normText({ ...norm, sd: null, kind: "goal" }, "deg")).toBe("goal 82");
  });
});
