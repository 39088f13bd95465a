import { describe, expect, it } from "vitest";
import { Refused, Unreachable, type Saved } from "../../src/api";
import type { Edit, Entry, FilmState } from "../../src/contract";
import { editOf, newStep, toSend, type Step } from "../../src/edit/history";
import { Keep, unsavedOf } from "../../src/edit/keep";
import { SaveQueue, type Hooks } from "../../src/edit/queue";

const confirm = (after: boolean): Edit => ({ kind: "film", before: !after, after });
const settled = () => new Promise((done) => setTimeout(done, 0));

/** A server with one journal a film that fails as it is told. */
class Server {
  readonly journals = new Map<number, Entry[]>();
  /** What happens to the next requests; then they succeed. */
  troubles: (() => void)[] = [];
  requests = 0;

  film(n: number): FilmState {
    const history = this.journals.get(n) ?? [];
    return { n, history, state: { revision: history.length, confirmed: false, points: {}, subject: { age: null, sex: null } } } as unknown as FilmState;
  }

  send = async (n: number, _hash: string, revision: number, reviewer: string, edit: Edit): Promise<Saved> => {
    await Promise.resolve();
    this.requests++;
    const trouble = this.troubles.shift();
    if (trouble) trouble();
    const history = this.journals.get(n) ?? [];
    if (revision !== history.length) throw new Refused(409, "another revision", this.film(n));
    this.journals.set(n, [...history, { revision: revision + 1, time: "", reviewer, ...edit }]);
    return { revision: revision + 1 };
  };
}

function setUp() {
  const server = new Server();
  const log: string[] = [];
  const conflicts: { film: FilmState; unsent: Step[]; since: number }[] = [];
  const hooks: Hooks = {
    send: server.send,
    saved: (step) => log.push(`saved ${step.film}.${step.revision}`),
    conflict: (film, unsent, since) => conflicts.push({ film, unsent, since }),
    refused: (message, dropped) => log.push(`refused ${message}, ${dropped.length} dropped`),
    changed: (state, waiting) => log.push(`${state} ${waiting.length}`),
    wait: () => Promise.resolve(),
  };
  return { server, log, conflicts, queue: new SaveQueue(hooks) };
}
const gone = () => {
  throw new Unreachable("connection refused");
};

describe("the save queue", () => {
  it("sends edits in order, each on the revision of the one before", async () => {
    const { server, log, queue } = setUp();
    queue.loaded(1, 0);
    for (let i = 0; i < 5; i++) queue.push(newStep(1, confirm(i % 2 === 0), "Anna"));
    await settled();
    expect(server.journals.get(1)?.map((entry) => entry.revision)).toEqual([1, 2, 3, 4, 5]);
    expect(log.filter((line) => line.startsWith("saved 1"))).toHaveLength(5);
    expect(log.at(-1)).toBe("saved 0");
  });

  it("keeps edits while the server is gone and sends them when it is back", async () => {
    const { server, log, queue } = setUp();
    server.troubles = [gone, gone, gone];
    queue.push(newStep(1, confirm(true), "Anna"));
    queue.push(newStep(2, confirm(true), "Anna"));
    await settled();
    expect(log).toContain("unreachable 2");
    expect(server.requests).toBe(5);
    expect([...server.journals.keys()]).toEqual([1, 2]);
    expect(queue.waiting).toEqual([]);
  });

  it("says nothing is saved before the server answered", async () => {
    const { server, log, queue } = setUp();
    server.troubles = [gone];
    queue.push(newStep(1, confirm(true), "Anna"));
    expect(log).toEqual(["saving 1"]);
    await settled();
    expect(log.indexOf("unreachable 1")).toBeLessThan(log.indexOf("saved 1.1"));
  });

  it("does not save an edit twice if only the answer got lost", async () => {
    const { server, conflicts, queue } = setUp();
    const step = newStep(1, confirm(true), "Anna");
    server.troubles = [
      () => {
        server.journals.set(1, [{ revision: 1, time: "", reviewer: "Anna", ...confirm(true) }]);
        gone();
      },
    ];
    queue.push(step);
    queue.push(newStep(1, confirm(false), "Anna"));
    await settled();
    expect(server.journals.get(1)).toHaveLength(2);
    expect(conflicts).toEqual([]);
    expect(step.revision).toBe(1);
  });

  it("hands back what was not saved if someone else was first, and goes on with other films", async () => {
    const { server, conflicts, queue } = setUp();
    queue.loaded(1, 0);
    server.journals.set(1, [{ revision: 1, time: "", reviewer: "Ben", ...confirm(true) }]);
    const mine = [newStep(1, confirm(true), "Anna"), newStep(1, confirm(false), "Anna")];
    queue.push(mine[0] as Step);
    queue.push(newStep(2, confirm(true), "Anna"));
    queue.push(mine[1] as Step);
    await settled();
    expect(conflicts).toHaveLength(1);
    expect(conflicts[0]?.unsent).toEqual(mine);
    expect(conflicts[0]?.since).toBe(0);
    expect(server.journals.get(1)).toHaveLength(1);
    expect(server.journals.get(2)).toHaveLength(1);
    queue.push(newStep(1, confirm(false), "Anna"));
    await settled();
    expect(server.journals.get(1)).toHaveLength(2);
  });

  it("takes the same edit of another reviewer for a conflict", async () => {
    const { server, conflicts, queue } = setUp();
    server.journals.set(1, [{ revision: 1, time: "", reviewer: "Ben", ...confirm(true) }]);
    queue.push(newStep(1, confirm(true), "Anna"));
    await settled();
    expect(conflicts).toHaveLength(1);
  });

  it("drops what the server takes for nonsense, and tries again where the disk is full", async () => {
    const { server, log, queue } = setUp();
    server.troubles = [
      () => {
        throw new Refused(507, "no space");
      },
      () => {
        throw new Refused(422, "off the film");
      },
    ];
    queue.push(newStep(1, confirm(true), "Anna"));
    await settled();
    expect(log).toEqual(["saving 1", "unreachable 1", "refused off the film, 1 dropped", "saved 0"]);
  });

  it("waits for the user where the server was started anew", async () => {
    const { server, log, queue } = setUp();
    server.troubles = [
      () => {
        throw new Refused(403, "use the address that the terminal shows");
      },
    ];
    queue.push(newStep(1, confirm(true), "Anna"));
    await settled();
    expect(log).toContain("shut_out 1");
    expect(server.journals.get(1)).toHaveLength(1);
  });

  it("loses no edit and makes none twice, whatever fails when", async () => {
    let seed = 1;
    const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
    for (let trial = 0; trial < 200; trial++) {
      const { server, conflicts, queue } = setUp();
      const steps = Array.from({ length: 8 }, (_, i) => newStep(Math.floor(random() * 2), confirm(i % 2 === 0), "Anna"));
      server.troubles = Array.from({ length: 12 }, () => {
        const kind = random();
        return () => {
          if (kind < 0.3) gone();
          if (kind < 0.5) {
            const step = queue.waiting[0];
            if (!step) return;
            const history = server.journals.get(step.film) ?? [];
            const saved = history.length === queue.revisionOf(step.film);
            if (saved) server.journals.set(step.film, [...history, { revision: history.length + 1, time: "", reviewer: "Anna", ...toSend(step) }]);
            gone();
          }
        };
      });
      for (const step of steps) queue.push(step);
      await settled();
      expect(conflicts).toEqual([]);
      for (const film of [0, 1])
        expect(server.journals.get(film)?.map(editOf) ?? []).toEqual(steps.filter((step) => step.film === film).map(toSend));
    }
  });
});

describe("edits that are not saved", () => {
  const films = [{ n: 4, id: "isbi004" }];
  const store = () => {
    const values = new Map<string, string>();
    return {
      getItem: (key: string) => values.get(key) ?? null,
      setItem: (key: string, value: string) => void values.set(key, value),
      removeItem: (key: string) => void values.delete(key),
    };
  };

  it("outlive a reload, for the same output folder only", () => {
    const storage = store();
    const keep = new Keep(() => storage);
    keep.write("/out", [newStep(4, confirm(true), "Anna")], films);
    expect(keep.read("/other", films)).toEqual([]);
    expect(keep.read("/out", films)).toMatchObject([{ film: 4, reviewer: "Anna", edit: confirm(true) }]);
    keep.write("/out", [], films);
    expect(keep.read("/out", films)).toEqual([]);
  });

  it("stay with their film where a new server numbers films differently", () => {
    const storage = store();
    const keep = new Keep(() => storage);
    keep.write("/out", [newStep(4, confirm(true), "Anna")], films);
    expect(keep.read("/out", [{ n: 4, id: "another" }, { n: 5, id: "isbi004" }])).toMatchObject([{ film: 5 }]);
    expect(keep.read("/out", [{ n: 4, id: "another" }])).toEqual([]);
  });

  it("are not sent again if only the answer was lost", () => {
    const steps = [newStep(4, confirm(true), "Anna"), newStep(5, confirm(true), "Anna"), newStep(4, confirm(false), "Anna")];
    const saved: Entry[] = [{ ...confirm(true), revision: 1, time: "", reviewer: "Anna" }];
    expect(unsavedOf(steps, { n: 4, history: saved })).toEqual([steps[2]]);
    expect(unsavedOf(steps, { n: 4, history: [] })).toEqual([steps[0], steps[2]]);
    expect(unsavedOf(steps, { n: 4, history: saved.map((entry) => ({ ...entry, reviewer: "Ben" })) })).toHaveLength(2);
  });

  it("do not stop the page where storage is turned off", () => {
    const keep = new Keep(() => {
      throw new Error("denied");
    });
    keep.write("/out", [newStep(4, confirm(true), "Anna")], films);
    expect(keep.read("/out", films)).toEqual([]);
  });
});
