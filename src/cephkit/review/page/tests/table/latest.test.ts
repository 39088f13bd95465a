import { describe, expect, it } from "vitest";
import { Latest } from "../../src/table/latest";

const settled = () => new Promise((done) => setTimeout(done, 0));

function setUp() {
  const asked: number[] = [];
  const answers: number[] = [];
  const failures: unknown[] = [];
  const open: { resolve: (value: number) => void; reject: (error: Error) => void }[] = [];
  const latest = new Latest<number, number>(
    (question) => {
      asked.push(question);
      return new Promise((resolve, reject) => open.push({ resolve, reject }));
    },
    (answer) => answers.push(answer),
    (error) => failures.push(error),
    0,
    () => 0,
    () => Promise.resolve(),
  );
  return { latest, asked, answers, failures, open };
}

describe("questions while something is dragged", () => {
  it("are asked one at a time, and only the last of those meanwhile", async () => {
    const { latest, asked, answers, open } = setUp();
    for (let i = 0; i < 100; i++) latest.put(i);
    expect(asked).toEqual([0]);
    open[0]?.resolve(0);
    await settled();
    expect(asked).toEqual([0, 99]);
    open[1]?.resolve(99);
    await settled();
    expect(answers).toEqual([0, 99]);
  });

  it("go on after one has failed", async () => {
    const { latest, asked, answers, failures, open } = setUp();
    latest.put(1);
    open[0]?.reject(new Error("gone"));
    await settled();
    latest.put(2);
    open[1]?.resolve(2);
    await settled();
    expect([asked, answers, failures.length]).toEqual([[1, 2], [2], 1]);
  });
});
