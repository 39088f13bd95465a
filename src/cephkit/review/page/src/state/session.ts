/** What the server is and has, and what the user prefers. */

import { computed, effect, signal } from "@preact/signals";
import type { LandmarkInfo, Language, Session, Tissue } from "../contract";
import { language } from "../i18n";

export const session = signal<Session | null>(null);
export const failure = signal("");

export const landmarks = computed(() => session.value?.landmarks ?? []);
const bySymbol = computed(() => new Map(landmarks.value.map((landmark) => [landmark.symbol, landmark])));
export const landmarkOf = (symbol: string): LandmarkInfo | undefined => bySymbol.value.get(symbol);
export const tissueOf = (symbol: string): Tissue => landmarkOf(symbol)?.tissue ?? "bone";

export type Theme = "auto" | "light" | "dark";
export const theme = signal<Theme>("auto");
export const reviewer = signal("");

export interface Layers {
  names: boolean;
  tracing: boolean;
  outlines: boolean;
  regions: boolean;
  truth: boolean;
  predicted: boolean;
}
export const layers = signal<Layers>({ names: true, tracing: false, outlines: true, regions: true, truth: true, predicted: true });
/** Name of the analysis whose measurements are shown; empty: all. */
export const analysis = signal("");

const KEY = "cephkit.review";

interface Kept {
  language?: Language;
  theme?: Theme;
  reviewer?: string;
  layers?: Partial<Layers>;
  analysis?: string;
}

/** Take over what the user chose before; the server's own wishes come next, then those of the browser. */
export function begin(given: Session): void {
  const kept = read();
  const own: Language = navigator.language.toLowerCase().startsWith("fa") ? "fa" : "en";
  language.value = kept.language ?? (given.language === "auto" ? own : given.language);
  theme.value = kept.theme ?? "auto";
  reviewer.value = given.reviewer || kept.reviewer || "";
  layers.value = { ...layers.value, ...kept.layers };
  if (given.analyses.some(({ name }) => name === kept.analysis)) analysis.value = kept.analysis ?? "";
  session.value = given;
  effect(() => {
    void language.value;
    announcement.value = ""; // it is in the language of before
  });
  effect(() => {
    const now: Kept = {
      language: language.value,
      theme: theme.value,
      reviewer: reviewer.value,
      layers: layers.value,
      analysis: analysis.value,
    };
    try {
      localStorage.setItem(KEY, JSON.stringify(now));
    } catch {
      // Storage is turned off: preferences last as long as the page.
    }
  });
}

function read(): Kept {
  try {
    return (JSON.parse(localStorage.getItem(KEY) ?? "{}") as Kept | null) ?? {};
  } catch {
    return {};
  }
}

/** Texts for screen readers, and at the foot of the page for everyone else. */
export const announcement = signal("");
const unsaid: string[] = [];

/** Texts of one action are read in one go; else the last would be all that is heard of them. */
export function say(text: string): void {
  if (!unsaid.length) queueMicrotask(tell);
  if (unsaid.at(-1) !== text) unsaid.push(text);
}

function tell(): void {
  const text = unsaid.splice(0).join(" · ");
  // A text that does not change is not read again.
  announcement.value = text === announcement.peek() ? `${text}\u00a0` : text;
}
