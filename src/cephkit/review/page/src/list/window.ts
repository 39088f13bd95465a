/** Which rows of a long list are in the document. */

export interface Rows {
  first: number;
  /** One past the last. */
  end: number;
}

/** The rows in sight and `spare` more on both sides. */
export function rowsInSight(scrolled: number, height: number, row: number, count: number, spare = 6): Rows {
  const first = Math.max(0, Math.floor(scrolled / row) - spare);
  return { first: Math.min(first, count), end: Math.min(count, Math.ceil((scrolled + height) / row) + spare) };
}

/** Where to scroll so that row `index` is in sight; the same if it is. */
export function scrolledTo(index: number, scrolled: number, height: number, row: number): number {
  if (index * row < scrolled) return index * row;
  return Math.max(scrolled, (index + 1) * row - height);
}
