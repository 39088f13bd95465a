import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Entry, FilmState, Found, Point, Session } from "../../src/contract";
import { findAgain, redo, undo } from "../../src/edit/actions";
import { queue } from "../../src/edit/saving";
import { expectedErrorOf, needsReview, regionOf, show } from "../../src/state/film";
import { session } from "../../src/state/session";

const corrected: Point = { at: [80, 28], origin: "corrected", confirmed: false };
const first: Point = { at: [5, 5], origin: "predicted", confirmed: false };

function foundAt(x: number, size: number): Point {
  const found: Found = { model: { model: "m" }, score: 0.9, expected_error_px: size, region_90: [[size, 0], [0, size]] };
  return { at: [x, 5], origin: "found_again", confirmed: false, found };
}

function film(points: Record<string, Point>, history: Entry[] = []): FilmState {
  return {
    n: 1, size: [100, 100], truth: {}, history, spacing: null, doubted: [],
    predicted: { points: { A: [5, 5] }, needs_review: ["A"], regions_90: { A: [[9, 0], [0, 9]] }, expected_errors_px: { A: 9 } },
    state: { revision: history.length, confirmed: false, points, subject: { age: null, sex: null } },
  } as unknown as FilmState;
}

describe("a point that was found again", () => {
  const answers = [foundAt(20, 3), foundAt(30, 0.5)];
  const journal: Entry[] = [];

  beforeEach(() => {
    const symbols = ["N", "A"].map((symbol) => ({ symbol, title: symbol, tissue: "bone" }));
    session.value = { landmarks: symbols, review_mm: 2, review_height: 0.01, weak_score: 0.1 } as unknown as Session;
    journal.length = 0;
    let asked = 0;
    vi.stubGlobal("fetch", (address: string, { body }: { body: string }) => {
      if (address.endsWith("/find")) return Promise.resolve(new Response(JSON.stringify({ points: { A: answers[asked++] } })));
      const { edit, revision, reviewer } = JSON.parse(body) as { edit: Entry; revision: number; reviewer: string };
      journal.push({ ...edit, revision: revision + 1, time: "", reviewer });
      return Promise.resolve(new Response(JSON.stringify({ revision: revision + 1 })));
    });
    show(film({ N: corrected, A: first }));
  });
  afterEach(() => vi.unstubAllGlobals());

  const shown = () => [regionOf("A")?.[0][0], expectedErrorOf("A"), needsReview("A")];

  it("keeps what the model said then: found once more, undone, redone, and after a reload", async () => {
    await findAgain();
    expect(shown()).toEqual([3, 3, true]);
    await findAgain();
    expect(shown()).toEqual([0.5, 0.5, false]);
    undo();
    expect(shown()).toEqual([3, 3, true]);
    undo();
    expect(shown()).toEqual([9, 9, true]);
    redo();
    expect(shown()).toEqual([3, 3, true]);
    await vi.waitFor(() => expect(queue.waiting).toHaveLength(0));
    show(film({ N: corrected, A: answers[0] as Point }, JSON.parse(JSON.stringify(journal)) as Entry[]));
    expect(shown()).toEqual([3, 3, true]);
    redo();
    expect(shown()).toEqual([0.5, 0.5, false]);
  });
});
