/** Files behind a reader: few of them open at a time, and none for good when it fails. */
import { existsSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { expect } from "vitest";
import { test } from "../../testing/fixtures.js";
import { record, writeLines } from "../testing/record-files.js";
import { openRecords } from "./record-list.js";
import { RecordReader } from "./record-reader.js";

/** Files in a folder that this process has open. */
const openIn = (folder: string) =>
  readdirSync("/proc/self/fd")
    .map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return "";
      }
    })
    .filter((path) => path.startsWith(folder)).length;

test.skipIf(!existsSync("/proc/self/fd"))(
  "of hundreds of files at most 64 are open, and none at the end",
  async ({ folder }) => {
    const names = Array.from({ length: 150 }, (_, i) => `${folder}/${i}.jsonl`);
    for (const [i, name] of names.entries()) writeLines(name, [record(`answer ${i}`)]);
    const records = await openRecords(names);
    const reader = new RecordReader();
    for (let pass = 0; pass < 2; pass++) {
      for (let i = 0; i < names.length; i++) {
        const { turns } = await reader.read(records.place(i));
        expect(turns.at(-1)?.content).toBe(`answer ${i}`);
      }
      await new Promise((later) => setTimeout(later, 20)); // files are closed in the background
      expect(openIn(folder)).toBeLessThanOrEqual(64);
    }
    const all = await Promise.all(names.map((_, i) => reader.read(records.place(i))));
    expect(all.map(({ turns }) => turns.at(-1)?.content)).toEqual(names.map((_, i) => `answer ${i}`));
    await reader.close();
    expect(openIn(folder)).toBe(0);
  },
);

test("a file that is gone is told, and read again when it is back", async ({ folder }) => {
  const file = writeLines(`${folder}/data.jsonl`, [record("here")]);
  const records = await openRecords(file);
  await using reader = new RecordReader();
  rmSync(file);
  await expect(reader.read(records.place(0))).rejects.toThrow(/data\.jsonl: no such file/);
  writeFileSync(file, `${JSON.stringify(record("here"))}\n`);
  expect((await reader.read(records.place(0))).turns.at(-1)?.content).toBe("here");
});
