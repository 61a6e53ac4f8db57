import { execFileSync } from "node:child_process";
import { symlinkSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { openRecords } from "../../data/records/record-list.js";
import { openArchive } from "../../pipeline/archives/archive.js";
import { readPictureFile } from "../../pipeline/expert/expert-picture.js";
import * as formats from "../../pipeline/formats/record-source.js";
import { folderOfFile } from "../../testing/folders.js";
import { decodePicture } from "../../vision/picture/decode-picture.js";
import { loadVideo } from "../../vision/video/load-video.js";

const { at } = folderOfFile();
const hasPipes = process.platform !== "win32";

/** What reads a path that a user or a data set names. */
const readers: [string, (path: string) => Promise<unknown>][] = [
  ["picture.png", (path) => decodePicture(path)],
  ["data.jsonl", (path) => openRecords(path)],
  ["data.json", (path) => openRecords(path)],
  ["shard.tar", (path) => openRecords(path)],
  ["rows.parquet", (path) => formats.openRecords(path)],
  ["archive.zip", (path) => openArchive("/", { name: path, parts: [path] })],
  ["for-the-expert.png", (path) => readPictureFile(path, undefined)],
  ["video.mp4", (path) => loadVideo(path, { tileSize: 28, sampling: { kind: "uniform", frames: 2 } })],
];

describe.skipIf(!hasPipes)("a path that leads to a pipe or a device is refused and not waited for", () => {
  test.each(readers)("%s", async (name, read) => {
    execFileSync("mkfifo", [at(name)]);
    await expect(read(at(name))).rejects.toThrow(/is a named pipe; expected/);
    symlinkSync("/dev/zero", at(`zero-${name}`));
    await expect(read(at(`zero-${name}`))).rejects.toThrow(/is a device; expected/);
  });
});
