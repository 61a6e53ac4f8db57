import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { LineLog } from "../files/line-log.js";
import { makeFolder, removeFolder } from "../testing/folders.js";
import { NumberedLines } from "./numbered-lines.js";
import { mergeRankFiles, rankFile } from "./rank-files.js";

interface Line {
  key: number;
  text: string;
}

const merge = (output: string) =>
  mergeRankFiles<number>(output, {
    read: async (path, onRecord) => {
      const log = await LineLog.open(path, {
        beginning: '{"key":',
        what: "no line",
        onLine: (value, line) => {
          onRecord((value as Line).key, line);
          return true;
        },
      });
      await log.close();
    },
    placeOf: (key) => (key < 100 ? key : -1), // the rest are of an earlier run over other things
  });

const lines = fc.array(fc.record({ key: fc.nat(120), text: fc.string({ unit: "grapheme" }) }), { maxLength: 40 });

test("what ranks have written is put together in order, the last of a key, its bytes as they were", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(lines, { minLength: 1, maxLength: 4 }), fc.boolean(), async (files, isTorn) => {
      const folder = makeFolder();
      try {
        const output = join(folder, "out.jsonl");
        const size = files.length;
        const paths = [output, ...files.slice(1).map((_, rank) => rankFile(output, { rank, size }))];
        const written = files.map((own) => own.map((line) => `${JSON.stringify(line)}\n`));
        for (const [i, path] of paths.entries())
          writeFileSync(path, (written[i] ?? []).join("") + (isTorn && i > 0 ? '{"key":7,"te' : ""));
        await merge(output);
        const latest = new Map<number, string>();
        for (const line of written.flat()) latest.set((JSON.parse(line) as Line).key, line);
        const place = (key: number) => (key < 100 ? key : -1);
        const expected = [...latest].sort(([a], [b]) => place(a) - place(b)).map(([, line]) => line);
        const isAlone = files.length === 1; // nothing to put together: the file stays as it is
        expect(readFileSync(output, "utf8")).toBe((isAlone ? (written[0] ?? []) : expected).join(""));
        expect(paths.slice(1).filter((path) => existsSync(path))).toEqual([]);
      } finally {
        removeFolder(folder);
      }
    }),
    { numRuns: 40 },
  );
});

test("lines of a file larger than a piece are found by their numbers, forwards and back", async () => {
  const folder = makeFolder();
  const path = join(folder, "lines");
  const texts = Array.from({ length: 3000 }, (_, i) => `${i} ${"ä".repeat((i * 7919) % 2000)}\n`);
  texts[1500] = `${"x".repeat(3 << 20)}\n`;
  writeFileSync(path, texts.join(""));
  const all = await NumberedLines.open(path);
  try {
    expect(all.count).toBe(texts.length);
    for (const number of [1, 3000, 2, 1501, 1500, 1502, 17, 2999, ...Array.from({ length: 300 }, (_, i) => 2000 - i)])
      expect(Buffer.from(await all.read(number)).toString()).toBe(texts[number - 1]);
    await expect(all.read(3001)).rejects.toThrow("line 3001 of 3000");
  } finally {
    await all.close();
    removeFolder(folder);
  }
});
