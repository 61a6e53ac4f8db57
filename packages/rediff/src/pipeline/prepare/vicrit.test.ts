import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { folderOfFile } from "../../testing/folders.js";
import { chunkTokenizer } from "../correction/testing/chunk-tokenizer.js";
import { openRecords } from "../formats/record-source.js";
import { prepareVicrit } from "./vicrit.js";

const { at } = folderOfFile();
const tokenizer = chunkTokenizer();

const item = (original: string, changed: string, right: string, wrong: string) => ({
  image: "a/b/x1.jpg",
  problem: "Describe it.",
  original_caption: original,
  changed_caption: changed,
  solution_original: right,
  solution_target: wrong,
  extra: 1,
});

const items = [
  item("A dog ran.", "A cat ran.", "dog", "cat"),
  item("A dog ran.", "A big cat ran.", "dog", "cat"), // captions differ
  item("A dog ran.", "A cat ran.", "dog", "big cat"), // phrases differ
  // As published; the wrong phrase is not there.
  { ...item("A dog ran.", "A cat ran.", "dog", "cow"), image: undefined, image_path: "a/y2.jpg" },
  item("A dog ran.", "A cat ran.", "same", "same"),
];

async function run(strict: boolean) {
  writeFileSync(at("in.jsonl"), items.map((one) => `${JSON.stringify(one)}\n`).join(""));
  const report = await prepareVicrit(await openRecords(at("in.jsonl")), at("out.jsonl"), tokenizer, { strict });
  const records = readFileSync(at("out.jsonl"), "utf8").trimEnd().split("\n");
  return { report, records: records.map((line) => JSON.parse(line) as unknown) };
}

test("as the original: equal counts in captions and in phrases, and nothing else", async () => {
  const { report, records } = await run(false);
  expect(records[1]).toMatchObject({ image: "y2.jpg" });
  expect(records[0]).toEqual({
    image: "x1.jpg",
    conversations: [
      { from: "human", value: "<image>\nDescribe it." },
      { from: "gpt", value: "A cat ran." },
    ],
    revise: [{ org: "cat", target: "dog" }],
  });
  expect(report).toEqual({
    items: 5,
    kept: 3,
    dropped: { caption_tokens: 1, phrase_tokens: 1 },
    unusable: { not_in_draft: 1, unchanged: 1 },
  });
});

test("strict leaves out what training would not find", async () => {
  const { report, records } = await run(true);
  expect(records).toHaveLength(1);
  expect(report).toMatchObject({ kept: 1, unusable: { not_in_draft: 1, unchanged: 1 } });
});

test("an item that is none is an error with its line, and nothing is written", async () => {
  writeFileSync(at("bad.jsonl"), `${JSON.stringify(items[0])}\n{"image": "x.jpg"}\n`);
  await expect(prepareVicrit(await openRecords(at("bad.jsonl")), at("bad-out.jsonl"), tokenizer)).rejects.toThrow(
    /bad\.jsonl:2: problem: /,
  );
  writeFileSync(at("bad.jsonl"), JSON.stringify({ ...items[0], image: undefined }));
  await expect(prepareVicrit(await openRecords(at("bad.jsonl")), at("bad-out.jsonl"), tokenizer)).rejects.toThrow(
    /bad\.jsonl:1: image: there is neither image nor image_path/,
  );
  expect(() => readFileSync(at("bad-out.jsonl"))).toThrow(/ENOENT/);
});
