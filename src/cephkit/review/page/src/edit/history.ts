/** Undo and redo without end, from the journal of the film. */

import { inverted } from "./edits";
import type { Edit, Entry } from "../contract";

/** An edit of a film; it gets its revision when the server has it on disk. */
export interface Step {
  film: number;
  edit: Edit;
  reviewer: string;
  revision: number | null;
  /** The step that this one takes back. */
  undoes: Step | null;
}

/** Steps that can be taken back and steps that can be done again; the last of each comes next. */
export interface History {
  undo: readonly Step[];
  redo: readonly Step[];
}

export const NO_HISTORY: History = { undo: [], redo: [] };

/** `history` after `step`. */
export function followed({ undo, redo }: History, step: Step): History {
  if (step.undoes && step.undoes === undo.at(-1)) return { undo: undo.slice(0, -1), redo: [...redo, step] };
  if (step.undoes && step.undoes === redo.at(-1)) return { undo: [...undo, step], redo: redo.slice(0, -1) };
  return { undo: [...undo, step], redo: [] };
}

/** Of a film as it was loaded. */
export function historyOf(film: number, entries: readonly Entry[]): History {
  const steps = new Map<number, Step>();
  let history = NO_HISTORY;
  for (const { revision, reviewer, edit } of entries) {
    const undoes = edit.undoes === undefined ? null : (steps.get(edit.undoes) ?? null);
    const step = { film, edit, reviewer, revision, undoes };
    steps.set(revision, step);
    history = followed(history, step);
  }
  return history;
}

/** The step that takes back the last one; null if there is none. */
export function undoing(history: History, reviewer: string): Step | null {
  return against(history.undo.at(-1), reviewer);
}

/** The step that does again what was last taken back. */
export function redoing(history: History, reviewer: string): Step | null {
  return against(history.redo.at(-1), reviewer);
}

function against(step: Step | undefined, reviewer: string): Step | null {
  return step ? { film: step.film, edit: inverted(step.edit), reviewer, revision: null, undoes: step } : null;
}

/** The edit as it is sent: with the revision of the step that it takes back. */
export function toSend(step: Step): Edit {
  const { undoes, edit } = step;
  return undoes && undoes.revision !== null ? { ...edit, undoes: undoes.revision } : edit;
}
