/** The ruler: two marks on the film and the length between them. */

import { signal } from "@preact/signals";
import type { XY } from "../contract";

/** The marks clicked so far; null while nobody calibrates. */
export const ruler = signal<readonly XY[] | null>(null);
export const lengthMm = signal("");
