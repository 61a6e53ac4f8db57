/** What `data check` sees of a video without decoding it: as many positions, and the same faults, as training will. */
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { pictureFolder, tokenizerFolder } from "../../testing/fixtures.js";
import { folderOfFile } from "../../testing/folders.js";
import { openRecords } from "../records/record-list.js";
import { mediaSettings, record, sampleSettings, writeLines } from "../testing/record-files.js";
import { checkData } from "./check-data.js";

const { at, path } = folderOfFile();

function frames(name: string, files: readonly string[]): string {
  mkdirSync(at(name));
  for (const [i, file] of files.entries())
    if (file.endsWith(".jpg")) copyFileSync(`${pictureFolder}/color.jpg`, at(name, file));
    else writeFileSync(at(name, file), `${i}`);
  return name;
}

async function check(video: string, decode: boolean, addTimeInstruction = false) {
  const report = await checkData({
    records: await openRecords(writeLines(at("data.jsonl"), [record("A dog runs.", { video })])),
    settings: sampleSettings({ media: mediaSettings({ videoFolder: path }), addTimeInstruction }),
    tokenizerFolder,
    workers: 0,
    decode,
  });
  return {
    bad: report.bad,
    modalities: report.modalities,
    examples: report.problems.flatMap(({ examples }) => examples),
    rows: report.rows,
  };
}

describe("a folder of frames", () => {
  test("has the positions that it has when it is decoded, whatever else lies in it", async () => {
    const video = frames("clip", ["a.jpg", "b.jpg", "notes.txt", "index.json"]);
    for (const addTimeInstruction of [false, true]) {
      const glance = await check(video, false, addTimeInstruction);
      expect(glance).toMatchObject({ bad: 0, modalities: { video: 1 } });
      expect(glance).toEqual(await check(video, true, addTimeInstruction));
    }
  });

  test.each([
    ["empty", [], /empty: the folder holds no pictures/],
    ["only notes", ["notes.txt"], /only notes: the folder holds no pictures/],
  ])("%s is told, decoded or not", async (name, files, message) => {
    frames(name, files);
    for (const decode of [false, true]) {
      const { bad, examples } = await check(name, decode);
      expect([decode, bad]).toEqual([decode, 1]);
      expect(examples[0]).toMatch(message);
    }
  });
});

test("a video that is missing, and one that is none, are told", async () => {
  expect((await check("none.mp4", false)).examples[0]).toMatch(/video none\.mp4 is missing/);
  writeFileSync(at("text.mp4"), "hello\n");
  for (const decode of [false, true]) expect((await check("text.mp4", decode)).examples[0]).toMatch(/text\.mp4: /);
});
