/** The ruler: two marks on the film and the length between them. */

import { signal } from "@preact/signals";
import type { XY } from "../contract";
import { focusStage } from "../stage/view";

/** The marks clicked so far; null while nobody calibrates. */
export const ruler = signal<readonly XY[] | null>(null);
export function toggleRuler(): void {
  ruler.value = ruler.peek() ? null : [];
  if (ruler.peek()) focusStage();
}

export const lengthMm = signal("");
