/** Edits that are not on disk yet outlive a reload of the tab. */

import type { Edit, FilmState } from "../contract";
import { same } from "./edits";
import { editOf, newStep, toSend, type Step } from "./history";

const KEY = "cephkit.review.unsaved";

interface Kept {
  out: string;
  steps: { film: number; reviewer: string; edit: Edit }[];
}

/** Those of `steps` that the film's journal lacks: the first may be on disk although its answer never came. */
export function unsavedOf(steps: readonly Step[], film: Pick<FilmState, "n" | "history">): Step[] {
  const own = steps.filter((step) => step.film === film.n);
  const last = film.history.at(-1);
  const [first, ...rest] = own;
  return first && last && last.reviewer === first.reviewer && same(editOf(last), first.edit) ? rest : own;
}

export class Keep {
  constructor(private readonly storage: () => Pick<Storage, "getItem" | "setItem" | "removeItem"> = () => sessionStorage) {}

  write(out: string, steps: readonly Step[]): void {
    try {
      if (!steps.length) return this.storage().removeItem(KEY);
      const kept: Kept = { out, steps: steps.map((step) => ({ film: step.film, reviewer: step.reviewer, edit: toSend(step) })) };
      this.storage().setItem(KEY, JSON.stringify(kept));
    } catch {
      // Storage is turned off or full; the page warns before it is closed with unsaved edits.
    }
  }

  /** What was kept for this output folder. An undo comes back as a plain edit if what it undoes was not saved either. */
  read(out: string): Step[] {
    try {
      const kept = JSON.parse(this.storage().getItem(KEY) ?? "null") as Kept | null;
      if (kept?.out !== out) return [];
      return kept.steps.map(({ film, reviewer, edit }) => newStep(film, edit, reviewer));
    } catch {
      return [];
    }
  }
}
