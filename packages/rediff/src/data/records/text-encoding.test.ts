/** Data that is not UTF-8, or not data at all: refused by name, never learnt. */
import { writeFileSync } from "node:fs";
import { describe, expect } from "vitest";
import { test } from "../../testing/fixtures.js";
import { record, tarOf, writeLines } from "../testing/record-files.js";
import { openRecords } from "./record-list.js";
import { RecordReader } from "./record-reader.js";

const latin1 = (text: string) => Buffer.from(text, "latin1");
const accented = JSON.stringify([record("Un caf\u00e9 au lait")], null, 1);
const line = accented.split("\n").findIndex((one) => one.includes("caf\u00e9")) + 1;

describe("a file in another encoding", () => {
  test("is refused before anything is read of it, with its line and byte", async ({ folder }) => {
    writeFileSync(`${folder}/a.json`, latin1(accented));
    const byte = accented.indexOf("\u00e9");
    await expect(openRecords(`${folder}/a.json`)).rejects.toThrow(
      new RegExp(`a\\.json:${line}: is not UTF-8 at byte ${byte} \\(0xE9; it may be Windows-1252`),
    );
    const lines = `${JSON.stringify(record("x"))}\n${JSON.stringify(record("\u00fcber"))}\n`;
    writeFileSync(`${folder}/a.jsonl`, latin1(lines));
    await expect(openRecords(`${folder}/a.jsonl`)).rejects.toThrow(/a\.jsonl:2: is not UTF-8/);
  });

  test("of two bytes a character is named", async ({ folder }) => {
    for (const [i, bytes] of [
      Buffer.from(`\ufeff${accented}`, "utf16le"),
      Buffer.from(accented, "utf16le"),
    ].entries()) {
      writeFileSync(`${folder}/${i}.json`, bytes);
      await expect(openRecords(`${folder}/${i}.json`)).rejects.toThrow(/looks like UTF-16LE/);
    }
  });

  test("a mixture's is refused too", async ({ folder }) => {
    writeFileSync(`${folder}/mix.yaml`, latin1("datasets:\n  - json_path: caf\xe9.json\n"));
    await expect(openRecords(`${folder}/mix.yaml`)).rejects.toThrow(/mix\.yaml:2: is not UTF-8/);
  });
});

test("in a shard it is the sample's fault, told with the member", async ({ folder }) => {
  const json = latin1(JSON.stringify(record("Un caf\u00e9")));
  const marked = Buffer.from(`\ufeff${JSON.stringify(record("fine"))}`);
  writeFileSync(
    `${folder}/a.tar`,
    tarOf([
      { name: "1.json", content: json },
      { name: "2.json", content: marked },
    ]),
  );
  const records = await openRecords(`${folder}/a.tar`);
  await using reader = new RecordReader();
  await expect(reader.read(records.place(0))).rejects.toMatchObject({
    kind: "encoding",
    message: expect.stringMatching(/is not UTF-8 at byte \d+ of 1\.json:1 \(0xE9; it may be Windows-1252/),
  });
  expect((await reader.read(records.place(1))).turns[1]?.content).toBe("fine");
});

test("so is a member of two bytes a character, in which every byte alone is UTF-8", async ({ folder }) => {
  writeFileSync(
    `${folder}/a.tar`,
    tarOf([{ name: "1.json", content: Buffer.from(JSON.stringify(record("x")), "utf16le") }]),
  );
  const records = await openRecords(`${folder}/a.tar`);
  await using reader = new RecordReader();
  await expect(reader.read(records.place(0))).rejects.toMatchObject({
    kind: "encoding",
    message: expect.stringMatching(/of 1\.json:1 \(it looks like UTF-16LE\)/),
  });
});

test("byte order marks are dropped, also where files were put together", async ({ folder }) => {
  const lines = [record("one"), record("two")].map((one) => `\ufeff${JSON.stringify(one)}`);
  writeLines(`${folder}/a.jsonl`, lines);
  const records = await openRecords(`${folder}/a.jsonl`);
  await using reader = new RecordReader();
  expect((await reader.read(records.place(0))).turns[1]?.content).toBe("one");
  expect((await reader.read(records.place(1))).turns[1]?.content).toBe("two");
});

test.each([
  ["version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 7\n", /a Git LFS pointer to a file of 7 bytes/],
  ["<!DOCTYPE html><html></html>", /an HTML page/],
  ["\x1f\x8b\b\0", /a gzip archive/],
])("%j is told for what it is", async (content, what) => {
  const { folderOfTest } = await import("../../testing/folders.js");
  const folder = folderOfTest();
  for (const name of ["a.json", "a.jsonl", "a.tar"]) {
    writeFileSync(`${folder}/${name}`, latin1(content));
    await expect(openRecords(`${folder}/${name}`)).rejects.toThrow(what);
  }
});
