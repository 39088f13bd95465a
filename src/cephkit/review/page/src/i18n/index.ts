/** The page's language. */

import { computed, signal } from "@preact/signals";
import type { LandmarkInfo, Language, Measurement } from "../contract";
import { en, type Key } from "./en";
import { fa } from "./fa";
import * as format from "./format";
import { isolate, persian } from "./sentences";

export type { Key } from "./en";

export const language = signal<Language>("en");
export const direction = computed(() => (language.value === "fa" ? "rtl" : "ltr"));
/** For figures with words: the signs in a figure are from left to right, and a browser would take the words to be so, too. */
export const fromRight = computed(() => (language.value === "fa" ? "rtl" : undefined));

/** A text of the page; numbers among `values` are written in the digits of the language. */
export function t(key: Key, values: Record<string, string | number> = {}): string {
  const text = (language.value === "fa" ? fa : en)[key];
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    if (value === undefined) return whole;
    return typeof value === "number" ? format.upTo(value, language.value, 2) : isolated(value);
  });
}

/** `text` so that its direction does not mix with that of the sentence around it. */
export const isolated = (text: string) => (language.value === "fa" ? isolate(text) : text);

/** What the server says: a sentence, the name of a class; as the server wrote it if it is not known in this language. */
export const said = (text: string) => (language.value === "fa" && text ? (persian(text) ?? isolate(text)) : text);

/** The language that `said(text)` is in. */
export const languageOf = (text: string): Language => (language.value === "fa" && persian(text) !== null ? "fa" : "en");

export const number = (value: number, digits = 0, signed = false) => format.number(value, language.value, digits, signed);
export const upTo = (value: number, digits: number) => format.upTo(value, language.value, digits);
export const quantity = (value: number, unit: string, digits = 1) => format.quantity(value, unit, language.value, digits);
export const measured = (value: number, unit: Measurement["unit"]) => quantity(value, unit, format.DIGITS[unit]);
export const percent = (value: number) => format.percent(value, language.value);
export const share = (value: number) => format.share(value, language.value);
export const moment = (time: string) => format.moment(time, language.value);
export const { parse, DIGITS } = format;

export const titleOf = (landmark: LandmarkInfo) => (language.value === "fa" ? landmark.title_fa : "") || landmark.title;
export const definitionOf = (landmark: LandmarkInfo) =>
  (language.value === "fa" ? landmark.definition_fa : "") || landmark.definition;

/** Names in a row, as a sentence has them. */
export function listed(names: readonly string[], most = 6): string {
  const shown = names.slice(0, most).join(language.value === "fa" ? "، " : ", ");
  return names.length > most ? `${shown} +${upTo(names.length - most, 0)}` : shown;
}
