import { expect, test } from "vitest";
import { printable } from "./printable.js";

test.each([
  ["\x1b[2J\x1b]0;title\x07", "\u00b7[2J\u00b7]0;title\u00b7"],
  ["\x9b31m\x7f\b\r", "\u00b731m\u00b7\u00b7\u00b7"],
  ["photo\u202egnp.exe\u2066", "photo\u00b7gnp.exe\u00b7"],
  ["a\u2028b", "a\u00b7b"],
  ["caf\u00e9 \u{1f600} \u5b57 e\u0301 \u200d\ufe0f", "caf\u00e9 \u{1f600} \u5b57 e\u0301 \u200d\ufe0f"],
])("%j is shown as %j", (text, shown) => expect(printable(text)).toBe(shown));

test("lines and tabs of a text stay, in one line they are dots", () => {
  expect(printable("a\tb\nc")).toBe("a\tb\nc");
  expect(printable("a\tb\nc", "line")).toBe("a\u00b7b\u00b7c");
});
