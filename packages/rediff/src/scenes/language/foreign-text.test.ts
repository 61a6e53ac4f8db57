/** Words that the world does not have, in captions and before questions. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { rng } from "../world/purpose-random.js";
import { foreignMixed, foreignQuestion } from "./foreign-text.js";
import { vocabulary } from "./vocabulary.js";
import { joinWords, lowered, splitWords } from "./words.js";

const caption = "There is a dog at the top left, and two crabs in the middle right. The background is blue.";
const known = new Set(vocabulary());
const isForeign = (word: string) => !known.has(word.toLowerCase());

test("a caption keeps its words in their order, and what is told to be its own is just that", () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const mixed = foreignMixed(caption, rng("foreign", seed), 63);
      if (mixed === undefined) return;
      const { text, own } = mixed;
      const rest = own.map(([start, end]) => text.slice(start, end));
      expect(joinWords(rest.flatMap((part) => splitWords(part)))).toBe(caption);
      const words = splitWords(own.reduceRight((left, [start, end]) => left.slice(0, start) + left.slice(end), text));
      expect(lowered(words).filter(isForeign).length).toBeGreaterThan(0);
      expect(words.filter((word) => !isForeign(word) && !/^[.!]$/.test(word))).toEqual([]);
    }),
  );
});

test("there is no text longer than there is room", () => {
  for (let seed = 0; seed < 50; seed++) {
    expect(foreignMixed(caption, rng("foreign", seed), splitWords(caption).length)).toBeUndefined();
    const mixed = foreignMixed(caption, rng("foreign", seed), 30);
    if (mixed === undefined) continue;
    const words = splitWords(mixed.text);
    const bytes = words.filter(isForeign).reduce((sum, word) => sum + Buffer.byteLength(` ${word}`), 0);
    expect(words.filter((word) => !isForeign(word)).length + bytes).toBeLessThanOrEqual(30);
  }
});

test("a question ends as it did", () => {
  expect(foreignQuestion("Where is the dog?", rng("foreign"))).toMatch(/^\p{Lu}.*[.!] Where is the dog\?$/u);
});
