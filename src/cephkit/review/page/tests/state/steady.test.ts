import { effect, signal } from "@preact/signals";
import { expect, it } from "vitest";
import { steady } from "../../src/state/steady";

it("tells of a value only when it says something else", () => {
  const word = signal("one");
  const list = steady(() => [word.value.length]);
  const seen: number[][] = [];
  const stop = effect(() => void seen.push(list.value));
  word.value = "two";
  word.value = "three";
  stop();
  expect(seen).toEqual([[3], [5]]);
});
