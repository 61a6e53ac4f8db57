import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isTrueRelation } from "../scoring/score.js";
import { captionArbitrary, factsArbitrary } from "../testing/arbitrary.js";
import type { Facts } from "../world/facts.js";
import { objectNames } from "../world/object-names.js";
import { rng } from "../world/purpose-random.js";
import { planCaption, realize, writeCaption } from "./caption-plan.js";
import { isGrammatical, parseCaption, sentencesAt } from "./parse-caption.js";
import type { Statement } from "./phrases.js";
import { joinWords, lowered, splitWords } from "./words.js";

/** The facts that a caption states, with sizes only where they are stated. */
function stated(facts: Facts, statements: readonly Statement[]): boolean {
  const related = statements.filter((statement) => statement.about === "relation");
  if (!related.every((statement) => isTrueRelation(statement, facts))) return false;
  const said = statements.flatMap((statement) => {
    if (statement.about === "relation") return [];
    if (statement.about === "background") return `on ${statement.color}`;
    const truth = facts.objects.find(({ name }) => name === statement.name);
    const size = statement.size === undefined ? truth?.size : statement.size;
    return `${statement.count} ${size} ${statement.name} ${statement.position}`;
  });
  const true_ = facts.objects.map(({ name, count, position, size }) => `${count} ${size} ${name} ${position}`);
  return [...said].sort().join("|") === [...true_, `on ${facts.background}`].sort().join("|");
}

describe("captions and the parser", () => {
  it("parse back to exactly their facts, in one way only", () => {
    fc.assert(
      fc.property(captionArbitrary, ({ facts, words }) => {
        const statements = parseCaption(words);
        expect(statements && stated(facts, statements)).toBe(true);
        for (let at = 0; at < words.length; ) {
          const readings = sentencesAt(lowered(words), at);
          expect(readings).toHaveLength(1);
          at = readings[0]?.end ?? words.length;
        }
      }),
    );
  });

  it("survive as text", () => {
    fc.assert(
      fc.property(captionArbitrary, ({ words }) => {
        const text = joinWords(words);
        expect(splitWords(text)).toEqual(words);
        expect(joinWords(splitWords(text))).toBe(text);
      }),
    );
  });

  it("vary in wording", () => {
    const facts: Facts = {
      objects: [
        { name: "dog", count: 1, position: "top left", size: "small" },
        { name: "hot dog", count: 2, position: "bottom right" },
      ],
      background: "orange",
    };
    const texts = new Set(Array.from({ length: 300 }, (_, i) => writeCaption(facts, "free", rng(i))));
    expect(texts.size).toBeGreaterThan(280);
    for (const start of ["A", "One", "There", "At", "In", "The"])
      expect([...texts].some((text) => text.startsWith(`${start} `))).toBe(true);
    const plain = new Set(Array.from({ length: 300 }, (_, i) => writeCaption(facts, "plain", rng(i))));
    expect(plain.size).toBeLessThan(60);
  });

  it.each([
    "A dog is at the top left.",
    "There are two hot dogs in the bottom right corner and an owl at the top left.",
    "Everything is on an orange background. In the top right, you can see one small airplane.",
    "The background is blue, and a cat is at the middle center.",
    "The image shows three green apples at the top left, and there is a fox at the bottom left.",
  ])("knows %s as grammatical", (text) => {
    expect(isGrammatical(splitWords(text))).toBe(true);
  });

  it.each([
    "",
    ".",
    "a dog is at the top left",
    "A dogs is at the top left.",
    "A dog are at the top left.",
    "Two dog are at the top left.",
    "There is two dogs at the top left.",
    "An dog is at the top left.",
    "A owl is at the top left.",
    "A dog is is at the top left.",
    "A dog is at the left top.",
    "A dog is at the top.",
    "A dog is at top left.",
    "A dog is at the middle center corner.",
    "A dog is at the top left and.",
    "A dog is at the top left and a cat at the top right.", // "is" does not elide
    "A dog is at the top left, and a cat is at the top right, and a fox is at the bottom left.",
    "the background is.",
    "The picture has a orange background.",
    "The background is dog.",
    "A dog is at the top left.. The background is blue.",
    "Dogs are at the top left.",
  ])("knows %j as ungrammatical", (text) => {
    expect(isGrammatical(splitWords(text))).toBe(false);
  });

  it("mostly notices a word exchanged for another", () => {
    // A name for a name, or a place for a place, stays grammatical; what breaks an agreement does not.
    fc.assert(
      fc.property(captionArbitrary, fc.nat(), ({ words }, pick) => {
        const at = pick % words.length;
        const before = words[at];
        const swap: Record<string, string> = { is: "are", are: "is", a: "two", an: "a", there: "the", ",": "." };
        fc.pre(before !== undefined && Object.hasOwn(swap, before));
        expect(isGrammatical(words.with(at, swap[before as string] as string))).toBe(false);
      }),
    );
  });
});

describe("names", () => {
  it("are told apart by their words", () => {
    const all = objectNames.flatMap(({ name, plural }) => [name, plural]);
    expect(new Set(all).size).toBe(all.length);
    expect(objectNames.length).toBeGreaterThanOrEqual(36);
    for (const { name, plural } of objectNames) expect(plural.split(" ").length).toBe(name.split(" ").length);
    // No name begins with another one, so the first words decide.
    for (const one of all) expect(all.filter((other) => other.startsWith(`${one} `))).toEqual([]);
  });
});

describe("plans", () => {
  it("say every fact once", () => {
    fc.assert(
      fc.property(factsArbitrary, fc.nat(), (facts, seed) => {
        const plan = planCaption(facts, "free", rng(seed));
        const topics = plan.flat().map(({ group }) => group ?? -1);
        const once = plan.flat().filter(({ seen }) => seen === undefined);
        expect(topics.length - once.length).toBeLessThanOrEqual(1);
        expect(once.map(({ group }) => group ?? -1).sort()).toEqual([-1, ...facts.objects.keys()]);
        expect(realize(plan, facts).filter((word) => word === ".")).toHaveLength(plan.length);
      }),
    );
  });
});
