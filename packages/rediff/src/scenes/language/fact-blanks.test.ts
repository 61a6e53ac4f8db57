import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { captionArbitrary } from "../testing/arbitrary.js";
import { numberWords, sizes } from "../world/facts.js";
import { findName } from "../world/object-names.js";
import { backgroundColors } from "../world/world.js";
import { type BlankKind, blankKinds, findBlanks } from "./fact-blanks.js";
import { joinWords } from "./words.js";

const blanks = (text: string, kind: BlankKind) => findBlanks(text, kind).map(([start, end]) => text.slice(start, end));

describe("findBlanks", () => {
  const text =
    "the background is gray. at the top left corner there are two red apples and one small crab is in the middle. The crab is to the left of the dog.";
  it.each<[BlankKind, string[]]>([
    ["names", ["red", "apples", "crab", "crab", "dog"]],
    ["positions", ["top", "left", "middle"]],
    ["numbers", ["two", "one", "small"]],
    ["colors", ["gray"]],
    ["relations", ["left"]],
    ["related", ["crab", "left", "dog"]],
    ["text", [text]],
  ])("%s", (kind, found) => {
    expect(blanks(text, kind)).toEqual(found);
  });

  it("finds them in short answers", () => {
    expect(blanks("three.", "numbers")).toEqual(["three"]);
    expect(blanks("nothing.", "names")).toEqual(["nothing"]);
    expect(blanks("at the top left.", "positions")).toEqual(["top", "left"]);
    expect(blanks("blue.", "colors")).toEqual(["blue"]);
    expect(blanks("please describe the image.", "names")).toEqual([]);
    expect(blanks("", "names")).toEqual([]);
    expect(blanks("", "text")).toEqual([]);
  });

  it("a colour of a name is a part of the name", () => {
    expect(blanks("a blue heart", "colors")).toEqual([]);
    expect(blanks("a blue heart", "names")).toEqual(["blue", "heart"]);
  });

  it("capitals count as the letters they are", () => {
    expect(blanks("A Red Apple is at the Top left.", "names")).toEqual(["Red", "Apple"]);
  });

  it("of any caption: every fact of the kind, each word in one kind at most", () => {
    fc.assert(
      fc.property(captionArbitrary, ({ facts, words }) => {
        const caption = joinWords(words);
        const sorted = (list: readonly string[]) => [...list].sort();
        const namesOf = facts.objects.flatMap(({ name, count }) => {
          const object = findName(name);
          return ((count === 1 ? object?.name : object?.plural) ?? "").split(" ");
        });
        expect(new Set(blanks(caption, "names").map((word) => word.toLowerCase()))).toEqual(new Set(namesOf));
        const places = facts.objects.flatMap(({ position }) => position.split(" "));
        expect(sorted(blanks(caption, "positions"))).toEqual(sorted(places));
        expect(blanks(caption, "colors")).toEqual([facts.background]);
        const numbers = blanks(caption, "numbers");
        for (const word of numbers) expect(["a", "an", ...numberWords, ...sizes]).toContain(word.toLowerCase());
        expect(numbers.filter((word) => /^(two|three|four)$/i.test(word)).length).toBe(
          facts.objects.filter(({ count }) => count > 1).length,
        );

        const kinds = blankKinds.filter((kind) => kind !== "text" && kind !== "related");
        const all = kinds.flatMap((kind) => findBlanks(caption, kind));
        expect(new Set(all.map(String)).size).toBe(all.length);
        for (const kind of kinds) {
          const found = findBlanks(caption, kind);
          for (const [i, [start, end]] of found.entries()) {
            expect(end).toBeGreaterThan(start);
            if (i > 0) expect(start).toBeGreaterThanOrEqual(found[i - 1]![1]);
            expect(words).toContain(caption.slice(start, end));
          }
        }
        expect(backgroundColors).toContain(facts.background);
      }),
      { numRuns: 300 },
    );
  });
});
