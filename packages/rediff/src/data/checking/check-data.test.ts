import { existsSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { pictureFolder, tokenizerFolder } from "../../testing/fixtures.js";
import { folderOfFile } from "../../testing/folders.js";
import { compiledWorkerUrl } from "../../threads/worker-url.js";
import { openRecords } from "../records/record-list.js";
import { mediaSettings, record, sampleSettings, writeLines } from "../testing/record-files.js";
import { type CheckOptions, checkData } from "./check-data.js";
import { formatCheckReport } from "./check-report.js";

const built = existsSync(fileURLToPath(compiledWorkerUrl("../loading/loader-worker.js", import.meta.url)));
const { at, path: folder } = folderOfFile();

writeFileSync(at("cut.png"), "\x89PNG\r\n\x1a\n and no more", "latin1");
const faulty = [
  record("fine", { image: "color.jpg" }),
  record("fine too"),
  "{ broken",
  record("x", { image: "none.jpg" }),
  record("x", { image: at("cut.png") }),
  { conversations: [{ from: "human", value: "<image><image>?" }], image: "color.jpg" },
  record("a dog", { revise: [{ org: "dog", target: "car" }] }),
  record("a dog", { revise: [{ org: "woman", target: "man" }] }),
  record("a woman", { image: "none.jpg", id: "both", revise: [{ org: "dog", target: "car" }] }),
  record("long ".repeat(400)),
];

const check = async (data: readonly unknown[], changes: Partial<CheckOptions> = {}) =>
  checkData({
    records: await openRecords(writeLines(at("data.jsonl"), data)),
    settings: sampleSettings({
      maxLength: 200,
      media: mediaSettings({ imageFolder: pictureFolder, imageFolder2: folder }),
    }),
    tokenizerFolder,
    workers: 0,
    ...changes,
  });

describe.each(built ? [0, 2] : [0])("checkData with %i threads", (workers) => {
  test("finds everything that is wrong with a record, and tells where", async () => {
    const seen: number[] = [];
    const report = await check(faulty, { workers, onProgress: (done) => seen.push(done) });
    expect(report).toMatchObject({
      records: 10,
      checked: 10,
      bad: 6,
      cut: 1,
      modalities: { image: 5, text: 4, video: 0 },
      pairs: { found: 1, not_found: 2, length_differs: 0 },
      sources: [{ file: at("data.jsonl"), records: 10, bad: 6 }],
    });
    expect(seen.at(-1)).toBe(10);
    const byKind = new Map(report.problems.map(({ kind, count, examples }) => [kind, { count, examples }]));
    expect([...byKind].map(([kind, { count }]) => [kind, count])).toEqual([
      ["missing", 2],
      ["revise", 2],
      ["json", 1],
      ["unreadable", 1],
      ["markers", 1],
    ]);
    expect(byKind.get("json")!.examples[0]).toMatch(/data\.jsonl:3: broken JSON/);
    expect(byKind.get("missing")!.examples[1]).toMatch(/data\.jsonl:9 \(id "both"\): picture none\.jpg is missing/);
    expect(byKind.get("unreadable")!.examples[0]).toMatch(/cut\.png: the PNG file is truncated or damaged/);
    expect(byKind.get("markers")!.examples[0]).toMatch(/data\.jsonl:6: 2 <image> markers but 1 picture/);
  });
});

test("decoding finds what headers hide", async () => {
  const { readFileSync } = await import("node:fs");
  const whole = readFileSync(`${pictureFolder}/color.jpg`);
  writeFileSync(at("half.jpg"), whole.subarray(0, whole.length >> 1));
  const data = [record("x", { image: "half.jpg" })];
  expect((await check(data)).bad).toBe(0);
  expect((await check(data, { decode: true })).problems).toMatchObject([{ kind: "unreadable", count: 1 }]);
});

test("headers and decoding agree on rows", async () => {
  const data = ["color.jpg", "rgba.png", "grey.jpg"].map((image) => record("x", { image }));
  const [header, decoded] = [await check(data), await check(data, { decode: true })];
  expect(header.rows).toEqual(decoded.rows);
  expect(header.rows.largest).toBeGreaterThan(50);
});

test("a limit looks at records all over the data", async () => {
  const data = Array.from({ length: 100 }, (_, i) => (i === 90 ? "{" : record("x")));
  expect(await check(data, { limit: 10 })).toMatchObject({ records: 100, checked: 10, bad: 1 });
});

test("can be stopped", async () => {
  await expect(check(faulty, { signal: AbortSignal.abort(new Error("enough")) })).rejects.toThrow("enough");
});

test("the report says it in words", async () => {
  const text = formatCheckReport(await check(faulty));
  expect(text).toMatch(/^10 records\n {2}.*data\.jsonl: 10, 6 records with faults\n/);
  expect(text).toMatch(/5 with pictures \(5 pictures\), 0 with a video, 4 text-only/);
  expect(text).toMatch(/3 revise pairs: 1 found, 2 not found/);
  expect(text).toMatch(/1 longer than max_length 200, which lose their end/);
  expect(text).toMatch(/\n\npictures or videos that are missing: 2\n {2}.*data\.jsonl:4: picture/);
  expect(text).toMatch(/6 records would be skipped in training$/);
  expect(formatCheckReport(await check([record("x")]))).toMatch(/no record has a fault$/);
});
