/** Keys by name. Letters count as they are typed, and where another alphabet is typed, by their place. */

/** The name of the key: `Ctrl+Z`, `Shift+N`, `+`. */
export function keyName(event: Pick<KeyboardEvent, "key" | "code" | "ctrlKey" | "metaKey" | "shiftKey">): string {
  const isLatin = /^[a-z]$/i.test(event.key);
  const place = /^Key([A-Z])$/.exec(event.code)?.[1];
  const isLetter = isLatin || (place !== undefined && event.key.length === 1);
  const digit = /^Digit(\d)$/.exec(event.code)?.[1];
  let name = event.key;
  if (isLetter) name = isLatin ? event.key.toUpperCase() : (place ?? event.key);
  // A Persian keyboard types Persian digits and has its own slash and question mark.
  else if (digit && !event.shiftKey && !/^[!-~]$/.test(event.key)) name = digit;
  else if (event.code === "Slash" && !/^[!-~]$/.test(event.key)) name = event.shiftKey ? "?" : "/";
  const isNamed = isLetter || event.key.length > 1;
  return `${event.ctrlKey || event.metaKey ? "Ctrl+" : ""}${event.shiftKey && isNamed ? "Shift+" : ""}${name}`;
}
