import { computed, type ReadonlySignal } from "@preact/signals";
import { same } from "../edit/edits";

/** A computed value that stays the same object while it says the same: what shows it is not drawn again. */
export function steady<Value>(compute: () => Value): ReadonlySignal<Value> {
  let last: Value | undefined;
  return computed(() => {
    const next = compute();
    if (last === undefined || !same(last, next)) last = next;
    return last;
  });
}
