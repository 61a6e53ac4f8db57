import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { folderOfTest } from "../../testing/folders.js";
import { baseForms } from "../wordnet/morphy.js";
import { openWordNet } from "../wordnet/wordnet-files.js";
import { captureCaptions } from "./capture-captions.js";
import { type CaptureParts, loadCaptureParts } from "./capture-parts.js";
import { matchLists, synonymScore } from "./matching.js";
import { keepNouns, mergeGraphs } from "./scene-graph.js";

const wordNet = await openWordNet().catch(() => undefined);

describe.skipIf(wordNet === undefined)("WordNet's files", () => {
  const there = () => wordNet as NonNullable<typeof wordNet>;

  test("are version 3.0, which NLTK has", () => expect(there().version).toBe("3.0"));

  test("give base forms: by exceptions, by endings, and the word itself where there is none", () => {
    const words = ["mice", "buses", "women", "glasses", "churches", "zzzs", "children"];
    expect(words.map((word) => there().lemmatize(word, "noun"))).toEqual([
      ...["mouse", "bus", "woman", "glass", "church", "zzzs", "child"],
    ]);
    expect(["redder", "largest", "better"].map((word) => there().lemmatize(word, "adj"))).toEqual([
      "red",
      "large",
      "good",
    ]);
  });

  test("know the first and the last word of a file, and no word that is not there", () => {
    expect(there().lemmaNames("zymotic").has("zymotic")).toBe(true);
    expect(there().lemmaNames("'hood").has("'hood")).toBe(true);
    for (const word of ["", " ", "car ", "  1", "\u00e9tude", "\u0163ar", "zzzzz"])
      expect(there().lemmaNames(word).size).toBe(0);
  });

  test("leave a plural that is a word of its own, as NLTK does", () =>
    expect(there().lemmatize("men", "noun")).toBe("men"));

  test("join words by underscores", () => {
    expect(there().lemmaNames("hot_dog").has("frankfurter")).toBe(true);
  });
});

test("endings are taken off without end in no word", () => {
  const asked = fc.string({ unit: fc.constantFrom("e", "r", "s", "i", "n", "g", "m"), maxLength: 60 });
  fc.assert(
    fc.property(asked, fc.constantFrom("noun", "verb", "adj", "adv"), (word, pos) => {
      expect(baseForms(word, pos, { exceptions: new Map(), isKnown: () => false })).toEqual([]);
    }),
  );
});

describe("graphs", () => {
  const plain = { lemmatize: (word: string) => word.replace(/s$/, "") };
  const graph = {
    entities: [
      { head: "dogs", attributes: ["brown", "full of joy"] },
      { head: "ball", attributes: [] },
    ],
    relations: [
      { subject: 0, relation: "chase", object: 1 },
      { subject: 0, relation: "see", object: 7 },
    ],
  };

  test("are merged to singular nouns, without attributes of something and relations to nothing", () => {
    const merged = mergeGraphs([graph, graph], plain);
    expect(merged.objects).toEqual(["ball", "dog"]);
    expect([...merged.attributes]).toEqual([["dog", ["brown"]]]);
    expect(merged.relations).toEqual([["dog", "chase", "ball"]]);
  });

  test("keep what the text has as nouns, and no stop words", () => {
    const merged = mergeGraphs([graph], plain);
    expect(keepNouns(merged, new Set(["ball"]), new Set()).objects).toEqual(["ball"]);
    expect(keepNouns(merged, undefined, new Set(["ball"])).objects).toEqual(["dog"]);
    expect(keepNouns(merged, new Set(["ball"]), new Set()).relations).toEqual([]);
  });
});

test("lists match greedily in three stages, and what is left over adds its best cosine", async () => {
  const options = { isEqual: (a: string, b: string) => a === b, textOf: (a: string) => a };
  const areSynonyms = (a: string, b: string) => synonymScore(a, b, () => new Set()) > 0;
  const similarity = async () => [[0.25]];
  const scores = await matchLists(["a", "bird", "x"], ["a", "birdhouse", "y"], { ...options, areSynonyms, similarity });
  expect(scores.precision).toBeCloseTo(2.25 / 3, 5);
  const hard = await matchLists(["a", "x"], ["a", "y", "z"], {
    ...options,
    areSynonyms: () => false,
    similarity: undefined,
  });
  expect([hard.precision, hard.recall].map((value) => Number(value.toFixed(4)))).toEqual([0.5, 0.3333]);
});

describe("captions", () => {
  const parts: CaptureParts = {
    name: "words",
    parse: async (caption) => [
      { entities: caption.split(" ").map((head) => ({ head, attributes: [] })), relations: [] },
    ],
  };

  test.skipIf(wordNet === undefined)(
    "score with whatever parts are given, and the result says what was left out",
    async () => {
      const documents = [
        { image: "a", caption: "cat mat", references: ["cat mat", "cat"] },
        { image: "b", caption: null, references: ["dog"] },
      ];
      const result = await captureCaptions(documents, parts, wordNet as NonNullable<typeof wordNet>);
      expect(result.objects?.recall).toBeCloseTo(1, 5);
      expect(result.objects?.precision).toBeCloseTo(0.75, 5);
      expect(result).toMatchObject({ pictures: 1, no_caption: ["b"], parts: "words", wordnet: "3.0" });
      expect(result.left_out).toEqual(["objects that are no nouns", "stop words", "soft matching"]);
    },
  );

  test("need a module with a parser, and are told so", async () => {
    await expect(loadCaptureParts(undefined)).rejects.toThrow("CAPTURE needs a scene graph parser");
    const path = join(folderOfTest(), "parts.mjs");
    writeFileSync(path, "export const name = 'x';");
    await expect(loadCaptureParts(path)).rejects.toThrow("exports no name and parse");
    await expect(loadCaptureParts(`${path}.none`)).rejects.toThrow("cannot be loaded");
  });
});
