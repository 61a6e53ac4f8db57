import fc from "fast-check";
import { expect, test } from "vitest";
import { countDifferent, diffWords } from "./word-diff.js";

const texts = fc
  .array(fc.constantFrom("a", "dog", "cat", "the", ".", "  ", "\n", "sun-flower", "z\u00fcrich"), { maxLength: 14 })
  .map((words) => words.join(" "));

test("marks the words that differ", () => {
  const { left, right } = diffWords("there are two dogs.", "there are three red dogs.");
  expect(left.filter(({ same }) => !same).map(({ text }) => text)).toEqual(["two "]);
  expect(right.filter(({ same }) => !same).map(({ text }) => text)).toEqual(["three ", "red "]);
});

test("pieces joined are the texts", () => {
  fc.assert(
    fc.property(fc.oneof(texts, fc.string({ maxLength: 30 })), texts, (one, other) => {
      const { left, right } = diffWords(one, other);
      const joined = (pieces: readonly { text: string }[]) => pieces.map(({ text }) => text).join("");
      expect([joined(left), joined(right)]).toEqual([one, other]);
    }),
  );
});

test("the same words are the same on both sides, in order", () => {
  fc.assert(
    fc.property(texts, texts, (one, other) => {
      const { left, right } = diffWords(one, other);
      const same = (side: typeof left) => side.filter((piece) => piece.same).map(({ text }) => text.trim());
      expect(same(left)).toEqual(same(right));
    }),
  );
});

test("a text does not differ from itself", () => {
  fc.assert(
    fc.property(texts, (text) => {
      expect(countDifferent(diffWords(text, text).left)).toBe(0);
    }),
  );
});
