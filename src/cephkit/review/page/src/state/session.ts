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
    return JSON.parse(localStorage.getItem(KEY) ?? "{}") as Kept;
  } catch {
    return {};
  }
}

/** Texts for screen readers, and at the foot of the page for everyone else. */
export const announcement = signal("");
export function say(text: string): void {
  announcement.value = text;
}
