import { describe, expect, it } from "vitest";
import { keyName } from "../../src/stage/keyName";

const event = (key: string, code: string, held: Partial<Record<"ctrlKey" | "metaKey" | "shiftKey", boolean>> = {}) => ({
  key, code, ctrlKey: false, metaKey: false, shiftKey: false, ...held,
});

describe("the name of a key", () => {
  it("is its letter, wherever that is on the keyboard", () => {
    expect(keyName(event("z", "KeyY"))).toBe("Z"); // a German keyboard
    expect(keyName(event("Z", "KeyZ", { ctrlKey: true, shiftKey: true }))).toBe("Ctrl+Shift+Z");
    expect(keyName(event("z", "KeyZ", { metaKey: true }))).toBe("Ctrl+Z");
  });

  it("is its place where Persian is typed", () => {
    expect(keyName(event("د", "KeyN"))).toBe("N");
    expect(keyName(event("ظ", "KeyZ", { ctrlKey: true }))).toBe("Ctrl+Z");
    expect(keyName(event("۰", "Digit0"))).toBe("0");
    expect(keyName(event("؟", "Slash", { shiftKey: true }))).toBe("?");
  });

  it("does not count Shift where it makes the sign", () => {
    expect(keyName(event("+", "Equal", { shiftKey: true }))).toBe("+");
    expect(keyName(event("?", "Slash", { shiftKey: true }))).toBe("?");
    expect(keyName(event("PageDown", "PageDown"))).toBe("PageDown");
  });
});
