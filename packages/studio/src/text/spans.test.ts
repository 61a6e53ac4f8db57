import fc from "fast-check";
import { expect, test } from "vitest";
import { checkSpans, keptParts } from "./spans.js";

test("parts are the text between their ends, and unread spans are among them", () => {
  fc.assert(
    fc.property(
      fc.string({ maxLength: 30 }),
      fc.array(fc.nat(30), { maxLength: 6 }),
      fc.nat(30),
      fc.nat(30),
      (text, places, one, other) => {
        const ends = [...new Set(places.map((place) => Math.min(place, text.length)))].sort((a, b) => a - b);
        const spans = ends.flatMap((start, i) => {
          const end = ends[i + 1];
          return i % 2 === 1 || end === undefined ? [] : [{ start, end, text: text.slice(start, end) }];
        });
        const [from, to] = [Math.min(one, other, text.length), Math.min(Math.max(one, other), text.length)];
        const parts = keptParts(text, from, to, checkSpans(text, spans.toReversed()));
        expect(parts.map((part) => part.text).join("")).toBe(text.slice(from, to));
        expect(parts.every((part) => part.text !== "")).toBe(true);
      },
    ),
  );
});

test("spans of another text are refused", () => {
  expect(() => checkSpans("a cat", [{ start: 2, end: 5, text: "dog" }])).toThrow(/"dog" at 2-5 that do not fit/);
  expect(() => checkSpans("a cat", [{ start: 4, end: 9, text: "t" }])).toThrow(/do not fit/);
});
