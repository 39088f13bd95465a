/** A field for one number with decimals, described by what is wrong with it (`Problem`). */

import type { Signal } from "@preact/signals";
import type { RefObject } from "preact";

interface Props {
  label: string;
  value: Signal<string>;
  problem: Signal<string>;
  /** Of the element with the problem. */
  problemId: string;
  input: RefObject<HTMLInputElement | null>;
}

export function DecimalField({ label, value, problem, problemId, input }: Props) {
  return (
    <label class="field">
      <span>{label}</span>
      <input
        ref={input}
        inputMode="decimal"
        size={7}
        value={value.value}
        onInput={(event) => (value.value = event.currentTarget.value)}
        aria-invalid={problem.value !== ""}
        aria-describedby={problemId}
      />
    </label>
  );
}
