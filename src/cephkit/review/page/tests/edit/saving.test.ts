import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Edit } from "../../src/contract";
import { newStep } from "../../src/edit/history";
import { conflict, conflicts, queue, settle, unsaved } from "../../src/edit/saving";

const confirm: Edit = { kind: "film", before: false, after: true };

/** Someone else changed every film. */
function changed(address: string): Response {
  const n = Number(/films\/(\d+)\/edits/.exec(address)?.[1]);
  const state = { revision: 3, confirmed: false, points: {}, subject: { age: null, sex: null } };
  return new Response(JSON.stringify({ error: "changed elsewhere", film: { n, state, spacing: null, history: [] } }), { status: 409 });
}

describe("conflicts", () => {
  beforeEach(() => vi.stubGlobal("fetch", (address: string) => Promise.resolve(changed(address))));
  afterEach(() => vi.unstubAllGlobals());

  it("of several films wait for the user one after the other, and no edit is lost", async () => {
    const steps = [newStep(1, confirm, "Anna"), newStep(2, confirm, "Anna")];
    for (const step of steps) queue.push(step);
    await vi.waitFor(() => expect(conflicts.value).toHaveLength(2));
    expect(conflict.value?.film.n).toBe(1);
    expect(unsaved()).toEqual(steps);
    expect(settle(true)).toMatchObject([{ film: 1, edit: confirm }]);
    expect(conflict.value?.film.n).toBe(2);
    expect(settle(false)).toEqual([]);
    expect(conflict.value).toBeNull();
    expect(unsaved()).toEqual([]);
  });
});
