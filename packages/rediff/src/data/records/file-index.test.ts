import { writeFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { folderOfFile } from "../../testing/folders.js";
import { record, writeLines } from "../testing/record-files.js";
import { placeOf } from "./file-index.js";
import { RecordReader } from "./record-reader.js";
import { indexFile } from "./scan-file.js";

const { at } = folderOfFile();

const turnsOf = async (file: string, index: number) => {
  await using reader = new RecordReader();
  return (await reader.read(placeOf(await indexFile(file), index))).turns;
};

describe("an index", () => {
  /** Texts that a scanner could trip over. */
  const text = fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.constantFrom('\\"', "]", "}, {", '{"a": [', "\\", "\n", '\\\\"', '","'),
  );

  test("finds the same records in an array and in lines, however they are cut into chunks", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ id: text, n: fc.array(fc.oneof(text, fc.constant({ deep: [[{}]] }))) }), { minLength: 1 }),
        fc.integer({ min: 1, max: 40 }),
        fc.constantFrom(undefined, 1, "\t"),
        fc.boolean(),
        async (values, chunkBytes, indent, trailingNewline) => {
          const array = JSON.stringify(values, undefined, indent);
          const lines = values.map((value) => JSON.stringify(value)).join("\n") + (trailingNewline ? "\n" : "");
          for (const [name, content] of [
            ["a.json", array],
            ["b.jsonl", lines],
          ] as const) {
            writeFileSync(at(name), content);
            const index = await indexFile(at(name), { chunkBytes });
            const bytes = Buffer.from(content);
            const found = Array.from({ length: index.count }, (_, i) => {
              const { start, end } = placeOf(index, i);
              const own = bytes.subarray(start, end);
              return JSON.parse((name === "a.json" ? own.subarray(0, own.lastIndexOf("}") + 1) : own).toString());
            });
            expect(found).toEqual(values);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  test("counts lines as an editor does: blank ones, CRLF and a byte order mark included", async () => {
    writeFileSync(at("lines.jsonl"), `\ufeff\r\n{"a": 1}\r\n\n  \n{"b": 2}\n\n{"c": 3}`);
    const index = await indexFile(at("lines.jsonl"));
    expect(index.count).toBe(3);
    expect([0, 1, 2].map((i) => placeOf(index, i).line)).toEqual([2, 5, 7]);
    expect(() => placeOf(index, 3)).toThrow(/has no record 3, it has 3/);
  });

  test("goes by content, not by .json or .jsonl", async () => {
    writeLines(at("lines.json"), [record("one"), record("two")]);
    writeFileSync(at("array.jsonl"), JSON.stringify([record("one"), record("two")]));
    expect(await turnsOf(at("lines.json"), 1)).toEqual(await turnsOf(at("array.jsonl"), 1));
  });

  test("an empty array and an array of blanks have no records", async () => {
    writeFileSync(at("empty.json"), " [ \n ] ");
    expect((await indexFile(at("empty.json"))).count).toBe(0);
  });

  test.each([
    ["cut.json", '[{"a": 1}, {"a": "x', /cut\.json: the file is cut off at byte 19, in record 1/],
    ["open.json", '[{"a": 1}', /open\.json: the file is cut off at byte 9, after 1 records/],
    ["number.json", '[{"a": 1}, 2]', /number\.json: "2" at byte 11, after 1 records; expected \{/],
    ["comma.json", '[{"a": 1} {"a": 2}]', /"\{" at byte 10, after 1 records; expected , or \]/],
    ["more.json", "[] 1", /"1" at byte 3, after 0 records; expected the end of the file/],
    ["text.json", "hello", /text\.json: begins with "h"; expected a JSON array/],
    ["empty.jsonl", "\n \n", /empty\.jsonl: holds no records/],
    ["data.parquet", "PAR1", /data files end in \.json, \.jsonl, \.tar or \.yaml, not \.parquet/],
    ["data", "x", /data files end in \.json, \.jsonl, \.tar or \.yaml$/],
  ])("refuses %s", async (name, content, message) => {
    writeFileSync(at(name), content);
    await expect(indexFile(at(name))).rejects.toThrow(message);
  });

  test("refuses a file that is not there, and can be stopped", async () => {
    await expect(indexFile(at("none.json"))).rejects.toThrow(/none\.json: no such file/);
    writeLines(at("some.jsonl"), [record("x")]);
    await expect(indexFile(at("some.jsonl"), { signal: AbortSignal.abort(new Error("enough")) })).rejects.toThrow(
      "enough",
    );
  });
});
