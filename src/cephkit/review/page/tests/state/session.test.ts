import { expect, it } from "vitest";
import { announcement, say } from "../../src/state/session";

const spoken = () => Promise.resolve().then(() => announcement.value);

it("says what one action brings in one go", async () => {
  say("S placed");
  say("To place: N");
  say("To place: N");
  expect(await spoken()).toBe("S placed · To place: N");
  say("Saved");
  expect(await spoken()).toBe("Saved");
});

it("says the same text again as another one, which a screen reader reads anew", async () => {
  say("Nothing to undo");
  const first = await spoken();
  say("Nothing to undo");
  const second = await spoken();
  expect(second).not.toBe(first);
  expect(second.trim()).toBe(first);
});
