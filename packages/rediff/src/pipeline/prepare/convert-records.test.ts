/** Conversion between formats: what goes in comes out. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { parquetWriteFile } from "hyparquet-writer";
import { describe, expect, test } from "vitest";
import { folderOfFile } from "../../testing/folders.js";
import { openRecords } from "../formats/record-source.js";
import { convertRecords } from "./convert-records.js";

const { at, path: root } = folderOfFile();

const lines = (records: readonly unknown[]) => records.map((record) => `${JSON.stringify(record)}\n`).join("");

async function readAll(file: string): Promise<unknown[]> {
  const values: unknown[] = [];
  for await (const { value } of (await openRecords(file)).records()) values.push(value);
  return values;
}

/** Texts with what texts can have: line separators, byte order marks, halves of pairs, zero bytes. */
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.constantFrom("", "\u2028", "\ufeffx", "\ud800", "\udc00\ud800", "\0", "null", "\u{1f600}", "]", "}", '"', "\\"),
);
const key = fc.oneof(
  fc.constantFrom("id", "image", "conversations", "revise", "rest", "__proto__", "", "a.b", "from", "toString"),
  text,
);
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    text,
    fc.array(tie("value"), { maxLength: 3 }),
    fc.array(fc.record({ from: text, value: text }), { maxLength: 3 }),
    fc.dictionary(key, tie("value"), { maxKeys: 3 }),
  ),
})).value;
/** Like data sets: the same keys in most records, some missing, some null. */
const likeData = fc.array(
  fc.record(
    {
      id: fc.oneof(fc.integer(), fc.string(), fc.constant(null)),
      score: fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer()),
      image: fc.oneof(fc.string(), fc.constant(null)),
      images: fc.array(fc.string(), { maxLength: 3 }),
      flag: fc.boolean(),
      conversations: fc.array(fc.record({ from: fc.constantFrom("human", "gpt"), value: text }), { maxLength: 4 }),
    },
    { requiredKeys: ["conversations"] },
  ),
  { maxLength: 12 },
);
const anything = fc.array(fc.dictionary(key, json, { maxKeys: 4 }), { maxLength: 6 });

describe("round trips", () => {
  test.each(["likeData", "anything"])("JSONL -> JSON -> parquet -> parquet -> JSONL: %s", async (kind) => {
    await fc.assert(
      fc.asyncProperty(kind === "likeData" ? likeData : anything, async (records) => {
        // A JSON text has no -0 that JSON.stringify would write.
        const expected = JSON.parse(JSON.stringify(records)) as unknown[];
        writeFileSync(at("a.json"), JSON.stringify(records));
        await convertRecords(at("a.json"), at("b.jsonl"));
        expect(readFileSync(at("b.jsonl"), "utf8")).toBe(lines(expected));
        if (expected.length === 0) return; // A JSONL file without a line is refused: it may be a failed download.
        await convertRecords(at("b.jsonl"), at("c.parquet"));
        await convertRecords(at("c.parquet"), at("d.parquet"));
        await convertRecords(at("d.parquet"), at("e.json"));
        expect(await readAll(at("e.json"))).toStrictEqual(expected);
      }),
      { numRuns: 30 },
    );
  });

  test("records over many row groups keep their order", async () => {
    const records = Array.from({ length: 12_345 }, (_, i) => ({ id: i, text: `number ${i}`, even: i % 2 === 0 }));
    writeFileSync(at("many.jsonl"), lines(records));
    await convertRecords(at("many.jsonl"), at("many.parquet"));
    await convertRecords(at("many.parquet"), at("many-again.jsonl"));
    expect(readFileSync(at("many-again.jsonl"), "utf8")).toBe(lines(records));
  });

  test("JSON is written as Python's json.dump with indent 2 and without escapes", async () => {
    const record = { id: "\u00e9\u4e2d", list: [], object: {}, deep: [{ a: [1, 2.5] }] };
    writeFileSync(at("small.jsonl"), lines([record, { b: null }]));
    await convertRecords(at("small.jsonl"), at("small.json"));
    const expected =
      '[\n  {\n    "id": "\u00e9\u4e2d",\n    "list": [],\n    "object": {},\n    "deep": [\n      {\n        "a": [\n' +
      '          1,\n          2.5\n        ]\n      }\n    ]\n  },\n  {\n    "b": null\n  }\n]';
    expect(readFileSync(at("small.json"), "utf8")).toBe(expected);
  });
});

describe("pictures", () => {
  const JPEG = new Uint8Array([0xff, 0xd8, 0xff, 0xe0, 1, 2, 3]);
  const PNG = new Uint8Array([...Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), 200, 255, 0]);

  test("go into a parquet file and come out byte for byte under their names", async () => {
    const records = [
      { id: "a", image: "coco/1.jpg", conversations: [{ from: "human", value: "<image>\nx" }] },
      { id: "b", image: "2.png", conversations: [] },
      { id: "c", conversations: [] },
    ];
    mkdirSync(at("in/coco"), { recursive: true });
    writeFileSync(at("in/coco/1.jpg"), JPEG);
    writeFileSync(at("in/2.png"), PNG);
    writeFileSync(at("pictures.jsonl"), lines(records));
    expect(await convertRecords(at("pictures.jsonl"), at("pictures.parquet"), { images: at("in") })).toMatchObject({
      records: 3,
    });
    const result = await convertRecords(at("pictures.parquet"), at("out.jsonl"), { images: at("out") });
    expect(result).toEqual({ output: at("out.jsonl"), records: 3, pictures: 2 });
    expect(readFileSync(at("out.jsonl"), "utf8")).toBe(lines(records));
    expect(new Uint8Array(readFileSync(at("out/coco/1.jpg")))).toEqual(JPEG);
    expect(new Uint8Array(readFileSync(at("out/2.png")))).toEqual(PNG);
    // Once more: all is there.
    expect(await convertRecords(at("pictures.parquet"), at("out.jsonl"), { images: at("out") })).toMatchObject({
      pictures: 0,
    });
  });

  test("lists of pictures come back as lists", async () => {
    const records = [{ image: ["x.jpg", "x.png"] }, { image: [] as string[] }, { image: null }];
    mkdirSync(at("lists"), { recursive: true });
    writeFileSync(at("lists/x.jpg"), JPEG);
    writeFileSync(at("lists/x.png"), PNG);
    writeFileSync(at("lists.jsonl"), lines(records));
    await convertRecords(at("lists.jsonl"), at("lists.parquet"), { images: at("lists") });
    await convertRecords(at("lists.parquet"), at("lists-again.jsonl"), { images: at("lists-out") });
    expect(readFileSync(at("lists-again.jsonl"), "utf8")).toBe(lines(records));
  });

  /** As Hugging Face's data sets have them; written here without the metadata of this project. */
  function huggingFace(file: string, rows: { bytes: Uint8Array | null; path: string | null }[]) {
    parquetWriteFile({
      filename: file,
      columnData: [
        { name: "id", data: rows.map((_, i) => BigInt(i)) },
        { name: "image", data: rows.map((row) => (row.bytes === null && row.path === null ? null : row)) },
      ],
      schema: [
        { name: "root", num_children: 2 },
        { name: "id", type: "INT64", repetition_type: "OPTIONAL" },
        { name: "image", repetition_type: "OPTIONAL", num_children: 2 },
        { name: "bytes", type: "BYTE_ARRAY", repetition_type: "OPTIONAL" },
        { name: "path", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" },
      ],
    });
  }

  test("names: none, taken by another picture, leaving the folder, outside of the file", async () => {
    huggingFace(at("hf.parquet"), [
      { bytes: JPEG, path: "1.jpg" },
      { bytes: PNG, path: "1.jpg" },
      { bytes: JPEG, path: "1.jpg" },
      { bytes: PNG, path: null },
      { bytes: JPEG, path: "../../evil.jpg" },
      { bytes: JPEG, path: "/absolute/abs.jpg" },
      { bytes: null, path: "elsewhere.jpg" },
      { bytes: null, path: null },
      { bytes: new Uint8Array([1]), path: ".." },
    ]);
    await convertRecords(at("hf.parquet"), at("hf.jsonl"), { images: at("hf") });
    const images = (await readAll(at("hf.jsonl"))).map((record) => (record as { image: unknown }).image);
    expect(images).toEqual([
      "1.jpg",
      "1-2.jpg",
      "1.jpg",
      "00000003.png",
      "evil.jpg",
      "abs.jpg",
      "elsewhere.jpg",
      null,
      "00000008",
    ]);
    expect(readdirSync(at("hf")).sort()).toEqual([
      "00000003.png",
      "00000008",
      "1-2.jpg",
      "1.jpg",
      "abs.jpg",
      "evil.jpg",
    ]);
    expect(new Uint8Array(readFileSync(at("hf/1-2.jpg")))).toEqual(PNG);
  });

  test("need a folder to go to, and never replace another file", async () => {
    huggingFace(at("one.parquet"), [{ bytes: JPEG, path: "1.jpg" }]);
    await expect(convertRecords(at("one.parquet"), at("one.jsonl"))).rejects.toThrow(
      /one\.parquet: row 0, column image holds a picture/,
    );
    mkdirSync(at("full"), { recursive: true });
    writeFileSync(at("full/1.jpg"), PNG);
    await expect(convertRecords(at("one.parquet"), at("one.jsonl"), { images: at("full") })).rejects.toThrow(
      /is there already and is another picture/,
    );
    expect(() => readFileSync(at("one.jsonl"))).toThrow(/ENOENT/);
  });
});

describe("what is refused", () => {
  const cases: [string, string, string | Buffer, RegExp][] = [
    ["a broken line", "x.jsonl", '{"a":1}\n\n{"a":\n{"a":3}\n', /x\.jsonl:3: broken JSON/],
    ["a broken record of an array", "x.json", '[\n{"a": 1},\n{\n"a": 1,\n}\n]', /x\.json:3: broken JSON/],
    ["an array that is cut off", "x.json", '[{"a": 1}, {"a"', /x\.json: the file is cut off/],
    ["a line that is no object", "x.jsonl", '{"a":1}\n[1]\n', /x\.jsonl:2: expected a JSON object/],
    ["NaN", "x.jsonl", '{"a":NaN}\n', /x\.jsonl:1: broken JSON/],
    ["a number that would be rounded", "x.jsonl", '{"id":12345678901234567891}\n', /x\.jsonl:1: .*more digits than/],
    [
      "bytes that are no UTF-8",
      "x.jsonl",
      Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d, 0x0a]),
      /x\.jsonl:1: is not UTF-8/,
    ],
    [
      "a parquet file that is a pointer",
      "x.parquet",
      "version https://git-lfs.github.com/spec/v1\n",
      /a Git LFS pointer/,
    ],
    ["a parquet file that is none", "x.parquet", "PAR?", /x\.parquet: cannot be read as parquet/],
    ["another format", "x.csv", "a,b\n", /x\.csv: data files end in/],
  ];
  test.each(cases)("%s", async (_, name, content, message) => {
    writeFileSync(at(name), content);
    writeFileSync(at("result.jsonl"), "before\n");
    await expect(convertRecords(at(name), at("result.jsonl"))).rejects.toThrow(message);
    expect(readFileSync(at("result.jsonl"), "utf8")).toBe("before\n");
    expect(readdirSync(root).filter((entry) => entry.includes("partial"))).toEqual([]);
  });

  test("a whole number beyond 2^53 that is exact is kept", async () => {
    writeFileSync(at("exact.jsonl"), '{"a":18014398509481984,"b":1e300,"c":"12345678901234567891"}\n');
    await convertRecords(at("exact.jsonl"), at("exact.json"));
    expect(await readAll(at("exact.json"))).toEqual([{ a: 2 ** 54, b: 1e300, c: "12345678901234567891" }]);
  });

  test("the input as output, unknown outputs, --images without parquet", async () => {
    writeFileSync(at("self.jsonl"), "{}\n");
    await expect(convertRecords(at("self.jsonl"), at("self.jsonl"))).rejects.toThrow(
      /is read and cannot be written to/,
    );
    await expect(convertRecords(at("self.jsonl"), at("self.csv"))).rejects.toThrow(/ends in \.json/);
    await expect(convertRecords(at("self.jsonl"), root)).rejects.toThrow(/ends in/);
    await expect(convertRecords(at("self.jsonl"), at("o.json"), { images: root })).rejects.toThrow(
      /neither file is one/,
    );
    await expect(convertRecords(at("none.jsonl"), at("o.json"))).rejects.toThrow(/no such file/);
  });
});
