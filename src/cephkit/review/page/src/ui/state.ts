/** Which parts of the page are open. */

import { signal } from "@preact/signals";

export const dialog = signal<"help" | "settings" | "output" | null>(null);
/** Of a narrow window: the part that is shown. */
export const pane = signal<"film" | "list" | "side">("film");
export const side = signal<"measurements" | "landmarks" | "film">("measurements");
