/** Files that are not what their names say, by their first bytes. */
import { writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { folderOfEachTest } from "../testing/folders.js";
import { assertNotMistaken, type MistakenKind, mistakenFile, mistakenFileError } from "./mistaken-file.js";

const scratch = folderOfEachTest();
const POINTER = `version https://git-lfs.github.com/spec/v1\noid sha256:${"4d".repeat(32)}\nsize 12345\n`;
const bytes = (text: string) => Buffer.from(text, "latin1");

const kinds: [MistakenKind, Uint8Array][] = [
  ["git-lfs pointer", bytes(POINTER)],
  ["html page", bytes("<!DOCTYPE html>\n<html><head>")],
  ["html page", bytes('\xef\xbb\xbf\n  <!-- saved -->\n<html lang="en">')],
  ["html page", bytes('<?xml version="1.0"?><!DOCTYPE html PUBLIC "-//W3C"><html>')],
  ["xml document", bytes('<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>')],
  ["error message", bytes("Entry not found")],
  ["error message", bytes("Invalid username or password.\n")],
  ["gzip", gzipSync("{}")],
  ["zip", bytes("PK\x03\x04rest")],
  ["zstd", bytes("\x28\xb5\x2f\xfd")],
  ["tar", bytes(`${"a".repeat(257)}ustar\x0000`)],
  ["parquet", bytes("PAR1....")],
  ["picture", bytes("\x89PNG\r\n\x1a\n")],
];

describe("mistakenFile", () => {
  test.each(kinds)("%s", (kind, head) => expect(mistakenFile(head)?.kind).toBe(kind));

  test.each([
    "",
    "{}",
    "[]",
    '{"value": "<html>"}\n',
    "<b>bold</b> is a caption too",
    "version 2 of the caption",
    "Entry not found in the index of this book.\nMore of it",
    "\x40\0\0\0\0\0\0\0{",
  ])("nothing is said of %j", (text) => expect(mistakenFile(bytes(text))).toBeUndefined());

  test("a cut-off signature is none", () => expect(mistakenFile(bytes("\x89PN"))).toBeUndefined());
});

test("the error names the file, what it is, what was expected, and what to do", () => {
  expect(mistakenFileError("a.json", bytes(POINTER), "a JSON array")?.line).toBe(
    "a.json: is a Git LFS pointer to a file of 12345 bytes; expected a JSON array. " +
      "Run `git lfs pull` where it was cloned, or download the file itself",
  );
  expect(mistakenFileError("a.bin", bytes("PK\x03\x04"), "weights", ["zip"])).toBeUndefined();
});

test("assertNotMistaken looks at the file's own first bytes, and leaves one that is not there to its reader", async () => {
  writeFileSync(scratch.at("model.safetensors"), POINTER);
  await expect(assertNotMistaken(scratch.at("model.safetensors"), "weights")).rejects.toThrow(/Git LFS pointer/);
  writeFileSync(scratch.at("good.json"), "{}");
  await assertNotMistaken(scratch.at("good.json"), "a config");
  await assertNotMistaken(scratch.at("absent"), "a config");
  await assertNotMistaken(scratch.path, "a config");
});
