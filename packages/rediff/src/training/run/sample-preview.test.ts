import { describe, expect, test } from "vitest";
import { parseRecord } from "../../data/records/parse-record.js";
import { buildSample } from "../../data/samples/build-sample.js";
import { geometry, record, sampleSettings } from "../../data/testing/record-files.js";
import type { RecordedDraw } from "../../diffusion/random-draws.js";
import { tokenizerFolder } from "../../testing/fixtures.js";
import { loadTokenizer } from "../../text/tokenizer.js";
import { visualRows } from "../../vision/tiles/token-layout.js";
import { ourTraining } from "../backward/training-rules.js";
import { type PreviewOptions, previewBatch } from "./sample-preview.js";

const tokenizer = await loadTokenizer(tokenizerFolder);
const settings = sampleSettings({ system: "S" });
const sampleOf = (value: Record<string, unknown>, index = 0) =>
  buildSample(parseRecord(value, { file: "d.jsonl", index, line: index + 1 }), { tokenizer, settings });

/** Draws that mask nothing, or everything, and corrupt nothing, or everything by `replacement`. */
function draws(b: number, L: number, mask: boolean, corrupted: boolean, replacement: number): RecordedDraw[] {
  const fill = (value: number) => new Array<number>(b * L).fill(value);
  return [
    { kind: "rand", shape: [b], values: new Array<number>(b).fill(0.5) },
    { kind: "rand", shape: [b, L], values: fill(mask ? 0 : 0.9) },
    { kind: "rand", shape: [b, L], values: fill(corrupted ? 0 : 0.9) },
    { kind: "randint", shape: [b, L], values: fill(replacement) },
  ];
}

const options = (changes: Partial<PreviewOptions>): PreviewOptions => ({
  tokenizer,
  geometry,
  vocabSize: 416,
  maxLength: 4096,
  objective: "rediff",
  rules: ourTraining,
  draws: [],
  ...changes,
});

describe("previewBatch", () => {
  test("shows what is masked, pictures by their rows, and labels where they are", async () => {
    const sample = await sampleOf(record("A dog.", { image: "color.jpg", id: "x" }));
    const length = sample.ids.length - 1 + visualRows(sample.visuals[0]!, geometry);
    const [text] = previewBatch([sample], options({ draws: draws(1, length, true, false, 5) }));
    expect(text).toMatch(/^d\.jsonl:1 \(id "x"\): image, \d+ positions, \d+ with a label\n/);
    expect(text).toMatch(/picture 1: \d+ x \d+, \d+ tiles, \d+ tokens\n/);
    expect(text).toMatch(/corruption: p 0\.5\d+; \d+ masked\n/);
    expect(text).toMatch(/<picture 1, \d+ tokens>/);
    // Role and text of the answer are masked, the question is not.
    expect(text).toMatch(/What is there\?(\[MASK\]){4,}/);
    expect(text).toMatch(
      / \.\.\. <\|eot_id\|><\|start_header_id\|>assistant<\|end_header_id\|>\n +\n +A dog\.<\|eot_id\|>$/,
    );
  });

  test("of a form only the blanks are masked and learnt", async () => {
    const sample = await sampleOf(
      record("A dog is on the car.", {
        blanks: [
          [2, 5],
          [16, 19],
        ],
      }),
    );
    const [text] = previewBatch([sample], options({ draws: draws(1, sample.ids.length, true, false, 5) }));
    expect(text).toMatch(/^d\.jsonl:1: text, \d+ positions, 2 with a label\n/);
    expect(text).toMatch(/corruption: p 0\.5\d+; 2 masked\n/);
    expect(text).toContain("A[MASK] is on the[MASK].<|eot_id|>");
    expect(text).toMatch(/learns \(where it has labels\):\n +\.\.\. +dog +\.\.\. +car +\.\.\. $/);
  });

  test("shows corrupted tokens beside what they should be", async () => {
    const sample = await sampleOf(record("A dog."));
    const wrong = tokenizer.encode(" car")[0]!;
    const [text] = previewBatch([sample], options({ draws: draws(1, sample.ids.length, false, true, wrong) }));
    expect(text).toMatch(/\{( car)+\|.*dog\.<\|eot_id\|>\}/s);
  });

  test("shows phrases to revise, and end-of-text padding in short", async () => {
    const flawed = await sampleOf(record("There is a dog.", { revise: [{ org: "dog", target: "car" }] }));
    const long = await sampleOf(record("dog ".repeat(30)), 1);
    const recorded = draws(2, long.ids.length, false, false, 5);
    const [first, second] = previewBatch([flawed, long], options({ draws: recorded }));
    expect(first).toMatch(/corruption: p 0\.5\d+; 1 revised\n/);
    expect(first).toMatch(/There is a \{dog -> car\}\.<\|eot_id\|><\|endoftext\|> x \d\d/);
    expect(second).toMatch(/^d\.jsonl:2: text/);
    expect(second).toMatch(/\d+ clean/);
  });
});
