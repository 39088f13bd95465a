/** Which films the list shows, and in which order. */

import type { FilmRow } from "../contract";

export const FILTERS = ["all", "unreviewed", "started", "confirmed", "review", "missing", "doubtful", "broken"] as const;
export type Filter = (typeof FILTERS)[number];
export const SORTS = ["file", "status", "error", "distance", "review", "missing"] as const;
export type Sort = (typeof SORTS)[number];

const PASSES: Record<Filter, (row: FilmRow) => boolean> = {
  all: () => true,
  unreviewed: (row) => row.status === "unreviewed" && !row.broken,
  started: (row) => row.status === "started",
  confirmed: (row) => row.status === "confirmed",
  review: (row) => row.needs_review > 0,
  missing: (row) => row.missing > 0,
  doubtful: (row) => row.doubt !== "",
  broken: (row) => row.broken !== "",
};

const STATUS = { unreviewed: 0, started: 1, confirmed: 2 };
const largest = (value: number | null) => (value === null ? Infinity : -value);

/** What comes first has the smaller key; films without a figure come last. */
const KEYS: Record<Exclude<Sort, "file">, (row: FilmRow) => number[]> = {
  status: (row) => [STATUS[row.status]],
  // Films without a pixel size have pixels only; they follow those with a length.
  error: (row) => [largest(row.largest_error_mm), largest(row.largest_error_px)],
  distance: (row) => [largest(row.largest_distance_mm)],
  review: (row) => [-row.needs_review],
  missing: (row) => [-row.missing],
};

/** The rows that pass; equal ones stay in the order of the server. */
export function chosen(rows: readonly FilmRow[], filter: Filter, sort: Sort, search: string): FilmRow[] {
  const wanted = search.trim().toLocaleLowerCase();
  const passing = rows.filter(
    (row) => PASSES[filter](row) && (!wanted || row.file.toLocaleLowerCase().includes(wanted) || row.id.toLocaleLowerCase().includes(wanted)),
  );
  if (sort === "file") return passing;
  const key = KEYS[sort];
  const keyed = passing.map((row, place) => ({ row, keys: [...key(row), place] }));
  return keyed.sort((a, b) => compared(a.keys, b.keys)).map(({ row }) => row);
}

function compared(one: readonly number[], other: readonly number[]): number {
  for (let i = 0; i < one.length; i++) {
    const [a, b] = [one[i] ?? 0, other[i] ?? 0];
    if (a !== b) return a < b ? -1 : 1;
  }
  return 0;
}
