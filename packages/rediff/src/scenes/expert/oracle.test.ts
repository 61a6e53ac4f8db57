import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { planCaption, realize } from "../language/caption-plan.js";
import { joinWords, splitWords } from "../language/words.js";
import { scoreCaption } from "../scoring/score.js";
import { captionArbitrary, factsArbitrary } from "../testing/arbitrary.js";
import type { Facts } from "../world/facts.js";
import { objectNames } from "../world/object-names.js";
import { rng } from "../world/purpose-random.js";
import { nearestCaption } from "./oracle.js";
import { applyPairs, revisePairs } from "./word-edits.js";

const distance = (one: readonly string[], other: readonly string[]) =>
  one.filter((word, i) => word !== other[i]).length;

/** A caption with some words exchanged for words of the language. */
const draftArbitrary = captionArbitrary.chain(({ facts, words }) =>
  fc
    .array(
      fc.tuple(fc.nat(words.length - 1), fc.constantFrom("a", "is", "dog", "dogs", "top", "left", "the", ".", "and")),
    )
    .map((swaps) => ({ facts, words, draft: swaps.reduce((draft, [at, word]) => draft.with(at, word), words) })),
);

describe("nearestCaption", () => {
  it("leaves true captions as they are", () => {
    fc.assert(
      fc.property(captionArbitrary, ({ facts, words }) => {
        expect(nearestCaption(words, facts)).toEqual({ words, distance: 0, omitted: 0 });
      }),
    );
  });

  it("makes corrupted captions exact, with no more changes than were made", () => {
    fc.assert(
      fc.property(draftArbitrary, ({ facts, words, draft }) => {
        const nearest = nearestCaption(draft, facts);
        expect(nearest).toBeDefined();
        if (nearest === undefined) return;
        expect(nearest.words).toHaveLength(draft.length);
        expect(nearest.distance).toBe(distance(nearest.words, draft));
        expect(nearest.distance).toBeLessThanOrEqual(distance(words, draft));
        expect(scoreCaption(joinWords(nearest.words), facts).exact).toBe(1);
      }),
    );
  });

  it("finds no farther a caption than any that is tried", () => {
    const facts: Facts = {
      objects: [
        { name: "dog", count: 1, position: "top left", size: "small" },
        { name: "owl", count: 2, position: "bottom right" },
      ],
      background: "blue",
    };
    const pool = Array.from({ length: 3000 }, (_, i) => realize(planCaption(facts, "free", rng("pool", i)), facts));
    for (const draft of pool.slice(0, 40).map((words, i) => noisy(words, i))) {
      const nearest = nearestCaption(draft, facts)?.distance ?? Number.NaN;
      const tried = pool.filter((words) => words.length === draft.length).map((words) => distance(words, draft));
      expect(nearest).toBeLessThanOrEqual(Math.min(...tried));
    }
  });

  it("says when there is none of that length", () => {
    const facts: Facts = { objects: [{ name: "dog", count: 1, position: "top left" }], background: "blue" };
    expect(nearestCaption([], facts)).toBeUndefined();
    expect(nearestCaption(["a", "dog", "."], facts)).toBeUndefined();
    expect(nearestCaption(Array(60).fill("dog"), facts)).toBeUndefined();
  });

  it("leaves facts out when that is allowed, but no more than it must", () => {
    const facts: Facts = {
      objects: [
        { name: "dog", count: 1, position: "top left" },
        { name: "cat", count: 1, position: "top right" },
      ],
      background: "blue",
    };
    const draft = splitWords("A cat is at the top right. The background is red.");
    expect(nearestCaption(draft, facts)).toBeUndefined();
    const nearest = nearestCaption(draft, facts, { omissionCost: 4 });
    expect(joinWords(nearest?.words ?? [])).toBe("A cat is at the top right. The background is blue.");
    expect(nearest).toMatchObject({ distance: 1, omitted: 1 });
    const full = splitWords("A cat is at the top left. A cat is at the top right. The background is blue.");
    expect(nearestCaption(full, facts, { omissionCost: 4 })).toMatchObject({ distance: 1, omitted: 0 });
  });

  it("is fast enough for a server", () => {
    const drafts = Array.from({ length: 50 }, (_, i) => {
      const facts: Facts = { objects: objects(i), background: "blue" };
      return { facts, draft: noisy(realize(planCaption(facts, "free", rng(i)), facts), i) };
    });
    const start = performance.now();
    for (const { facts, draft } of drafts) nearestCaption(draft, facts);
    expect((performance.now() - start) / drafts.length).toBeLessThan(100); // 2 to 4 ms on an idle machine
  });
});

function objects(seed: number): Facts["objects"] {
  const names = rng(seed).shuffle(objectNames);
  const positions = ["top left", "top right", "bottom left", "bottom right"] as const;
  return positions.map((position, i) => ({ name: names[i]?.name ?? "", count: 1, position, size: "large" as const }));
}

function noisy(words: string[], seed: number): string[] {
  const random = rng("noise", seed);
  return words.map((word) => (random.chance(0.3) ? random.pick(words) : word));
}

describe("corrections that end earlier", () => {
  const facts: Facts = { objects: [{ name: "dog", count: 1, position: "top left" }], background: "blue" };

  it("take away a word that stands twice near the end", () => {
    const draft = splitWords("A dog is at the top left. The background is is blue.");
    const same = nearestCaption(draft, facts);
    expect(same?.words.length ?? draft.length).toBe(draft.length);
    expect(same?.distance ?? 9).toBeGreaterThan(2);
    const nearest = nearestCaption(draft, facts, { shorter: 2 });
    expect(nearest).toEqual({
      words: splitWords("A dog is at the top left. The background is blue."),
      distance: 3, // "is" to "blue", "blue" to ".", and "." to nothing
      omitted: 0,
    });
    expect(revisePairs(draft, nearest?.words ?? [])).toEqual([{ org: "is blue.", target: "blue." }]);
  });

  it("keep the length where that changes less", () => {
    const draft = splitWords("A dog is at the top right. The background is blue.");
    expect(nearestCaption(draft, facts, { shorter: 3 })).toEqual(nearestCaption(draft, facts));
  });

  it("are exact, no farther than those of the same length, and pairs make them of the draft", () => {
    const doubled = captionArbitrary.chain(({ facts, words }) =>
      fc
        .nat(words.length - 1)
        .map((at) => ({ facts, draft: [...words.slice(0, at), ...words.slice(at - words.length - 1)] })),
    );
    fc.assert(
      fc.property(doubled, ({ facts, draft }) => {
        const same = nearestCaption(draft, facts)?.distance ?? Number.POSITIVE_INFINITY;
        const nearest = nearestCaption(draft, facts, { shorter: 3 });
        if (nearest === undefined) throw new Error("a caption with one word less is true");
        expect(nearest.distance).toBeLessThanOrEqual(same);
        expect(scoreCaption(joinWords(nearest.words), facts).exact).toBe(1);
        const pairs = revisePairs(draft, nearest.words);
        expect(applyPairs(joinWords(draft), pairs)).toBe(joinWords(nearest.words));
        for (const { org, target } of pairs.slice(0, -1))
          expect(splitWords(org).length).toBe(splitWords(target).length);
        if (nearest.words.length < draft.length) expect(joinWords(draft).endsWith(pairs.at(-1)?.org ?? "")).toBe(true);
      }),
    );
  });
});

describe("revisePairs", () => {
  it("turn the draft into the corrected text, each phrase unique and as long as its target", () => {
    fc.assert(
      fc.property(draftArbitrary, ({ facts, draft }) => {
        const corrected = nearestCaption(draft, facts)?.words ?? [];
        const pairs = revisePairs(draft, corrected);
        const text = joinWords(draft);
        expect(applyPairs(text, pairs)).toBe(joinWords(corrected));
        for (const { org, target } of pairs) {
          expect(splitWords(org).length).toBe(splitWords(target).length);
          expect(text.split(org)).toHaveLength(2);
        }
        expect(pairs.length === 0).toBe(text === joinWords(corrected));
      }),
    );
  });

  it("avoid what the prompt has", () => {
    const draft = splitWords("A dog is in the top left.");
    const corrected = splitWords("A dog is at the top left.");
    expect(revisePairs(draft, corrected)).toEqual([{ org: "in", target: "at" }]);
    const prompt = splitWords("describe the image in detail.");
    expect(revisePairs(draft, corrected, prompt)).toEqual([{ org: "in the", target: "at the" }]);
  });

  it("work on any two texts of one length", () => {
    const word = fc.constantFrom("a", "b", "c", ".");
    const texts = fc
      .nat(12)
      .chain((n) =>
        fc.tuple(fc.array(word, { minLength: n, maxLength: n }), fc.array(word, { minLength: n, maxLength: n })),
      );
    fc.assert(
      fc.property(texts, ([draft, corrected]) => {
        expect(applyPairs(joinWords(draft), revisePairs(draft, corrected))).toBe(joinWords(corrected));
      }),
    );
  });

  it("are none where nothing differs", () => {
    fc.assert(
      fc.property(factsArbitrary, (facts) => {
        const words = realize(planCaption(facts, "free", rng(1)), facts);
        expect(revisePairs(words, words)).toEqual([]);
      }),
    );
  });
});
