import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { emptyFile, fileError } from "./read-errors.js";

const failed = (code: string) => Object.assign(new Error(`${code}: what the system says`), { code });

test.each([
  ["ENOENT", "x: no such file or folder. Check the path"],
  ["ENOTDIR", "x: no such file or folder. Check the path"],
  ["EACCES", "x: reading it is not permitted. Check the file's permissions"],
  ["EPERM", "x: reading it is not permitted. Check the file's permissions"],
  ["EISDIR", "x: is a folder; expected a file. Name a file in it"],
  ["EIO", "x: cannot be read (EIO: what the system says)"],
])("%s", (code, line) => {
  const cause = failed(code);
  expect(fileError("x", cause)).toMatchObject({ line, cause });
});

test("a name that no system takes", async () => {
  const cause = await readFile("a\0b").catch((error: unknown) => error);
  expect(fileError("a\0b", cause).line).toBe("a\0b: no file's name has a NUL in it. Check the path");
});

test("what is no error of the system, and a file without content", () => {
  expect(fileError("x", "odd").line).toBe("x: cannot be read (odd)");
  expect(emptyFile("x", "a list").line).toMatch(/^x: the file is empty; expected a list/);
});
