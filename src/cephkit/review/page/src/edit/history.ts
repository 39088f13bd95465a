/** Undo and redo without end, from the journal of the film. */

import { inverted } from "./edits";
import type { Edit, Entry } from "../contract";

/** An edit of a film; it gets its revision when the server has it on disk. */
export interface Step {
  film: number;
  /** Of the picture that it was made on: the server refuses it on another one. Empty if unknown. */
  hash: string;
  edit: Edit;
  reviewer: string;
  /** ISO 8601. */
  time: string;
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
  if (isSame(step.undoes, undo.at(-1))) return { undo: undo.slice(0, -1), redo: [...redo, step] };
  if (isSame(step.undoes, redo.at(-1))) return { undo: [...undo, step], redo: redo.slice(0, -1) };
  return { undo: [...undo, step], redo: [] };
}

/** A film that is loaded again brings its steps as new objects. */
function isSame(one: Step | null, other: Step | undefined): boolean {
  if (!one || !other) return false;
  return one === other || (one.revision !== null && one.revision === other.revision);
}

/** What was done, apart from when and by whom. */
export function editOf(entry: Entry): Edit {
  const { revision, time, reviewer, ...edit } = entry;
  void [revision, time, reviewer];
  return edit;
}

/** The steps of a film as it was loaded. */
export function stepsOf(film: number, entries: readonly Entry[], hash = ""): Step[] {
  const steps = new Map<number, Step>();
  for (const entry of entries) {
    const { revision, time, reviewer } = entry;
    const edit = editOf(entry);
    const undoes = edit.undoes === undefined ? null : (steps.get(edit.undoes) ?? null);
    steps.set(revision, { film, hash, edit, reviewer, time, revision, undoes });
  }
  return [...steps.values()];
}

/** A step that is made now. */
export function newStep(film: number, edit: Edit, reviewer: string, undoes: Step | null = null, hash = ""): Step {
  return { film, hash, edit, reviewer, time: new Date().toISOString(), revision: null, undoes };
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
  return step ? newStep(step.film, inverted(step.edit), reviewer, step, step.hash) : null;
}

/** The edit as it is sent: with the revision of the step that it takes back. */
export function toSend(step: Step): Edit {
  const { undoes, edit } = step;
  return undoes && undoes.revision !== null ? { ...edit, undoes: undoes.revision } : edit;
}
