/** The queue of edits, and what the page says about it. */

import { computed, signal } from "@preact/signals";
import { api } from "../api";
import type { FilmState } from "../contract";
import { said, t } from "../i18n";
import { failed, film, show } from "../state/film";
import { rows } from "../state/films";
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
/** Of several films, if the server was away: each waits for the user's decision. */
export const conflicts = signal<readonly Conflict[]>([]);
export const conflict = computed(() => conflicts.value[0] ?? null);

const keep = new Keep();

export const queue = new SaveQueue({
  send: (n, hash, revision, reviewer, edit) => api.edit(n, hash, revision, reviewer, edit),
  saved: (_, warning) => {
    if (warning) trouble.value = said(warning);
  },
  conflict: (now, unsent, since) => {
    conflicts.value = [...conflicts.peek(), { film: now, unsent, since }];
    if (film.peek()?.n === now.n) show(now);
  },
  refused: (message, dropped) => {
    trouble.value = t("refused", { reason: said(message) });
    const n = dropped[0]?.film;
    if (n !== undefined && film.peek()?.n === n) void reload(n);
  },
  changed: (state, steps, why) => {
    queueState.value = state;
    waiting.value = steps;
    reason.value = why;
    remember();
  },
  wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
});

/** Edits that are not on disk, whether they wait for the server or for the user. */
export const unsaved = (): Step[] => [...conflicts.peek().flatMap(({ unsent }) => unsent), ...waiting.peek()];

function remember(): void {
  keep.write(session.peek()?.out ?? "", unsaved(), rows.peek());
}

/** Show the film as the server has it, e.g. after its file was replaced. */
export async function reload(n: number): Promise<void> {
  try {
    const now = await api.film(n);
    queue.loaded(n, now.state.revision);
    if (film.peek()?.n === n) show(now);
  } catch (error) {
    if (film.peek()?.n !== n) return;
    film.value = null;
    failed.value = error instanceof Error ? error.message : String(error);
  }
}

/** Make the user's edits again on the film as it is now, or forget them. */
export function settle(again: boolean): Step[] {
  const open = conflict.peek();
  conflicts.value = conflicts.peek().slice(1);
  remember();
  if (!open || !again) return [];
  const steps: Step[] = [];
  let content = contentOf(open.film.state, open.film.spacing);
  for (const { edit, reviewer } of open.unsent) {
    const own = rebased(edit, content);
    if (!own) continue;
    content = applied(content, own);
    steps.push(newStep(open.film.n, own, reviewer, null, open.film.hash));
  }
  return steps;
}

/** Edits that a page of this tab had not saved when it was closed. */
export function recover(out: string): Step[] {
  return keep.read(out, rows.peek());
}
