import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ErrorKind, errorKinds, plantError } from "../language/planted-error.js";
import { readCaption } from "../language/tolerant-reader.js";
import { joinWords, splitWords } from "../language/words.js";
import { captionArbitrary } from "../testing/arbitrary.js";
import type { Facts } from "../world/facts.js";
import { rng } from "../world/purpose-random.js";
import { sampleFacts } from "../world/random-facts.js";
import { worlds } from "../world/world.js";
import { judgeRepair, scoreRepairs } from "./repairs.js";
import { compareAll, evaluate, type Figure, figures, scoreAll, scoreCaption } from "./score.js";

const facts: Facts = {
  objects: [
    { name: "dog", count: 1, position: "top left", size: "small" },
    { name: "red apple", count: 2, position: "bottom right" },
  ],
  background: "blue",
};
const values = (text: string, truth = facts) => evaluate([scoreCaption(text, truth)]);

describe("scoreCaption", () => {
  it("gives true captions full marks everywhere", () => {
    fc.assert(
      fc.property(captionArbitrary, ({ facts, words }) => {
        for (const [figure, value] of Object.entries(values(joinWords(words), facts))) {
          if (value !== null) expect([figure, value]).toEqual([figure, figure === "edits" ? 0 : 1]);
        }
      }),
    );
  });

  const lowered: Record<ErrorKind, readonly Figure[]> = {
    object: ["coverage", "precision"],
    position: ["position"],
    number: ["count"],
    size: ["size"],
    background: ["background"],
    relation: ["relation"],
  };
  it.each(errorKinds)("lowers for a wrong %s just what is about it", (kind) => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const random = rng(seed);
        const truth = sampleFacts(worlds.demo, random);
        const error = plantError(truth, kind, worlds.demo, random);
        fc.pre(error !== undefined);
        const scores = values(error?.draft ?? "", truth);
        expect(scores.edits).toBeGreaterThan(0);
        const below = figures.filter((figure) => figure !== "edits" && (scores[figure] ?? 1) < 1);
        // An apple of the wrong colour is a wrong object as well.
        // What is not there, or not as often, is not left of anything either.
        const beside: readonly Figure[] = kind === "object" || kind === "number" ? ["color", "relation"] : ["color"];
        expect(below.filter((figure) => !beside.includes(figure))).toEqual([...lowered[kind], "exact"]);
        if (kind !== "object") expect(below).not.toContain("color");
      }),
    );
  });

  it("counts what is left out, made up, or said twice", () => {
    expect(values("A dog is at the top left. The background is blue.")).toMatchObject({
      coverage: 0.5,
      precision: 1,
      exact: 0,
      edits: null,
    });
    const more =
      "A dog is at the top left, and two red apples are at the bottom right. A cat is at the top right. The background is blue.";
    expect(values(more)).toMatchObject({ coverage: 1, precision: 2 / 3, position: 1, grammar: 1, exact: 0 });
    const twice = more.replace("a cat", "a dog");
    expect(values(twice)).toMatchObject({ coverage: 1, precision: 2 / 3, position: 1, exact: 0 });
    expect(values("")).toMatchObject({
      coverage: 0,
      precision: null,
      position: null,
      grammar: 0,
      background: 0,
      exact: 0,
    });
  });

  it("knows the colour of a thing from the thing", () => {
    const wrong = "A dog is at the top left. Two green apples are at the bottom right. The background is blue.";
    expect(values(wrong)).toMatchObject({ coverage: 0.5, precision: 0.5, color: 0 });
    expect(values(wrong.replace("green", "red"))).toMatchObject({ color: 1 });
    expect(values("A blue heart is at the top left.")).toMatchObject({ color: null });
  });

  it("wants the background's colour once and right", () => {
    expect(values("The background is blue. The background is red.").background).toBe(1); // "red" is no background
    expect(values("The background is blue. The background is green.").background).toBe(0);
    expect(values("The background is dog.").background).toBe(0);
  });
});

describe("readCaption", () => {
  const read = (text: string) =>
    readCaption(splitWords(text)).statements.map((said) =>
      said.about !== "object"
        ? said.about === "background"
          ? said.color
          : said.relation
        : `${said.count} ${said.size ?? "-"} ${said.name} ${said.position}`,
    );

  it.each([
    ["A dog is is at the top left.", ["1 - dog top left"]],
    ["there are a dog at top left", ["1 - dog top left"]],
    ["two dog at the top", ["2 - dog undefined"]],
    ["Dogs dogs is the.", ["undefined - dog undefined", "undefined - dog undefined"]],
    ["a hot dog is at the top left the top", ["1 - hot dog top left"]],
    ["A small a large dog there is at the bottom bottom right.", ["1 large dog undefined"]],
    ["in the top left corner <|mdm_mask|> you see small owl.", ["1 small owl top left"]],
    [
      "a dog at the top left a cat at the top right. background blue",
      ["1 - dog top left", "1 - cat top right", "blue"],
    ],
    ["the the is on and", []],
    ["There is a red blue heart at the top left.", ["1 - blue heart top left"]],
    ["A dog is at the top left. A cat is at top right.", ["1 - dog top left", "1 - cat top right"]],
    ["everything on a blue background a dog is at the top left", ["blue", "1 - dog top left"]],
  ])("makes of %j what sense there is", (text, statements) => {
    expect(readCaption(splitWords(text)).grammatical).toBe(false);
    expect(read(text)).toEqual(statements);
  });

  it("never claims a name that is not there", () => {
    const word = fc.constantFrom(
      "a",
      "two",
      "dog",
      "dogs",
      "hot",
      "red",
      "apple",
      "at",
      "the",
      "top",
      "left",
      "is",
      ".",
      "and",
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 25 }), (words) => {
        const text = ` ${words.join(" ")} `;
        const claims = readCaption(words).statements.flatMap((said) => (said.about === "object" ? [said.name] : []));
        for (const name of claims) expect(text.includes(` ${name} `) || text.includes(` ${name}s `)).toBe(true);
        const nouns = words.filter((word) => ["dog", "dogs", "apple"].includes(word)).length;
        expect(claims.length).toBeLessThanOrEqual(nouns);
      }),
    );
  });

  it("still finds all objects when words between them are lost", () => {
    fc.assert(
      fc.property(captionArbitrary, ({ facts, words }) => {
        const broken = words.filter(
          (word) => !["there", "is", "are", ".", "and", "you", "we", "can", "see", "shows"].includes(word),
        );
        const named = new Set(
          readCaption(broken).statements.flatMap((said) => (said.about === "object" ? [said.name] : [])),
        );
        expect([...named].sort()).toEqual(facts.objects.map(({ name }) => name).sort());
      }),
    );
  });
});

describe("intervals", () => {
  const tallies = Array.from({ length: 200 }, (_, i) => {
    const random = rng(i);
    const truth = sampleFacts(worlds.demo, random);
    const error = plantError(truth, i % 4 === 0 ? "object" : "position", worlds.demo, random);
    return scoreCaption((i % 2 === 0 ? error?.draft : error?.right) ?? "", truth);
  });

  it("lie around their values, are the same for a seed, and shrink with more pictures", () => {
    const { values, intervals } = scoreAll(tallies, { seed: 1 });
    expect(scoreAll(tallies, { seed: 1 }).intervals).toEqual(intervals);
    expect(scoreAll(tallies, { seed: 2 }).intervals).not.toEqual(intervals);
    const width = ([low, high]: readonly [number, number]) => high - low;
    const few = scoreAll(tallies.slice(0, 50), { seed: 1 }).intervals;
    for (const figure of ["coverage", "position", "exact"] as const) {
      const [low, high] = intervals[figure] ?? [1, 0];
      expect(low).toBeLessThan(values[figure] ?? 0);
      expect(high).toBeGreaterThan(values[figure] ?? 1);
      expect(width(few[figure] ?? [0, 0])).toBeGreaterThan(width([low, high]));
    }
    // Half of the captions are exact: the binomial interval is 0.5 +- 0.069.
    expect(width(intervals.exact ?? [0, 0])).toBeCloseTo(0.139, 1);
  });

  it("of a difference are narrower than the difference of intervals", () => {
    const better = tallies.map((tally, i) => (i % 10 === 0 ? { ...tally, exact: 1 } : tally));
    const { values, intervals } = compareAll(better, tallies, { seed: 1 });
    expect(values.exact).toBeCloseTo(0.1, 5);
    expect(intervals.exact?.[0]).toBeGreaterThan(0);
    expect(values.coverage).toBe(0);
    expect(intervals.coverage).toEqual([0, 0]);
  });
});

describe("judgeRepair", () => {
  const right = "A small dog is at the top left. Two red apples are at the bottom right. The background is blue.";
  const draft = right.replace("dog", "cat");
  const judge = (text: string, kind = "object") => {
    const { detected, repaired } = judgeRepair({ kind, draft: kind === "none" ? right : draft, right, facts }, text);
    return [detected, repaired];
  };

  it("tells finding from mending", () => {
    expect(judge(draft)).toEqual([0, 0]);
    expect(judge(right)).toEqual([1, 1]);
    expect(judge(draft.replace("cat", "frog"))).toEqual([1, 0]);
    expect(judge(draft.replace("blue", "green"))).toEqual([0, 0]);
    expect(judge(right, "none")).toEqual([0, 1]);
    expect(judge(right.replace("blue", "green"), "none")).toEqual([1, 0]);
  });

  it("sums up by kind", () => {
    const tally = (kind: string, detected: number, repaired: number) => ({ kind, detected, repaired });
    const scores = scoreRepairs([
      tally("object", 1, 1),
      tally("object", 0, 0),
      tally("number", 1, 0),
      tally("none", 0, 1),
    ]);
    expect(scores).toMatchObject({ errors: 3, detected: 2 / 3, repaired: 1 / 3, right: 1, falseEdits: 0 });
    expect(scores.byKind.object).toEqual({ errors: 2, detected: 0.5, repaired: 0.5 });
    expect(scoreRepairs([tally("none", 1, 0)])).toMatchObject({ detected: null, falseEdits: 1 });
  });
});
