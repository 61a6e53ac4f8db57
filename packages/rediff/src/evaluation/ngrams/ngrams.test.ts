import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bleu } from "./bleu.js";
import { cider } from "./cider.js";
import { repeatedShare } from "./ngram-counts.js";
import { ptbTokens } from "./ptb-tokenizer.js";
import { rougeL } from "./rouge-l.js";

const sentence = fc
  .array(fc.constantFrom("a", "dog", "cat", "on", "the", "mat"), { minLength: 1, maxLength: 9 })
  .map((words) => words.join(" "));
const captions = fc.array(
  fc.record({ candidate: sentence, references: fc.array(sentence, { minLength: 1, maxLength: 3 }) }),
  { minLength: 2, maxLength: 5 },
);

describe("tokens", () => {
  test.each([
    ["Let's go, they're here!", "let 's go they 're here"],
    ["Mother-in-law's T-shirts (3).", "mother-in-law 's t-shirts -lrb- 3 -rrb-"],
    ["Isn't it 3/4 of $5?", "is n't it 3/4 of $ 5"],
    ["", ""],
  ])("%j", (text, tokens) => {
    expect(ptbTokens(text)).toBe(tokens);
  });

  test("a long text takes no long time", () => {
    const start = performance.now();
    ptbTokens(`${"a-".repeat(5000)} ${"(".repeat(5000)} ${"1,".repeat(5000)} ${"n't".repeat(3000)}`);
    expect(performance.now() - start).toBeLessThan(20_000);
  });
});

test("scores are within their ranges, and a caption that is its reference has the most", () => {
  fc.assert(
    fc.property(captions, (all) => {
      for (const score of [...bleu(all).corpus, ...all.map(rougeL)]) {
        expect(score).toBeGreaterThanOrEqual(0);
        expect(score).toBeLessThanOrEqual(1 + 1e-6);
      }
      for (const score of cider(all).each) expect(score).toBeLessThanOrEqual(10 + 1e-9);
      const exact = all.map(({ references }) => ({ candidate: references[0]!, references }));
      expect(bleu(exact).corpus[0]).toBeCloseTo(1, 6);
      for (const caption of exact) expect(rougeL(caption)).toBe(1);
    }),
  );
});

test("one picture has no CIDEr: every word is in all of one", () => {
  expect(cider([{ candidate: "a dog", references: ["a dog"] }]).corpus).toBe(0);
});

test("what is said again is counted", () => {
  expect(repeatedShare("a b c d e f".split(" "))).toBe(0);
  expect(repeatedShare("a b c d a b c d".split(" "))).toBeCloseTo(1 / 5);
  expect(repeatedShare(["a"])).toBe(0);
});
