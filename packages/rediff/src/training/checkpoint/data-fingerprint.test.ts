import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openRecords } from "../../data/records/record-list.js";
import { record, writeLines } from "../../data/testing/record-files.js";
import { folderOfFile } from "../../testing/folders.js";
import { dataChanges, fingerprintData } from "./data-fingerprint.js";

const { at } = folderOfFile();

const fingerprint = async (data: Parameters<typeof openRecords>[0], how: "sampled" | "whole" = "sampled") =>
  fingerprintData(await openRecords(data), { how });
const records = (count: number, name = "r") => Array.from({ length: count }, (_, i) => record(`${name}${i}`));

describe("the data of a run", () => {
  test("is the same in another folder, and read twice", async () => {
    for (const folder of ["here", "there"]) {
      mkdirSync(at(folder));
      writeLines(join(at(folder), "a.jsonl"), records(5));
    }
    const [here, there] = [at("here/a.jsonl"), at("there/a.jsonl")];
    expect(dataChanges(await fingerprint(here), await fingerprint(there))).toEqual([]);
    const twice = await fingerprint([here, { json_path: here, sampling_strategy: "end:2" }]);
    expect(twice).toMatchObject([
      { first: 0, records: 5 },
      { first: 3, records: 2 },
    ]);
  });

  test.each([
    ["fewer records", records(4), /was 5 records, is 4$/],
    ["longer text", [...records(4), record("r4 and more")], /was \d+ bytes, is \d+$/],
    ["the same records in another order", records(5).reverse(), /its content has changed$/],
    ["one letter", [...records(4), record("s4")], /its content has changed$/],
  ])("%s is told", async (what, after, told) => {
    const file = at(`${what.replaceAll(" ", "-")}.jsonl`);
    writeLines(file, records(5));
    const before = await fingerprint(file);
    writeLines(file, after);
    expect(dataChanges(before, await fingerprint(file))).toEqual([expect.stringMatching(told)]);
  });

  test("files that came, went or changed places are named", async () => {
    for (const name of ["x", "y", "z"]) writeLines(at(`${name}.jsonl`), records(2, name));
    const [x, y, z] = [at("x.jsonl"), at("y.jsonl"), at("z.jsonl")];
    expect(dataChanges(await fingerprint([x, y]), await fingerprint([x, y, z]))).toEqual([`${z} is new`]);
    expect(dataChanges(await fingerprint([x, y]), await fingerprint(x))).toEqual([`${y} is no longer there`]);
    expect(dataChanges(await fingerprint([x, y]), await fingerprint([y, x]))).toEqual([
      `${y} stands where ${x} was`,
      `${x} stands where ${y} was`,
    ]);
  });

  test("another share of the same file is other data", async () => {
    const file = at("share.jsonl");
    writeLines(file, records(6));
    const share = (sampling_strategy: string) => fingerprint({ json_path: file, sampling_strategy });
    expect(dataChanges(await share("first:3"), await share("end:3"))).toEqual([
      `${file}: was taken from record 0 on, is from 3`,
    ]);
  });

  test("an edit of equal length inside a large file is seen by the whole hash alone, as documented", async () => {
    const file = at("large.jsonl");
    const lines = Array.from({ length: 4000 }, (_, i) => JSON.stringify(record(`${"word ".repeat(100)}${i}`)));
    writeFileSync(file, lines.join("\n"));
    const before = { sampled: await fingerprint(file), whole: await fingerprint(file, "whole") };
    // Between two of the pieces: a 64th of the file lies between their beginnings.
    const middle = Math.floor(lines.length * (10.7 / 63));
    lines[middle] = (lines[middle] as string).replace("word", "sword".slice(0, 4));
    writeFileSync(file, lines.join("\n"));
    expect(dataChanges(before.sampled, await fingerprint(file))).toEqual([]);
    const changed = [`${file}: its content has changed`];
    expect(dataChanges(before.whole, await fingerprint(file, "whole"))).toEqual(changed);
    // Only one of them has the whole hash: what both have is compared.
    expect(dataChanges(before.sampled, await fingerprint(file, "whole"))).toEqual([]);
  });

  test("of very many files, fewer pieces are read of each, and a run that goes on takes as many as before", async () => {
    const file = at("one-of-many.jsonl");
    writeFileSync(file, `${JSON.stringify(record("word ".repeat(100_000)))}\n`);
    const few = await openRecords(file);
    const [part] = few.parts;
    if (part === undefined) throw new Error("no part");
    const many = {
      ...few,
      parts: Array.from({ length: 3000 }, (_, i) => {
        const name = at(`link-${i}`);
        symlinkSync(file, name);
        return { ...part, index: { ...part.index, file: name } };
      }),
    };
    const before = await fingerprintData(many, { how: "sampled" });
    expect(before[0]).toMatchObject({ pieces: 21 });
    const added = { ...many, parts: [...many.parts, ...many.parts, ...many.parts] };
    const after = await fingerprintData(added, { how: "sampled", like: before });
    expect(dataChanges(before, after.slice(0, 3000))).toEqual([]);
    expect((await fingerprintData(few, { how: "sampled", like: [] }))[0]?.pieces).toBeUndefined();
  });

  test("tells how far it is, and stops in the midst of a file when it is told to", async () => {
    const file = at("interrupted.jsonl");
    writeLines(
      file,
      Array.from({ length: 50 }, () => record("word ".repeat(20_000))),
    );
    const opened = await openRecords(file);
    const seen: number[] = [];
    const abort = new AbortController();
    const hashing = fingerprintData(opened, {
      how: "whole",
      signal: abort.signal,
      onProgress(done, total) {
        seen.push(done / total);
        if (done > total / 4) abort.abort(new Error("enough"));
      },
    });
    await expect(hashing).rejects.toThrow("enough");
    expect(seen.at(-1)).toBeLessThan(0.6);
    const all: number[] = [];
    await fingerprintData(opened, { how: "whole", onProgress: (done, total) => all.push(done / total) });
    expect(all.at(-1)).toBe(1);
    expect(all).toEqual([...all].sort((a, b) => a - b));
  });
});
