/** Pictures whose files were named on another system than their records. */
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { expect } from "vitest";
import { pictureFolder, test } from "../../testing/fixtures.js";
import { openRecords } from "../records/record-list.js";
import { RecordReader } from "../records/record-reader.js";
import { mediaSettings, record, tarOf, writeLines } from "../testing/record-files.js";
import { loadMedia } from "./sample-media.js";

const composed = "\u00e9t\u00e9.jpg";
const decomposed = "e\u0301te\u0301.jpg";

test("are found in a folder", async ({ folder }) => {
  mkdirSync(`${folder}/pictures`);
  copyFileSync(`${pictureFolder}/color.jpg`, `${folder}/pictures/${decomposed}`);
  const records = await openRecords(writeLines(`${folder}/a.jsonl`, [record("x", { image: composed })]));
  await using reader = new RecordReader();
  const read = await reader.read(records.place(0));
  const { visuals } = await loadMedia(read, mediaSettings({ imageFolder: `${folder}/pictures` }));
  expect(visuals).toHaveLength(1);
});

test("are told apart in a shard", async ({ folder }) => {
  const json = JSON.stringify(record("x", { image: [`1.${composed}`, "1.b.jpg"] }));
  const members = [
    { name: "1.json", content: json },
    { name: `1.${decomposed}`, content: "first" },
    { name: "1.b.jpg", content: "second" },
  ];
  writeFileSync(`${folder}/a.tar`, tarOf(members));
  const records = await openRecords(`${folder}/a.tar`);
  await using reader = new RecordReader();
  const { images } = await reader.read(records.place(0));
  const contents = images.map((image) => Buffer.from((image as { bytes: Uint8Array }).bytes).toString());
  expect(contents).toEqual(["first", "second"]);
});
