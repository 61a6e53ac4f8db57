/** METEOR beside numbers of the original, with small tables of our own; `scripts/meteor/beside-original.mjs` compares both with the
 *  original's tables. */
import { writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { describe, expect } from "vitest";
import { test } from "../../testing/fixtures.js";
import { stemEnglish } from "./english-stemmer.js";
import { originalScores } from "./fixtures/original-scores.js";
import { ownCaptions, ownTables } from "./fixtures/own-tables.js";
import { ownMembers, writeMeteorTables } from "./fixtures/write-tables.js";
import { meteor } from "./meteor.js";
import { openMeteorFiles } from "./meteor-files.js";
import type { MeteorStatistics } from "./meteor-statistics.js";
import { normalizeLine, parseAbbreviations } from "./normalize-line.js";

function lineOf({ caption, reference, chunks }: MeteorStatistics): string {
  const ways = [0, 1, 2, 3].flatMap((way) =>
    [caption.content, reference.content, caption.functional, reference.functional].map((counts) => counts[way]),
  );
  return [caption.words, reference.words, caption.functionWords, reference.functionWords, ...ways, chunks].join(" ");
}

describe("METEOR", () => {
  test("counts what the original counts, in every way of matching, and gives its scores", async ({ folder }) => {
    const { corpus, each } = await meteor(ownCaptions, await openMeteorFiles(writeMeteorTables(folder)));
    expect(each.map(({ statistics }) => lineOf(statistics))).toEqual(originalScores.statistics);
    for (const [i, { score }] of each.entries()) expect(score).toBeCloseTo(originalScores.scores[i] ?? -1, 14);
    expect(corpus).toBeCloseTo(originalScores.corpus, 14);
    const matched = [0, 1, 2, 3].map((way) =>
      each.some(({ statistics }) => (statistics.caption.content[way] ?? 0) > 0),
    );
    expect(matched).toEqual([true, true, true, true]);
  });

  test("of no captions is 0, and a caption without references has none", async ({ folder }) => {
    const files = await openMeteorFiles(writeMeteorTables(folder));
    expect(await meteor([], files)).toEqual({ corpus: 0, each: [] });
    expect((await meteor([{ candidate: "a dog", references: [] }], files)).each[0]?.score).toBe(0);
  });

  test("says where its tables come from when they are not there, cut off or something else", async ({ folder }) => {
    await expect(openMeteorFiles(folder)).rejects.toMatchObject({
      message: expect.stringContaining("holds no meteor-1.5.jar"),
      hint: expect.stringContaining("pip download --no-deps pycocoevalcap==1.2"),
    });
    const { "synonym/english.synsets": _, ...others } = ownMembers;
    await expect(openMeteorFiles(writeMeteorTables(folder, others))).rejects.toThrow(
      "holds no synonym/english.synsets",
    );
    writeMeteorTables(folder);
    writeFileSync(`${folder}/meteor-1.5.jar`, "no archive");
    await expect(openMeteorFiles(folder)).rejects.toThrow("meteor-1.5.jar: ");
    const files = await openMeteorFiles(writeMeteorTables(folder));
    const table = gzipSync(ownTables.paraphrases);
    for (const bytes of [
      table.subarray(0, table.length - 12),
      Buffer.from("0.5\n"),
      gzipSync("0.5\na\n"),
      gzipSync(""),
    ]) {
      writeFileSync(`${folder}/data/paraphrase-en.gz`, bytes);
      await expect(files.paraphrases(new Set(["a"]))).rejects.toThrow("paraphrase-en.gz: ");
    }
  });
});

describe("normalized lines", () => {
  const abbreviations = parseAbbreviations(ownTables.prefixes);
  test.for([
    ["It's the dogs' well-known U.S. toy.", "It 's the dogs ' well known US toy ."],
    ["Mr. Smith, No. 7. No. no... ..", "Mr. Smith , No. 7 . No. no ... .."],
    ["1,250.5 cats,3,x --- \u201chi\u201d 1990's", '1,250.5 cats , 3 , x -- " hi " 1990 \'s'],
    ["a\u00a0b \u{1f436}!", "a b \u{1f436} !"],
    ["", ""],
  ] as const)("%j", ([text, line]) => {
    expect(normalizeLine(text, abbreviations)).toBe(line);
  });
});

describe("stems of English words", () => {
  // Of the algorithm's published vocabulary, and of words that its exceptions are about.
  test.for([
    ...["consist consist", "consistency consist", "knightly knight", "kneeling kneel", "knots knot", "skies sky"],
    ...["dying die", "gently gentl", "succeeding succeed", "inning inning", "ties tie", "cries cri", "gas gas"],
    ...["kiwis kiwi", "hopping hop", "hoping hope", "luxuriated luxuri", "generously generous", "yellow yellow"],
    ...[
      "sayings say",
      "enjoyed enjoy",
      "rationalization ration",
      "controlled control",
      "'tis tis",
      "dog's dog",
      "is is",
    ],
  ])("%s", (pair) => {
    const [word = "", stem] = pair.split(" ");
    expect(stemEnglish(word)).toBe(stem);
  });
});
