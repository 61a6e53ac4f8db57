import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { tokenizerFolder } from "../../testing/fixtures.js";
import { folderOfFile } from "../../testing/folders.js";
import { ignoredLabel } from "../../text/image-tokens.js";
import { writeWordTokenizer } from "../../text/testing/word-tokenizer.js";
import { loadTokenizer, type Tokenizer } from "../../text/tokenizer.js";
import { checkData } from "../checking/check-data.js";
import { formatCheckReport } from "../checking/check-report.js";
import { parseRecord } from "../records/parse-record.js";
import { openRecords } from "../records/record-list.js";
import { record, sampleSettings, writeLines } from "../testing/record-files.js";
import { buildSample } from "./build-sample.js";

const { path: root } = folderOfFile();
writeWordTokenizer(join(root, "words"));
const bytes = await loadTokenizer(tokenizerFolder);
const words = await loadTokenizer(join(root, "words"));

const source = { file: "data.jsonl", index: 0, line: 1 };
const build = (tokenizer: Tokenizer, value: Record<string, unknown>, maxLength = 4096) =>
  buildSample(parseRecord(value, source), { tokenizer, settings: sampleSettings({ maxLength }) });

/** The tokens that are learnt, spelled, runs joined. */
async function learnt(tokenizer: Tokenizer, answer: string, ...blanks: [number, number][]): Promise<string[]> {
  const { ids, labels } = await build(tokenizer, record(answer, { blanks }));
  const runs: number[][] = [];
  for (const [i, label] of labels.entries()) {
    if (label === ignoredLabel) continue;
    expect(label).toBe(ids[i]);
    if (labels[i - 1] !== ignoredLabel && i > 0) runs.at(-1)?.push(label);
    else runs.push([label]);
  }
  return runs.map((run) => tokenizer.decode(run));
}

/** Whether a place lies between the two halves of a surrogate pair. */
const isLow = (text: string, at: number): boolean => /[\udc00-\udfff]/.test(text[at] ?? "");

const fault = async (work: Promise<unknown> | (() => unknown)): Promise<string> => {
  try {
    await (typeof work === "function" ? work() : work);
  } catch (error) {
    return (error as Error).message;
  }
  return "no fault";
};

describe("what is learnt", () => {
  test("the tokens of the blanks; in a byte-level vocabulary with the space that is in them", async () => {
    expect(await learnt(bytes, "A dog is on the car.", [2, 5])).toEqual([" dog"]);
    expect(await learnt(bytes, "A dog is on the car.", [2, 5], [16, 19])).toEqual([" dog", " car"]);
    expect(await learnt(bytes, "A dog is on the car.", [0, 20])).toEqual(["A dog is on the car."]);
  });

  test("a token that lies partly in a blank is a part of it; spaces alone are not", async () => {
    const [, dog] = bytes.encode("A dog");
    expect(bytes.token(dog as number)).toBe("\u0120dog");
    expect(await learnt(bytes, "A dog.", [3, 4])).toEqual([" dog"]);
    expect(await learnt(bytes, "A dog is on.", [2, 6])).toEqual([" dog"]);
    expect(await learnt(words, "a red apple is at the top left.", [2, 11], [22, 30])).toEqual([
      "red apple",
      "top left",
    ]);
  });

  test("a character of several tokens is learnt with all of them", async () => {
    const answer = "A caf\u00e9 \u{1f600} is on.";
    expect(await learnt(bytes, answer, [5, 6])).toEqual(["\u00e9"]);
    expect(await learnt(bytes, answer, [2, 6])).toEqual([" caf\u00e9"]);
    expect(bytes.encode("\u{1f600}").length).toBeGreaterThan(1);
    expect((await learnt(bytes, answer, [7, 9])).map((text) => text.trim())).toEqual(["\u{1f600}"]);
    expect(await learnt(bytes, answer, [10, 12])).toEqual([" is"]);
  });

  test("case that the vocabulary does not know does no harm", async () => {
    expect(await learnt(words, "A red Apple is at the top left.", [2, 11])).toEqual(["red apple"]);
  });

  test("neither question, header nor end of turn", async () => {
    const { ids, labels } = await build(bytes, record("A dog.", { blanks: [[2, 5]] }));
    const { startHeader, endHeader, eot, bos } = bytes.special;
    for (const [i, id] of ids.entries())
      if ([startHeader, endHeader, eot, bos].includes(id)) expect(labels[i]).toBe(ignoredLabel);
    const whole = await build(bytes, record("A dog."));
    expect(whole.ids).toEqual(ids);
  });

  test("no blanks, or an empty list, is an ordinary record", async () => {
    const whole = await build(bytes, record("A dog."));
    expect((await build(bytes, record("A dog.", { blanks: [] }))).labels).toEqual(whole.labels);
    expect((await build(bytes, record("A dog.", { blanks: null }))).labels).toEqual(whole.labels);
  });

  test("any answer, any blanks: each token with a letter in a blank, and no other", async () => {
    const text = fc.array(fc.constantFrom("a", "dog", "car", " ", "on", ".", "\n", "caf\u00e9", "\u{1f600}"), {
      minLength: 1,
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(text, fc.nat(), fc.nat(), async (parts, a, b) => {
        const answer = `x${parts.join("")}`;
        const start = a % answer.length;
        const end = start + 1 + (b % (answer.length - start));
        const inside = answer.slice(start, end);
        const got = await learnt(bytes, answer, [start, end]).catch((error: Error) => error.message);
        if (inside.trim() === "") {
          expect(got).toEqual("its blanks hold no token");
          return;
        }
        const all = (got as string[]).join("");
        // All of the blank is learnt, with at most the rest of the tokens at its ends.
        const bare = (value: string) => value.replace(/\s/g, "");
        const whole = answer.slice(start - Number(isLow(answer, start)), end + Number(isLow(answer, end)));
        expect(bare(all)).toContain(bare(whole));
        expect(bare(all).length).toBeLessThanOrEqual(bare(whole).length + 4);
      }),
      { numRuns: 200 },
    );
  });
});

describe("mistakes", () => {
  test.each<[unknown, string]>([
    [[[0, 99]], "blanks: [0, 99] is no part of an answer of 6 characters"],
    [[[3, 3]], "blanks: [3, 3] is no part of an answer of 6 characters"],
    [[[4, 2]], "blanks: [4, 2] is no part of an answer of 6 characters"],
    [[[1, 2]], "its blanks hold no token"],
  ])("%j", async (blanks, message) => {
    expect(await fault(build(bytes, record("A dog.", { blanks })))).toBe(message);
  });

  test.each<[unknown, RegExp]>([
    [[[-1, 2]], /^blanks\.0\.0: /],
    [[[1.5, 2]], /^blanks\.0\.0: /],
    [[[1]], /^blanks\.0/],
    ["all", /^blanks: /],
  ])("%j is of the wrong form", async (blanks, message) => {
    expect(await fault(() => parseRecord(record("A dog.", { blanks }), source))).toMatch(message);
  });

  test("more than one answer, or none", async () => {
    const conversations = ["?", "yes", "?", "no"].map((value, i) => ({ from: i % 2 === 0 ? "human" : "gpt", value }));
    const blanks = [[0, 2]];
    expect(await fault(build(bytes, { conversations, blanks }))).toBe("has blanks and 2 answers");
    expect(await fault(build(bytes, { conversations: conversations.slice(0, 1), blanks }))).toBe(
      "has blanks and 0 answers",
    );
  });

  test("revise beside it", async () => {
    const value = record("A dog.", { blanks: [[2, 5]], revise: [{ org: "dog", target: "car" }] });
    expect(await fault(() => parseRecord(value, source))).toBe("has both blanks and revise");
  });

  test("an answer whose characters are not those of its tokens", async () => {
    expect(await fault(build(words, record("a  red apple", { blanks: [[3, 6]] })))).toBe(
      'has blanks, and its answer is "a red apple" in the model\'s tokens',
    );
    expect(await fault(build(words, record("a zebra", { blanks: [[2, 7]] })))).toMatch(/its answer is "a <unk>"/);
  });

  test("blanks beyond max_length", async () => {
    const value = record(`${"a ".repeat(100)}dog.`, { blanks: [[200, 203]] });
    expect(await fault(build(bytes, value, 100))).toBe("all that is learnt lies beyond max_length 100");
    expect(await fault(build(bytes, value, 1000))).toBe("no fault");
  });
});

test("data check counts forms and names those that training would skip", async () => {
  const file = join(root, "data.jsonl");
  writeLines(file, [
    record("A dog."),
    record("A dog.", { blanks: [[2, 5]] }),
    record("A car.", { blanks: [[0, 1]] }),
    record("A dog.", { blanks: [[2, 50]] }),
  ]);
  const records = await openRecords(file);
  const report = await checkData({ records, settings: sampleSettings(), tokenizerFolder, workers: 0 });
  expect(report).toMatchObject({ records: 4, bad: 1, forms: 3 });
  const text = formatCheckReport(report);
  expect(text).toContain("3 forms with blanks: only these are learnt");
  expect(text).toMatch(/data\.jsonl:4: blanks: \[2, 50\] is no part of an answer of 6 characters/);
});
