import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkPairs } from "./phrase-pairs.js";
import { chunkTokenizer } from "./testing/chunk-tokenizer.js";

const tokenizer = chunkTokenizer();
const DRAFT = "The cat sat on a red mat, and a red cap lay near the house.";
const check = (...pairs: [string, string][]) =>
  checkPairs(
    tokenizer,
    DRAFT,
    pairs.map(([org, target]) => ({ org, target })),
  );

describe("one pair", () => {
  test.each<[string, string, string | undefined]>([
    ["cat", "dog", undefined],
    ["The", "One", undefined], // at the start, without a space
    ["red mat,", "old rug,", undefined],
    ["cat sat", "dog ran", undefined],
    ["", "dog", "empty"],
    ["cat", " ", "empty"],
    ["cat", "cat", "unchanged"],
    ["cat", "<|eot_id|>", "special_token"],
    ["cat sat", "dog<|eot_id|> ran", "special_token"],
    ["<|eot_id|>", "dog", "special_token"],
    ["mat,", "<image>", "special_token"],
    ["cow", "dog", "not_in_draft"],
    ["Cat", "Dog", "not_in_draft"],
    ["cat", "big dog", "token_count"],
    ["house.", "houses are", "token_count"],
    ["cats", "house", "not_in_draft"],
    ["ous", "ant", "inside_tokens"],
    ["mat", "rug", "inside_tokens"], // the comma belongs to its token
  ])("%j -> %j: %s", (org, target, reason) => {
    const { kept, dropped } = check([org, target]);
    expect([kept.length, dropped[0]?.reason]).toEqual(reason === undefined ? [1, undefined] : [0, reason]);
  });

  test("numbers of tokens that differ only behind a space", () => {
    expect(tokenizer.encode("house").length).toBe(tokenizer.encode("cats").length);
    const result = checkPairs(tokenizer, "a big house here", [{ org: "house", target: "cats" }]);
    expect(result.dropped).toMatchObject([{ reason: "token_count_after_space" }]);
  });
});

test("a shorter replacement of the last phrase counts where training can use it", () => {
  const pair = { org: "near the house.", target: "near it." };
  expect(checkPairs(tokenizer, DRAFT, [pair]).dropped).toEqual([{ pair, reason: "token_count" }]);
  expect(checkPairs(tokenizer, DRAFT, [pair], { shorter: true })).toEqual({ kept: [pair], dropped: [], ambiguous: 0 });
  const inside = { org: "near the", target: "near" };
  expect(checkPairs(tokenizer, DRAFT, [inside], { shorter: true }).dropped).toMatchObject([{ reason: "token_count" }]);
  const longer = { org: "the house.", target: "the house and the cat." };
  expect(checkPairs(tokenizer, DRAFT, [longer], { shorter: true }).dropped).toMatchObject([{ reason: "token_count" }]);
  const both = checkPairs(tokenizer, DRAFT, [pair, { org: "the house.", target: "a house." }], { shorter: true });
  expect(both.dropped).toMatchObject([{ reason: "overlap" }]);
});

test("several pairs: repeated, contradicting, overlapping, ambiguous", () => {
  const result = check(["red", "old"], ["red", "old"], ["red", "new"], ["red mat,", "big rug,"], ["cat", "dog"]);
  expect(result.kept).toEqual([
    { org: "red", target: "old" },
    { org: "cat", target: "dog" },
  ]);
  expect(result.dropped.map(({ reason }) => reason)).toEqual(["duplicate", "conflict", "overlap"]);
  expect(result.ambiguous).toBe(1); // "red" stands twice in the draft
});

test("a pair that was dropped takes no place", () => {
  const result = check(["cat sat on", "dog"], ["cat", "dog"]);
  expect(result.kept).toEqual([{ org: "cat", target: "dog" }]);
});

test("kept pairs keep the number of tokens of the draft, and never touch each other", () => {
  const word = fc.constantFrom("cat", "dog", "red", "a red", "mat,", "rug,", "house.", "the", "cat sat", "x", "");
  fc.assert(
    fc.property(fc.array(fc.record({ org: word, target: word }), { maxLength: 6 }), (pairs) => {
      const { kept, dropped } = checkPairs(tokenizer, DRAFT, pairs);
      expect(kept.length + dropped.length).toBe(pairs.length);
      const mended = kept.reduce((text, { org, target }) => text.replace(org, target), DRAFT);
      expect(tokenizer.encode(mended).length).toBe(tokenizer.encode(DRAFT).length);
      expect(new Set(kept.map(({ org }) => org)).size).toBe(kept.length);
    }),
  );
});
