import { execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { expect, test } from "vitest";
import { folderOfEachTest } from "../testing/folders.js";
import { AtomicFile, writeText } from "./atomic-file.js";
import { writeError } from "./write-errors.js";

const scratch = folderOfEachTest();
const { at } = scratch;

test("a file has its name when it is committed, not before; what was there is replaced whole", async () => {
  writeFileSync(at("x.json"), "before");
  const file = await AtomicFile.create(at("x.json"));
  await file.write("after ");
  await file.write(new Uint8Array(3 << 20).fill(0x61)); // more than is buffered
  expect(readFileSync(at("x.json"), "utf8")).toBe("before");
  await file.commit();
  await file.abort();
  expect(readFileSync(at("x.json"), "utf8")).toBe(`after ${"a".repeat(3 << 20)}`);
  expect(readdirSync(scratch.path)).toEqual(["x.json"]);
});

test("an abort leaves nothing of it, folders are made", async () => {
  const file = await AtomicFile.create(at("new/folder/x.json"));
  await file.write("half");
  await file.flush();
  await file.abort();
  expect(readdirSync(at("new/folder"))).toEqual([]);
});

test("leftovers of dead processes are removed, those of others are not", async () => {
  const dead = spawnSync(process.execPath, ["-e", ""]).pid;
  const leftover = `.x.json.partial-${hostname()}-`;
  writeFileSync(at(`${leftover}${dead}`), "");
  writeFileSync(at(`${leftover}${process.ppid}`), "");
  writeFileSync(at(`.x.json.partial-elsewhere-${dead}`), "");
  writeFileSync(at(`.y.json.partial-${hostname()}-${dead}`), "");
  await writeText(at("x.json"), "x");
  expect(readdirSync(scratch.path).sort()).toEqual(
    [
      `.x.json.partial-elsewhere-${dead}`,
      `${leftover}${process.ppid}`,
      `.y.json.partial-${hostname()}-${dead}`,
      "x.json",
    ].sort(),
  );
});

test("what a person can do about it", async () => {
  const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  expect(writeError("x.json", full)).toMatchObject({
    message: "x.json cannot be written: no space left on the disk",
    hint: expect.stringContaining("Make room"),
  });
  const bug = new TypeError("a bug");
  expect(writeError("x.json", bug)).toBe(bug);
  await expect(AtomicFile.create(scratch.path)).rejects.toThrow(/is a folder/);
  writeFileSync(at("file"), "");
  await expect(AtomicFile.create(at("file/x.json"))).rejects.toThrow(
    /file\/x\.json cannot be written: a part of the path is no folder/,
  );
  expect(existsSync(at("file/x.json"))).toBe(false);
});

test.skipIf(process.platform === "win32")("a pipe or a device keeps its place", async () => {
  execFileSync("mkfifo", [at("pipe")]);
  await expect(writeText(at("pipe"), "x")).rejects.toThrow(`${at("pipe")} is a named pipe`);
  symlinkSync("/dev/null", at("null"));
  await expect(writeText(at("null"), "x")).rejects.toThrow(`${at("null")} is a device`);
  expect(readdirSync(scratch.path).sort()).toEqual(["null", "pipe"]);
  expect(statSync(at("pipe")).isFIFO()).toBe(true);
});

test("a link stays, and the file lies where it leads", async () => {
  mkdirSync(at("large-disk"));
  writeFileSync(at("large-disk/x.json"), "before");
  symlinkSync(at("large-disk/x.json"), at("link.json"));
  await writeText(at("link.json"), "after");
  expect(lstatSync(at("link.json")).isSymbolicLink()).toBe(true);
  expect(readFileSync(at("large-disk/x.json"), "utf8")).toBe("after");
  expect(readdirSync(at("large-disk"))).toEqual(["x.json"]);
});
