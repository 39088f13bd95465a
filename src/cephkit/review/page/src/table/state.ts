/** The measurements of the open film as it stands, asked anew whenever something moves. */

import { computed, effect, signal } from "@preact/signals";
import { api, type MeasureInput } from "../api";
import type { Measured, Measurement, Point } from "../contract";
import { same } from "../edit/edits";
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
    measured.value = { ...answer, rows: following(measured.peek().rows, answer.rows) };
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
    const points: Record<string, Point> = {};
    for (const symbol of placed.value) {
      const point = pointSignal(symbol).value;
      if (point) points[symbol] = point;
    }
    if (about.peek() !== n) measured.value = { rows: [], notes: [] };
    latest.put({ n, points, spacing: spacing.value, subject: subject.value, analyses: analysis.value ? [analysis.value] : [] });
  });
}

/** The landmarks that the shown measurements need. */
export const usedBy = computed<ReadonlySet<string>>(() => new Set(measured.value.rows.flatMap((row) => row.landmarks)));

export const keyOf = (row: Measurement) => `${row.analysis}/${row.measurement}`;
const byKey = computed(() => new Map(measured.value.rows.map((row) => [keyOf(row), row])));
export const rowAt = (key: string) => byKey.value.get(key);

/** The rows of an answer; those that say the same as `before` are the same objects. */
export function following(before: readonly Measurement[], rows: readonly Measurement[]): Measurement[] {
  const known = new Map(before.map((row) => [keyOf(row), row]));
  return rows.map((row) => {
    const old = known.get(keyOf(row));
    return old && same(old, row) ? old : row;
  });
}

export interface Group {
  analysis: string;
  keys: string[];
}

/** The rows to show, those without a value too if `all`, by analysis. */
export function grouped(all: boolean): Group[] {
  const found: Group[] = [];
  for (const row of measured.value.rows) {
    if (row.value === null && !all) continue;
    const last = found.at(-1);
    if (last?.analysis === row.analysis) last.keys.push(keyOf(row));
    else found.push({ analysis: row.analysis, keys: [keyOf(row)] });
  }
  return found;
}
