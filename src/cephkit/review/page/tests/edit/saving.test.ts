import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Edit, FilmState } from "../../src/contract";
import { newStep } from "../../src/edit/history";
import { conflict, conflicts, queue, reload, settle, trouble, unsaved } from "../../src/edit/saving";
import { failed, film, show } from "../../src/state/film";

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

describe("an edit of a picture that was replaced", () => {
  afterEach(() => vi.unstubAllGlobals());
  const confirmOn = (n: number, hash: string) => queue.push(newStep(n, confirm, "Anna", null, hash));

  it("is not made on the new one, which is shown instead", async () => {
    const sent: unknown[] = [];
    const now = { n: 7, hash: "new", truth: {}, history: [], spacing: null, predicted: null, state: { revision: 0, confirmed: false, points: {}, subject: { age: null, sex: null } } };
    vi.stubGlobal("fetch", (_: string, init: { body?: string }) => {
      if (!init.body) return Promise.resolve(new Response(JSON.stringify(now)));
      sent.push(JSON.parse(init.body));
      return Promise.resolve(new Response(JSON.stringify({ error: "another picture now" }), { status: 409 }));
    });
    show({ ...now, hash: "old" } as unknown as FilmState);
    confirmOn(7, "old");
    confirmOn(7, "old");
    await vi.waitFor(() => expect(film.value?.hash).toBe("new"));
    expect(sent).toMatchObject([{ hash: "old" }]);
    expect([unsaved(), trouble.value.includes("another picture now")]).toEqual([[], true]);
  });

  it("leaves the film with the reason if what is on disk belongs to the old picture", async () => {
    vi.stubGlobal("fetch", () => Promise.resolve(new Response(JSON.stringify({ error: "belongs to another film" }), { status: 409 })));
    await reload(7);
    expect([film.value, failed.value]).toEqual([null, "belongs to another film"]);
  });
});
