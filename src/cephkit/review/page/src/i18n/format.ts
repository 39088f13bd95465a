/** Numbers as each language writes them. */

import type { Language, Measurement } from "../contract";

const LOCALES: Record<Language, string> = { en: "en", fa: "fa-IR" };
const UNITS: Record<string, string> = { deg: "degree", mm: "millimeter", "%": "percent" };
export const DIGITS: Record<Measurement["unit"], number> = { deg: 1, mm: 1, "%": 1, ratio: 3 };

const formats = new Map<string, Intl.NumberFormat>();

function format(language: Language, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = language + JSON.stringify(options);
  let found = formats.get(key);
  if (!found) {
    found = new Intl.NumberFormat(LOCALES[language], { signDisplay: "negative", ...options }); // no minus before 0.0
    formats.set(key, found);
  }
  return found;
}

/** `digits` decimals, in the digits of the language. */
export function number(value: number, language: Language, digits = 0, signed = false): string {
  return format(language, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
    ...(signed ? { signDisplay: "exceptZero" } : {}),
  }).format(value);
}

/** A whole number, or as many of `digits` decimals as it needs. */
export function upTo(value: number, language: Language, digits: number): string {
  return format(language, { maximumFractionDigits: digits }).format(value);
}

/** A measured value with its unit. */
export function quantity(value: number, unit: string, language: Language, digits = 1): string {
  const name = UNITS[unit];
  if (!name) return number(value, language, digits);
  return format(language, {
    style: "unit",
    unit: name,
    unitDisplay: unit === "deg" ? "narrow" : "short",
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(value);
}

/** A whole number of percent. */
export const percent = (value: number, language: Language) => format(language, { style: "percent" }).format(value);

/** A probability; no class is certain. */
export function share(value: number, language: Language): string {
  if (value > 0.994) return `${language === "fa" ? "بیش از " : ">"}${percent(0.99, language)}`;
  return percent(value, language);
}

/** Typed digits of either language as a number; NaN if the text is not one. A slash is a decimal point between Persian digits only. */
export function parse(text: string): number {
  const plain = text
    .trim()
    .replace(/(?<=[۰-۹٠-٩])\/(?=[۰-۹٠-٩])/, ".")
    .replace(/[۰-۹]/g, (digit) => String(digit.charCodeAt(0) - 0x06f0))
    .replace(/[٠-٩]/g, (digit) => String(digit.charCodeAt(0) - 0x0660))
    .replace(/[٫,]/g, ".");
  return /^[+-]?\d*\.?\d+$/.test(plain) ? Number(plain) : NaN;
}

/** A time of the journal, as a clock shows it today and with the date before. */
export function moment(time: string, language: Language, now = new Date()): string {
  const then = new Date(time);
  if (Number.isNaN(then.getTime())) return time;
  const today = then.toDateString() === now.toDateString();
  const locale = language === "fa" ? "fa-IR" : undefined;
  return then.toLocaleString(locale, today ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" });
}
