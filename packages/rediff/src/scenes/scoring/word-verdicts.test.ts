import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { errorKinds, plantError } from "../language/planted-error.js";
import { joinWords } from "../language/words.js";
import { captionArbitrary } from "../testing/arbitrary.js";
import type { Facts } from "../world/facts.js";
import { rng } from "../world/purpose-random.js";
import { sampleFacts } from "../world/random-facts.js";
import { worlds } from "../world/world.js";
import { scoreCaption } from "./score.js";
import { judgeWords } from "./word-verdicts.js";

const facts: Facts = {
  objects: [
    { name: "dog", count: 1, position: "top left", size: "small" },
    { name: "red apple", count: 2, position: "bottom right" },
  ],
  background: "blue",
};
const wrongWords = (text: string, truth = facts) =>
  judgeWords(text, truth).words.flatMap(({ right, start, end }) => (right === false ? [text.slice(start, end)] : []));

describe("judgeWords", () => {
  it("finds nothing wrong in a true caption, and says which words are right", () => {
    const text = "A small dog is at the top left. Two red apples are at the bottom right. The background is blue.";
    const { words, broken, missing, exact } = judgeWords(text, facts);
    expect(words.filter(({ right }) => right).map(({ word }) => word)).toEqual(
      "a small dog top left two red apples bottom right blue".split(" "),
    );
    expect({ broken, missing, exact }).toEqual({ broken: [], missing: [], exact: true });
    fc.assert(
      fc.property(captionArbitrary, ({ facts, words }) => {
        expect(wrongWords(joinWords(words), facts)).toEqual([]);
      }),
    );
  });

  it("marks what is wrong and nothing beside it", () => {
    expect(wrongWords("A large dog is at the top left.")).toEqual(["large"]);
    expect(wrongWords("Two dogs are at the top left.")).toEqual(["Two"]);
    expect(wrongWords("A dog is at the bottom left.")).toEqual(["bottom"]);
    expect(wrongWords("Two green apples are at the top left.")).toEqual(["green", "apples"]);
    expect(wrongWords("A dog is at the top left, and a dog is at the top right.")).toEqual(["dog"]);
    expect(wrongWords("The background is pink. The background is blue.")).toEqual(["pink", "blue"]);
  });

  it("names what is missing, and sentences that are none", () => {
    const text = "A dog is at the top left.  dog dog the. ";
    const { missing, broken } = judgeWords(text, facts);
    expect(missing).toEqual(["two red apples at the bottom right", "the blue background"]);
    expect(broken.map(({ start, end }) => text.slice(start, end))).toEqual(["dog dog the."]);
    expect(judgeWords("", facts)).toMatchObject({ words: [], exact: false });
  });

  it("finds a planted error in the words that were changed", () => {
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom(...errorKinds), (seed, kind) => {
        const truth = sampleFacts(worlds.demo, rng("truth", seed));
        const error = plantError(truth, kind, worlds.demo, rng("error", seed));
        if (error === undefined) return;
        const [right, draft] = [error.right.split(" "), error.draft.split(" ")];
        const changed = new Set(draft.filter((word, i) => word !== right[i]).map((word) => word.replace(/[.,]/, "")));
        const wrong = wrongWords(error.draft, truth);
        expect(wrong.length).toBeGreaterThan(0);
        // A name is one fact: of "blue heart" for "red heart" both words are marked. And what is not there, or not as
        // often, is not left of anything either.
        if (kind !== "object" && kind !== "number" && kind !== "relation")
          for (const word of wrong) expect(changed).toContain(word);
        else expect(wrong.some((word) => changed.has(word))).toBe(true);
      }),
    );
  });

  it("agrees with the score about what is exact, whatever the text", () => {
    fc.assert(
      fc.property(captionArbitrary, fc.nat(), fc.nat(3), ({ facts, words }, seed, count) => {
        const random = rng("mangle", seed);
        const mangled = [...words];
        for (let i = 0; i < count; i++) {
          const at = random.below(mangled.length);
          if (random.chance(0.5)) mangled[at] = random.pick(words);
          else mangled.splice(at, 1);
          if (mangled.length === 0) return;
        }
        const text = joinWords(mangled);
        expect(judgeWords(text, facts).exact).toBe(scoreCaption(text, facts).exact === 1);
      }),
      { numRuns: 400 },
    );
  });
});
