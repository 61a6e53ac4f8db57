import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { byteTokens, spelt, trainBytePairs } from "./byte-pairs.js";

/** As an encoder applies them: always the earliest merge that fits. */
function encode(word: string, merges: readonly (readonly [string, string])[]): string[] {
  const pieces = [...word];
  for (;;) {
    const fits = merges.find(([one, other]) => pieces.some((piece, i) => piece === one && pieces[i + 1] === other));
    if (fits === undefined) return pieces;
    const at = pieces.findIndex((piece, i) => piece === fits[0] && pieces[i + 1] === fits[1]);
    pieces.splice(at, 2, fits.join(""));
  }
}

describe("trainBytePairs", () => {
  it("joins what is most frequent first", () => {
    expect(trainBytePairs(["ab", "abc", "xabc"]).merges).toEqual([
      ["a", "b"],
      ["ab", "c"],
      ["x", "abc"],
    ]);
    expect(trainBytePairs([]).merges).toEqual([]);
  });

  it("makes every word one token, whatever the words", () => {
    const word = fc.string({ minLength: 1, maxLength: 6, unit: fc.constantFrom("a", "b", "c", "d") });
    fc.assert(
      fc.property(fc.array(word, { maxLength: 12 }), (words) => {
        const { merges } = trainBytePairs(words);
        for (const word of words) expect(encode(word, merges)).toEqual([word]);
      }),
    );
  });
});

it("spells every byte in a character of its own", () => {
  expect(new Set(byteTokens).size).toBe(256);
  expect(spelt(" dog\n")).toBe("\u0120dog\u010a");
  expect(spelt("\u00e9")).toHaveLength(2);
});
