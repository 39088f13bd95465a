import { describe, expect, it } from "vitest";
import type { Edit, Entry, Point } from "../../src/contract";
import { applied, inverted, moved, rebased, same, type Content } from "../../src/edit/edits";
import { followed, newStep, NO_HISTORY, redoing, stepsOf, toSend, undoing, type History } from "../../src/edit/history";

const point = (x: number, confirmed = false): Point => ({ at: [x, 0], origin: "corrected", confirmed });
const move = (before: number, after: number): Edit => ({
  kind: "points",
  changes: [{ symbol: "S", before: point(before), after: point(after) }],
});
const EMPTY: Content = { points: {}, confirmed: false, spacing: null, subject: { age: null, sex: null } };
const historyOf = (entries: Entry[]) => stepsOf(3, entries).reduce(followed, NO_HISTORY);
const entry = (revision: number, edit: Edit): Entry => ({ ...edit, revision, time: "2026-01-01T00:00:00Z", reviewer: "Anna" });

describe("an edit", () => {
  const edits: Edit[] = [
    move(1, 2),
    { kind: "film", before: false, after: true },
    { kind: "subject", before: { age: null, sex: null }, after: { age: 12, sex: "female" } },
    { kind: "spacing", before: null, after: { row_mm: 0.1, column_mm: 0.1, origin: "ruler", plane: "unknown" } },
    { kind: "points", changes: [{ symbol: "S", before: point(1), after: null }, { symbol: "N", before: null, after: point(5) }] },
  ];
  it.each(edits)("followed by its inverse changes nothing: %j", (edit) => {
    const before: Content = { ...EMPTY, points: { S: point(1) } };
    expect(applied(applied(before, edit), inverted(edit))).toEqual(before);
    expect(applied(before, edit)).not.toEqual(before);
  });

  it("is made anew on what someone else left", () => {
    const now: Content = { ...EMPTY, points: { S: point(7) } };
    expect(rebased(move(1, 2), now)).toEqual(move(7, 2));
    expect(rebased(move(1, 7), now)).toBeNull();
    expect(rebased({ kind: "film", before: false, after: true }, { ...EMPTY, confirmed: true })).toBeNull();
  });
});

describe("moved", () => {
  it("keeps where a point comes from apart from a person's own", () => {
    expect(moved(null, [1.005, 2]).origin).toBe("placed");
    expect(moved({ at: [0, 0], origin: "placed", confirmed: true }, [1, 2])).toEqual({ at: [1, 2], origin: "placed", confirmed: true });
    expect(moved({ at: [0, 0], origin: "predicted", confirmed: false }, [1.237, 2]).at).toEqual([1.24, 2]);
  });
});

describe("same", () => {
  it("does not mind the order of keys, or keys without a value", () => {
    expect(same({ a: 1, b: [1, { c: null }] }, { b: [1, { c: null }], a: 1, d: undefined })).toBe(true);
    expect(same({ a: 1 }, { a: 1, b: null })).toBe(false);
    expect(same([1, 2], [1, 3])).toBe(false);
  });
});

describe("undo and redo", () => {
  it("go through all edits and back, however often", () => {
    let history: History = NO_HISTORY;
    let content: Content = { ...EMPTY, points: { S: point(0) } };
    const states = [content];
    const make = (step: ReturnType<typeof newStep> | null) => {
      if (!step) throw new Error("nothing to do");
      history = followed(history, step);
      content = applied(content, step.edit);
    };
    for (let i = 0; i < 20; i++) {
      make(newStep(3, move(i, i + 1), "Anna"));
      states.push(content);
    }
    for (let round = 0; round < 3; round++) {
      for (let i = 19; i >= 0; i--) {
        make(undoing(history, "Anna"));
        expect(content).toEqual(states[i]);
      }
      expect(undoing(history, "Anna")).toBeNull();
      for (let i = 1; i <= 20; i++) {
        make(redoing(history, "Anna"));
        expect(content).toEqual(states[i]);
      }
      expect(redoing(history, "Anna")).toBeNull();
    }
  });

  it("are as they were after a reload of the film", () => {
    const entries = [
      entry(1, move(0, 1)),
      entry(2, move(1, 2)),
      entry(3, { ...move(2, 1), undoes: 2 }),
      entry(4, { ...move(1, 0), undoes: 1 }),
      entry(5, { ...move(0, 1), undoes: 4 }),
    ];
    const history = historyOf(entries);
    expect(history.undo.map((step) => step.revision)).toEqual([5]);
    expect(history.redo.map((step) => step.revision)).toEqual([3]);
    const next = redoing(history, "Ben");
    expect(next && toSend(next)).toEqual({ ...move(1, 2), undoes: 3 });
  });

  it("forget what was taken back once something new is done", () => {
    const history = historyOf([entry(1, move(0, 1)), entry(2, { ...move(1, 0), undoes: 1 }), entry(3, move(0, 9))]);
    expect(history.undo.map((step) => step.revision)).toEqual([3]);
    expect(history.redo).toEqual([]);
  });

  it("know a step that was loaded again", () => {
    const [first] = stepsOf(3, [entry(1, move(0, 1))]);
    const undo = newStep(3, move(1, 0), "Anna", first ?? null);
    const again = followed(historyOf([entry(1, move(0, 1))]), undo);
    expect(again).toEqual({ undo: [], redo: [undo] });
  });

  it("are sent with the revision that they take back, once that is known", () => {
    const first = newStep(3, move(0, 1), "Anna");
    const undo = undoing(followed(NO_HISTORY, first), "Anna");
    expect(undo && toSend(undo)).toEqual(move(1, 0));
    first.revision = 8;
    expect(undo && toSend(undo)).toEqual({ ...move(1, 0), undoes: 8 });
  });
});
