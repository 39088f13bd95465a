/** Edits that are not on disk yet outlive a reload of the tab. */

import type { Edit, FilmRow, FilmState } from "../contract";
import { same } from "./edits";
import { editOf, newStep, toSend, type Step } from "./history";

const KEY = "cephkit.review.unsaved";

interface Kept {
  out: string;
  /** Films by name: a server that is started anew may number them differently. */
  steps: { film: string; hash: string; reviewer: string; edit: Edit }[];
}

type Named = Pick<FilmRow, "n" | "id">;

/** Those of `steps` that the film's journal lacks: the first may be on disk although its answer never came. */
export function unsavedOf(steps: readonly Step[], film: Pick<FilmState, "n" | "history">): Step[] {
  const own = steps.filter((step) => step.film === film.n);
  const last = film.history.at(-1);
  const [first, ...rest] = own;
  return first && last && last.reviewer === first.reviewer && same(editOf(last), first.edit) ? rest : own;
}

export class Keep {
  constructor(private readonly storage: () => Pick<Storage, "getItem" | "setItem" | "removeItem"> = () => sessionStorage) {}

  write(out: string, steps: readonly Step[], films: readonly Named[]): void {
    try {
      if (!steps.length) return this.storage().removeItem(KEY);
      const nameOf = new Map(films.map(({ n, id }) => [n, id]));
      const kept: Kept = {
        out,
        steps: steps.map((step) => ({ film: nameOf.get(step.film) ?? "", hash: step.hash, reviewer: step.reviewer, edit: toSend(step) })),
      };
      this.storage().setItem(KEY, JSON.stringify(kept));
    } catch {
      // Storage is turned off or full; the page warns before it is closed with unsaved edits.
    }
  }

  /** What was kept for this output folder. An undo comes back as a plain edit if what it undoes was not saved either. */
  read(out: string, films: readonly Named[]): Step[] {
    try {
      const kept = JSON.parse(this.storage().getItem(KEY) ?? "null") as Kept | null;
      if (kept?.out !== out) return [];
      const numberOf = new Map(films.map(({ n, id }) => [id, n]));
      return kept.steps.flatMap(({ film, hash, reviewer, edit }) => {
        const n = numberOf.get(film);
        return n === undefined ? [] : [newStep(n, edit, reviewer, null, hash)];
      });
    } catch {
      return [];
    }
  }
}
