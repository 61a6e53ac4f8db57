import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { UserError } from "../../errors.js";
import { folderOfFile } from "../../testing/folders.js";
import { ResultsFile } from "./results-file.js";

const { at } = folderOfFile();

let count = 0;
const fresh = (content?: string | Buffer): string => {
  const path = at(`${count++}.jsonl`);
  if (content !== undefined) writeFileSync(path, content);
  return path;
};
const complaint = async (path: string): Promise<string> => {
  const error = await ResultsFile.open(path).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(UserError);
  return (error as UserError).line;
};

const records = [
  { image: "a.jpg", text: "a cat\nand \u2028 a dog" },
  { image: "b \u00e9\u{1f600}.jpg", text: '"quoted" \u{1f600}' },
  { image: "c.jpg", text: "" },
];
const lines = records.map((record) => `${JSON.stringify(record)}\n`);
const text = lines.join("");

test("a file is made with its first record", async () => {
  const path = fresh();
  const file = await ResultsFile.open(path);
  expect(file.done.size).toBe(0);
  expect(existsSync(path)).toBe(false);
  for (const record of records) await file.append(record);
  await file.close();
  expect(readFileSync(path, "utf8")).toBe(text);
  expect([...(await ResultsFile.open(path)).done.keys()]).toEqual(records.map(({ image }) => image));
});

test("cut off at any byte, whole lines stay and a torn one goes", async () => {
  const bytes = Buffer.from(text);
  const ends = lines.map((_, i) => Buffer.byteLength(lines.slice(0, i + 1).join("")));
  await fc.assert(
    fc.asyncProperty(fc.nat(bytes.length), async (length) => {
      const path = fresh(bytes.subarray(0, length));
      const file = await ResultsFile.open(path);
      // A record that lacks nothing but its newline is whole.
      const whole = ends.filter((end) => end - 1 <= length && length > 0).length;
      expect(file.done.size).toBe(whole);
      for (const record of records.slice(whole)) await file.append(record);
      await file.close();
      expect(readFileSync(path, "utf8")).toBe(text);
    }),
    { numRuns: 60, examples: [[0], [1], [bytes.length - 1], [bytes.length]] },
  );
});

test("a torn line longer than what is read at a time", async () => {
  const path = fresh(`${lines[0]}{"image":"x.jpg","text":"${"y".repeat(200_000)}`);
  expect([...(await ResultsFile.open(path)).done.keys()]).toEqual(["a.jpg"]);
  expect(readFileSync(path, "utf8")).toBe(lines[0]);
});

describe("a file of something else is refused and left as it is", () => {
  test.each([
    ["one line of text, without a newline", "my notes"],
    ["text", "my notes\nand more\n"],
    ["records of another kind", '{"id":1}\n{"id":2}\n'],
    ["a JSON array", "[\n  1\n]"],
    ["a record and then text", `${lines[0]}my notes`],
    ["binary", Buffer.from([0x89, 0x50, 0x4e, 0x47, 0xff, 0xfe])],
  ])("%s", async (_name, content) => {
    const path = fresh(content);
    expect(await complaint(path)).toMatch(
      /(line \d is|its last line is) not a result of an earlier run\. Give another/,
    );
    expect(readFileSync(path)).toEqual(Buffer.from(content));
  });

  test("a folder, and a place where there is none", async () => {
    mkdirSync(at("folder"));
    expect(await complaint(at("folder"))).toMatch(/is a folder\. Name a file/);
    expect(await complaint(at("none/results.jsonl"))).toMatch(/cannot be written: there is no folder .*none$/);
  });
});

test("empty lines and Windows line ends are nothing to complain about", async () => {
  const path = fresh(`${lines[0]}\n${lines[2]?.replace("\n", "\r\n")}`);
  expect([...(await ResultsFile.open(path)).done.keys()]).toEqual(["a.jpg", "c.jpg"]);
});
