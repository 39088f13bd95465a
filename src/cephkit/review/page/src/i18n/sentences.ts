/**
 * What the server says, in Persian.
 *
 * The server speaks English, and so do the files that it writes. `sentences.json` has each of its sentences as the code
 * writes it, with a name in braces for each figure or word that is filled in: here a sentence is recognised by its words,
 * and told in Persian with the same fillings. tests/review/test_sentences.py fails if one that the server can send is
 * not there.
 */

import { number, quantity } from "./format";
import sections from "./sentences.json";

interface Sentence {
  pattern: RegExp;
  /** Names of the groups of `pattern`, in order. */
  fields: string[];
  persian: string;
  /** Letters that are not filled in: of two sentences that fit, the one with more of them is meant. */
  letters: number;
}

const FIELD = /\{(\w+)\}/g;
const WORDS = new Map<string, string>(Object.values(sections).flatMap((section) => Object.entries(section)));
const SENTENCES: Sentence[] = [...WORDS]
  .filter(([english]) => english.includes("{"))
  .map(([english, persian]) => sentenceOf(english, persian))
  .sort((a, b) => b.letters - a.letters);
/** A sentence with fewer letters must have fillings that are known, too: "{one} and {other}" fits anything. */
const TELLING = 12;
const UNITS: Record<string, string> = { "°": "deg", mm: "mm", "%": "%" };
const MOST_KEPT = 2000;

const kept = new Map<string, string | null>();

/** `text` in Persian; null if it is not known. */
export const persian = (text: string) => told(text, true) ?? told(text, false);

/** If `strict`, all that is filled in must be known, or be names and figures; else other programs may have said it. */
function told(text: string, strict: boolean): string | null {
  const key = `${strict}${text}`;
  let found = kept.get(key);
  if (found === undefined) {
    found = whole(text, true) ?? parts(text, strict) ?? (strict ? null : whole(text, false));
    if (kept.size >= MOST_KEPT) kept.clear(); // figures of a dragged landmark
    kept.set(key, found);
  }
  return found;
}

/** A single word or sentence. */
function whole(text: string, strict: boolean): string | null {
  const word = WORDS.get(text);
  if (word !== undefined) return withIsolates(word);
  for (const { pattern, fields, persian: sentence, letters } of SENTENCES) {
    const values = pattern.exec(text)?.slice(1);
    if (values && (strict ? values.every(isKnown) : letters >= TELLING)) {
      return withIsolates(sentence, (name) => filling(values[fields.indexOf(name)] ?? ""));
    }
  }
  return null;
}

/** Sentences in a row, words in a list, or a file and what is wrong with it. */
function parts(text: string, strict: boolean): string | null {
  for (const [mark, written] of [["; ", "؛ "], [": ", ": "], [", ", "، "]] as const) {
    for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + 1)) {
      const first = text.slice(0, at);
      const start = mark !== ": " ? told(first, strict) : strict && !isKnown(first) ? null : filling(first);
      const rest = start === null ? null : told(text.slice(at + mark.length), strict);
      if (start !== null && rest !== null) return start + written + rest;
    }
  }
  return null;
}

/** Names and figures are; but no list with a figure is one filling: in "n 20, 12 to 17 years" two things are said. */
const isKnown = (value: string) => !/[a-z]{3}|, \d/.test(value) || told(value, true) !== null;

/** What is filled into a Persian sentence: figures in Persian digits, known words in Persian, other names as they are. */
function filling(value: string): string {
  const [, digits, unit = ""] = /^([+-]?\d[\d,]*(?:\.\d+)?) ?(°|mm|%|)$/.exec(value) ?? [];
  if (digits) {
    const decimals = digits.split(".")[1]?.length ?? 0;
    const figure = Number(digits.replaceAll(",", ""));
    return unit ? quantity(figure, UNITS[unit] ?? "", "fa", decimals) : number(figure, "fa", decimals, digits.startsWith("+"));
  }
  return value && (persian(value) ?? isolate(value));
}

/** `text` between signs that keep its direction from mixing with that of the sentence around it. */
export const isolate = (text: string) => `\u2068${text}\u2069`;

/** A Persian text with its symbols and names in Latin letters isolated, and its braces filled. */
function withIsolates(text: string, fill: (name: string) => string = (name) => name): string {
  return text
    .split(/(\{\w+\})/)
    .map((part) =>
      part.startsWith("{") ? fill(part.slice(1, -1)) : part.replace(/(?:--)?[A-Za-z](?:[\w`:./+-]*[\w`])?/g, (name) => isolate(name)),
    )
    .join("");
}

function sentenceOf(english: string, persian: string): Sentence {
  const words = english.split(FIELD).filter((_, index) => index % 2 === 0);
  const pattern = new RegExp(`^${words.map((word) => word.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join("(.*?)")}$`, "s");
  return { pattern, fields: [...english.matchAll(FIELD)].map((match) => match[1] ?? ""), persian, letters: words.join("").length };
}
