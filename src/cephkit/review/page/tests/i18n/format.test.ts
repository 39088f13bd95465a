import { describe, expect, it } from "vitest";
import { en, type Key } from "../../src/i18n/en";
import { fa } from "../../src/i18n/fa";
import { moment, number, parse, quantity, share } from "../../src/i18n/format";

const plain = (text: string) => text.replace(/[\u200e\u200f]/g, "");

describe("numbers", () => {
  it("are written in the digits of the language", () => {
    expect(number(-2.345, "en", 1)).toBe("-2.3");
    expect(plain(number(-2.345, "fa", 1))).toBe("−۲٫۳");
    expect(plain(number(1234.5, "fa", 1))).toBe("۱٬۲۳۴٫۵");
    expect(number(0, "en", 1, true)).toBe("0.0");
    expect(number(0.5, "en", 1, true)).toBe("+0.5");
    expect([number(-0.02, "en", 1), quantity(-0.02, "deg", "en"), quantity(-0.2, "deg", "en")]).toEqual(["0.0", "0.0°", "-0.2°"]);
  });

  it("have units by the rules of the language", () => {
    expect(quantity(4.25, "mm", "en")).toBe("4.3 mm");
    expect(plain(quantity(4.25, "mm", "fa"))).toBe("۴٫۳ میلی‌متر");
    expect(quantity(82, "deg", "en")).toBe("82.0°");
    expect(quantity(0.7, "ratio", "en", 3)).toBe("0.700");
  });

  it("call no class certain", () => {
    expect(share(0.62, "en")).toBe("62%");
    expect(share(1, "en")).toBe(">99%");
    expect(plain(share(0.999, "fa"))).toBe("بیش از ۹۹٪");
  });

  it("are read in either language's digits", () => {
    expect(parse("۰٫۱۲۵")).toBe(0.125);
    expect(parse("۰/۱۲۵")).toBe(0.125);
    expect(parse(" 0,1 ")).toBe(0.1);
    expect(parse("٣")).toBe(3);
    expect(parse(".5")).toBe(0.5);
    for (const text of ["", "abc", "1/8", "1e3", "1 2", "--1", "1.2.3"]) expect(parse(text)).toBeNaN();
  });
});

describe("times", () => {
  it("have a date unless they are of today", () => {
    const now = new Date(2026, 5, 1, 12);
    const today = moment(new Date(2026, 5, 1, 9, 30).toISOString(), "en", now);
    const before = moment(new Date(2026, 4, 1, 9, 30).toISOString(), "en", now);
    expect(before.length).toBeGreaterThan(today.length);
    expect(moment("not a time", "en")).toBe("not a time");
  });
});

describe("the Persian texts", () => {
  const blanks = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();

  it.each(Object.keys(en) as Key[])("fill in the same as the English ones: %s", (key) => {
    expect(blanks(fa[key])).toEqual(blanks(en[key]));
  });

  it("are Persian: Arabic letters that look alike are not used", () => {
    for (const text of Object.values(fa)) expect(text).not.toMatch(/[يك٠-٩]/);
  });
});
