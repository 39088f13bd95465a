/** The measurements of the open film as it stands, asked anew whenever something moves. */

import { computed, effect, signal } from "@preact/signals";
import { api, type MeasureInput } from "../api";
import type { Measured, Measurement, XY } from "../contract";
import { film, placed, pointSignal, spacing, subject } from "../state/film";
import { analysis } from "../state/session";
import { Latest } from "./latest";

export const measured = signal<Measured>({ rows: [], notes: [] });
export const measureFailure = signal("");
/** The film that `measured` is about. */
const about = signal(-1);

interface Question extends MeasureInput {
  n: number;
}

const latest = new Latest<Question, Measured>(
  ({ n, ...input }) => api.measure(n, input),
  (answer, { n }) => {
    if (film.peek()?.n !== n) return;
    measured.value = answer;
    about.value = n;
    measureFailure.value = "";
  },
  (error) => {
    measureFailure.value = error instanceof Error ? error.message : String(error);
  },
);

export function watchMeasurements(): void {
  effect(() => {
    const n = film.value?.n;
    if (n === undefined) {
      measured.value = { rows: [], notes: [] };
      return;
    }
    const points: Record<string, XY> = {};
    for (const symbol of placed.value) {
      const at = pointSignal(symbol).value?.at;
      if (at) points[symbol] = at;
    }
    if (about.peek() !== n) measured.value = { rows: [], notes: [] };
    latest.put({ n, points, spacing: spacing.value, subject: subject.value, analyses: analysis.value ? [analysis.value] : [] });
  });
}

/** The landmarks that the shown measurements need. */
export const usedBy = computed<ReadonlySet<string>>(() => new Set(measured.value.rows.flatMap((row) => row.landmarks)));

export interface Group {
  analysis: string;
  rows: Measurement[];
}

export const groups = computed<Group[]>(() => {
  const found: Group[] = [];
  for (const row of measured.value.rows) {
    const last = found.at(-1);
    if (last?.analysis === row.analysis) last.rows.push(row);
    else found.push({ analysis: row.analysis, rows: [row] });
  }
  return found;
});
