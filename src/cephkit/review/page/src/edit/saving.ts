/** The queue of edits, and what the page says about it. */

import { signal } from "@preact/signals";
import { api } from "../api";
import type { FilmState } from "../contract";
import { t } from "../i18n";
import { film, show } from "../state/film";
import { session } from "../state/session";
import { applied, contentOf, rebased } from "./edits";
import { newStep, type Step } from "./history";
import { Keep } from "./keep";
import { SaveQueue, type QueueState } from "./queue";

export const queueState = signal<QueueState>("saved");
export const waiting = signal<readonly Step[]>([]);
export const reason = signal("");
/** An error that the user should read; empty if there is none. */
export const trouble = signal("");

export interface Conflict {
  film: FilmState;
  unsent: Step[];
  /** The revision that those edits were made on. */
  since: number;
}
export const conflict = signal<Conflict | null>(null);

const keep = new Keep();

export const queue = new SaveQueue({
  send: (n, revision, reviewer, edit) => api.edit(n, revision, reviewer, edit),
  saved: (_, warning) => {
    if (warning) trouble.value = warning;
  },
  conflict: (now, unsent, since) => {
    conflict.value = { film: now, unsent, since };
    if (film.peek()?.n === now.n) show(now);
  },
  refused: (message, dropped) => {
    trouble.value = t("refused", { reason: message });
    const n = dropped[0]?.film;
    if (n !== undefined && film.peek()?.n === n) void reload(n);
  },
  changed: (state, steps, why) => {
    queueState.value = state;
    waiting.value = steps;
    reason.value = why;
    keep.write(session.peek()?.out ?? "", steps);
  },
  wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
});

async function reload(n: number): Promise<void> {
  const now = await api.film(n);
  queue.loaded(n, now.state.revision);
  if (film.peek()?.n === n) show(now);
}

/** Make the user's edits again on the film as it is now, or forget them. */
export function settle(again: boolean): Step[] {
  const open = conflict.peek();
  conflict.value = null;
  if (!open || !again) return [];
  const steps: Step[] = [];
  let content = contentOf(open.film.state, open.film.spacing);
  for (const { edit, reviewer } of open.unsent) {
    const own = rebased(edit, content);
    if (!own) continue;
    content = applied(content, own);
    steps.push(newStep(open.film.n, own, reviewer));
  }
  return steps;
}

/** Edits that a page of this tab had not saved when it was closed. */
export function recover(out: string): Step[] {
  return keep.read(out);
}
