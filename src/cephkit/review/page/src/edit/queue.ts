/** Edits on their way to the disk: one after the other, again and again until the server has them. */

import { Refused, type Saved } from "../api";
import type { Edit, FilmState } from "../contract";
import { same } from "./edits";
import { editOf, toSend, type Step } from "./history";

export type QueueState = "saved" | "saving" | "unreachable" | "shut_out";

export interface Hooks {
  send: (film: number, hash: string, revision: number, reviewer: string, edit: Edit) => Promise<Saved>;
  /** The edit is on disk. */
  saved: (step: Step, warning: string) => void;
  /** Someone else changed the film after revision `since`; `unsent` are its edits that were not saved, in order. */
  conflict: (film: FilmState, unsent: Step[], since: number) => void;
  /** The server takes this edit for nonsense; it and the later ones of the film are dropped. */
  refused: (message: string, dropped: Step[]) => void;
  changed: (state: QueueState, waiting: readonly Step[], reason: string) => void;
  wait: (milliseconds: number) => Promise<void>;
}

const FIRST_WAIT_MS = 400;
const LONGEST_WAIT_MS = 4000;

export class SaveQueue {
  private steps: Step[] = [];
  private readonly revisions = new Map<number, number>();
  private running = false;

  constructor(private readonly hooks: Hooks) {}

  get waiting(): readonly Step[] {
    return this.steps;
  }

  /** Whether edits of this film are not yet on disk. */
  has(film: number): boolean {
    return this.steps.some((step) => step.film === film);
  }

  /** The latest revision of the film that is known here. */
  revisionOf(film: number): number {
    return this.revisions.get(film) ?? 0;
  }

  /** The film was loaded at this revision; an answer that was overtaken by an edit is not believed. */
  loaded(film: number, revision: number): void {
    if (!this.has(film)) this.revisions.set(film, Math.max(revision, this.revisionOf(film)));
  }

  push(step: Step): void {
    this.steps.push(step);
    if (!this.running) void this.run();
  }

  private async run(): Promise<void> {
    this.running = true;
    let pause = FIRST_WAIT_MS;
    this.tell("saving");
    for (let step = this.steps[0]; step; step = this.steps[0]) {
      try {
        const { revision, warning } = await this.post(step);
        this.done(step, revision, warning);
        pause = FIRST_WAIT_MS;
      } catch (error) {
        if (this.settled(step, error)) continue;
        const shutOut = error instanceof Refused && error.status === 403;
        this.tell(shutOut ? "shut_out" : "unreachable", error instanceof Refused ? error.message : "");
        await this.hooks.wait(pause);
        pause = Math.min(2 * pause, LONGEST_WAIT_MS);
      }
    }
    this.running = false;
    this.tell("saved");
  }

  private post(step: Step): Promise<Saved> {
    return this.hooks.send(step.film, step.hash, this.revisionOf(step.film), step.reviewer, toSend(step));
  }

  private done(step: Step, revision: number, warning = ""): void {
    step.revision = revision;
    this.revisions.set(step.film, revision);
    this.steps.shift();
    this.hooks.saved(step, warning);
    if (this.steps.length) this.tell("saving");
  }

  /** Whether trying again would change nothing, and the edit has been dealt with. */
  private settled(step: Step, error: unknown): boolean {
    if (!(error instanceof Refused)) return false;
    if (error.status === 409 && error.film) {
      const since = this.revisionOf(step.film);
      const answered = ownEntry(error.film, step, since);
      if (answered !== null) {
        this.done(step, answered); // it was saved; only the answer got lost
        return true;
      }
      const unsent = this.drop(step.film);
      this.revisions.set(step.film, error.film.state.revision);
      this.hooks.conflict(error.film, unsent, since);
      return true;
    }
    if (error.status < 500 && ![403, 408, 429].includes(error.status)) {
      this.hooks.refused(error.message, this.drop(step.film));
      return true;
    }
    return false;
  }

  private drop(film: number): Step[] {
    const dropped = this.steps.filter((step) => step.film === film);
    this.steps = this.steps.filter((step) => step.film !== film);
    return dropped;
  }

  private tell(state: QueueState, reason = ""): void {
    this.hooks.changed(state, [...this.steps], reason);
  }
}

/** The revision under which the journal has `step`, if it is the next after `revision`. */
function ownEntry(film: FilmState, step: Step, revision: number): number | null {
  const entry = film.history.find((one) => one.revision === revision + 1);
  const own = entry && entry.reviewer === step.reviewer && same(editOf(entry), toSend(step));
  return own ? entry.revision : null;
}
