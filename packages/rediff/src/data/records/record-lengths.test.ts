import { writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { folderOfFile } from "../../testing/folders.js";
import { geometry, record, tarOf, writeLines } from "../testing/record-files.js";
import { estimateTokens, measureLengths } from "./record-lengths.js";
import { openRecords } from "./record-list.js";

const { at } = folderOfFile();

const values = [
  record("one two", { image: "a.jpg" }),
  record("one two three"),
  { conversations: [{ role: "user", content: "x y" }], image: ["a.jpg", "b.jpg"] },
  { conversations: [{ from: "human", value: "x" }], video: "v.mp4" },
];

test("words of all turns, negative without pictures; alike for every kind of file", async () => {
  writeFileSync(at("a.json"), JSON.stringify(values));
  writeLines(at("b.jsonl"), values);
  const shard = values.map((value, i) => ({ name: `s${i}.json`, content: JSON.stringify(value) }));
  writeFileSync(at("c.tar"), tarOf(shard));
  for (const file of ["a.json", "b.jsonl", "c.tar"]) {
    const { words } = await measureLengths(await openRecords(at(file)), { geometry, maxLength: 9999 });
    // "<image>\nWhat is there?" has four words.
    expect([...words]).toEqual([6, -6, 2, 1]);
  }
});

test("a choice of records has its own lengths, in its own order", async () => {
  const many = Array.from({ length: 20 }, (_, i) => record("w ".repeat(i + 1)));
  writeLines(at("many.jsonl"), many);
  const records = await openRecords({ json_path: at("many.jsonl"), sampling_strategy: "random:7" });
  const { words } = await measureLengths(records, { maxLength: 9999 });
  const expected = Array.from({ length: 7 }, (_, i) => -(records.place(i).index + 1 + 3));
  expect([...words]).toEqual(expected);
  const texts = await measureLengths(records, { maxLength: 9999, earlyMixText: true });
  expect([...texts.words]).toEqual(expected.map((length) => -length));
});

test("tokens grow with text and pictures, up to the maximum", async () => {
  writeLines(at("b.jsonl"), values);
  const records = await openRecords(at("b.jsonl"));
  const { tokens } = await measureLengths(records, { geometry, maxLength: 9999, videoFrames: 8 });
  const [picture, text, two, video] = [...tokens];
  expect(picture! - text!).toBeGreaterThan(10);
  expect(two! - text!).toBeLessThan(15);
  // Eight frames of one pooled patch and its newline.
  expect(video! - 60).toBeGreaterThan(16);
  const cut = await measureLengths(records, { geometry, maxLength: 50 });
  expect([...cut.tokens]).toEqual([50, 50, 50, 50]);
});

test("a broken record has length 1 and does not stop the scan", async () => {
  writeLines(at("broken.jsonl"), ["{", record("a b"), '{"conversations": 3}', "{}"]);
  const { words } = await measureLengths(await openRecords(at("broken.jsonl")), { maxLength: 99 });
  expect([...words]).toEqual([-1, -5, -1, -1]);
});

test("tells how far it is, and can be stopped", async () => {
  writeLines(at("long.jsonl"), new Array(5000).fill(record("x")));
  const records = await openRecords(at("long.jsonl"));
  const seen: number[] = [];
  await measureLengths(records, { maxLength: 99, onProgress: (done) => seen.push(done) });
  expect(seen).toEqual([2048, 4096, 5000]);
  const signal = AbortSignal.abort(new Error("enough"));
  await expect(measureLengths(records, { maxLength: 99, signal })).rejects.toThrow("enough");
});

test("estimates: about 1.3 a word, and no script counts as one word", () => {
  expect(estimateTokens("one two three four five six seven eight nine ten")).toBe(13);
  expect(estimateTokens("\u732b".repeat(100))).toBeGreaterThan(60);
  expect(estimateTokens("")).toBe(0);
});
