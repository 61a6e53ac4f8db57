/** What a parquet file claims is compared with its bytes, before the library makes arrays of it. */
import { writeFileSync } from "node:fs";
import { parquetMetadata } from "hyparquet";
import { parquetWriteBuffer } from "hyparquet-writer";
import { describe, expect, test } from "vitest";
import { UserError } from "../../errors.js";
import { folderOfEachTest } from "../../testing/folders.js";
import { checkColumn, checkFooter, checkMetadata } from "./parquet-bounds.js";
import { openParquet } from "./parquet-source.js";

const { at } = folderOfEachTest();

const texts = Array.from({ length: 40 }, (_, i) => (i % 5 === 0 ? null : `text ${i % 3}`));
const file = (codec: "UNCOMPRESSED" | "SNAPPY" = "UNCOMPRESSED") =>
  Buffer.from(parquetWriteBuffer({ codec, columnData: [{ name: "s", data: texts, type: "STRING", nullable: true }] }));

async function outcome(bytes: Uint8Array): Promise<string> {
  writeFileSync(at("x.parquet"), bytes);
  try {
    let rows = 0;
    for await (const _ of (await openParquet(at("x.parquet"))).records()) rows++;
    return `${rows} rows`;
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).message).not.toContain("\n");
    return (error as UserError).message;
  }
}

const varint = (value: number): number[] =>
  value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
const zigzag = (value: number): number[] => varint(value < 0 ? -2 * value - 1 : 2 * value);
/** Fields that follow each other: whole numbers, and structures of them. */
function fields(values: readonly (readonly [id: number, value: number | readonly number[]])[]): number[] {
  let before = 0;
  const bytes = values.flatMap(([id, value]) => {
    const head = (id - before) * 16;
    before = id;
    return typeof value === "number" ? [head + 5, ...zigzag(value)] : [head + 12, ...value];
  });
  return [...bytes, 0];
}

interface Page {
  values?: number;
  plain?: number;
  packed?: number;
  encoding?: number;
  body: readonly number[];
}

/** A data page of the first version. */
function page({ body, values = 8, plain = body.length, packed = body.length, encoding = 8 }: Page): Uint8Array {
  const header = fields([
    [1, 0],
    [2, plain],
    [3, packed],
    [
      5,
      fields([
        [1, values],
        [2, encoding],
        [3, 3],
        [4, 3],
      ]),
    ],
  ]);
  return Uint8Array.from([...header, ...body]);
}

const metadata = () => {
  const bytes = file();
  return parquetMetadata(Uint8Array.from(bytes).buffer);
};

function columnOutcome(chunk: Uint8Array): string {
  const meta = metadata();
  const column = meta.row_groups[0]?.columns[0]?.meta_data;
  if (column === undefined) throw new Error("the file has no column");
  try {
    checkColumn(meta, column, chunk);
    return "fits";
  } catch (error) {
    return (error as Error).message;
  }
}

/** Levels: 8 times 1, as a run of equal values; then indices of one bit, all 0. */
const levels = [2, 0, 0, 0, 16, 1];
const good = [...levels, 1, 16, 0];

describe("a page that claims more than it is", () => {
  test.each<[string, Page, RegExp]>([
    [
      "two thousand million equal levels in five bytes",
      { body: [6, 0, 0, 0, ...varint(2 ** 32 - 2), 1, 1, 16, 0] },
      /column "s": a run claims 2147483647 values, and 8 are left/,
    ],
    [
      "two thousand million equal indices",
      { body: [...levels, 1, ...varint(2 ** 32 - 2), 0] },
      /a run claims 2147483647 values, and 8/,
    ],
    [
      "two thousand million single bits",
      { body: [...levels, 1, ...varint(2 ** 31 - 1), 0] },
      /a run claims \d+ values/,
    ],
    [
      "a run whose length goes on",
      { body: [...levels, 1, 255, 255, 255, 255, 255, 255, 255, 255] },
      /a run has no length/,
    ],
    ["indices of 200 bits", { body: [...levels, 200, 16, 0] }, /indices of 200 bits/],
    ["more levels than it has bytes", { body: [255, 255, 255, 127, 16, 1] }, /bytes of levels in a page of 6/],
    ["fewer levels than values", { body: [2, 0, 0, 0, 8, 1, 1, 16, 0] }, /its runs have 4 of 8 values/],
    ["a hundred million values", { body: good, values: 1e8 }, /a page claims 100000000 values; at most 4194304/],
    ["numbers in blocks of none", { body: [...levels, 0, 4, 8, 0], encoding: 5 }, /differences in blocks of 0 by 4/],
    [
      "numbers in a million parts",
      { body: [...levels, ...varint(2 ** 20), ...varint(2 ** 20), 8, 0], encoding: 5 },
      /in blocks of 1048576 by 1048576/,
    ],
    [
      "more numbers than values",
      { body: [...levels, 128, 1, 4, 100, 0], encoding: 5 },
      /100 numbers in a page of 8 values/,
    ],
    [
      "texts that repeat the one before for ever",
      { body: [...levels, 128, 1, 4, 8, ...zigzag(2 ** 30), 0, 0, 0, 0, 0], encoding: 7 },
      /texts of a page repeat 8589934592 bytes of each other; at most 268435456/,
    ],
    ["values below 0", { body: good, values: -1 }, /a page claims -1 values/],
    [
      "a gigabyte out of nine bytes",
      { body: good, plain: 2 ** 30 },
      /a page of 9 bytes claims to unpack to 1073741824/,
    ],
    ["bytes below 0", { body: good, plain: -1 }, /claims to unpack to -1/],
    ["more bytes than there are", { body: good, packed: 1000 }, /a page claims 1000 bytes, and 9 are left/],
    ["fewer than none", { body: good, packed: -9 }, /a page claims -9 bytes/],
  ])("is refused: %s", (_, change, message) => {
    expect(columnOutcome(page(change))).toMatch(message);
  });

  test("an honest one fits", () => {
    expect(columnOutcome(page({ body: good }))).toBe("fits");
    expect(columnOutcome(new Uint8Array())).toBe("fits");
  });
});

describe("a footer that claims more than it is", () => {
  test.each([
    [
      "a list of thirty million",
      [0x19, 0xf8, ...varint(3e7)],
      /a list claims 30000000 elements, and \d+ bytes are left/,
    ],
    ["a text of two gigabytes", [0x18, ...varint(2 ** 31)], /a value claims 2147483648 bytes/],
    ["structures in structures", Array(200).fill(0x1c), /nested too deep/],
    ["no end", [0x15, 0x80], /ends in the middle/],
    ["a number of eleven digits", [0x15, ...Array(11).fill(0xff)], /too many digits/],
  ])("is refused: %s", (_, bytes, message) => {
    expect(() => checkFooter(Uint8Array.from(bytes))).toThrow(message);
  });

  test.each<[string, (meta: ReturnType<typeof metadata>) => void, RegExp]>([
    [
      "2^31 rows",
      (m) => {
        m.num_rows = 2n ** 31n;
      },
      /claims 2147483648 rows, and its row groups have 40/,
    ],
    [
      "a group of 2^31 rows",
      (m) => {
        for (const g of m.row_groups) g.num_rows = 2n ** 31n;
      },
      /row group 0 has 2147483648 rows; at most 4194304/,
    ],
    [
      "a million rows in a few bytes",
      (m) => {
        for (const g of m.row_groups) g.num_rows = 2n ** 20n;
      },
      /row group 0 claims 1048576 rows in \d+ bytes/,
    ],
    [
      "rows below 0",
      (m) => {
        for (const g of m.row_groups) g.num_rows = -1n;
      },
      /claims -1 rows/,
    ],
    [
      "a column beyond the file",
      (m) => {
        for (const c of m.row_groups[0]?.columns ?? []) if (c.meta_data) c.meta_data.total_compressed_size = 2n ** 40n;
      },
      /column "s" claims bytes \d+ to \d+ of/,
    ],
    [
      "a column before the file",
      (m) => {
        for (const c of m.row_groups[0]?.columns ?? []) if (c.meta_data) c.meta_data.data_page_offset = -5n;
      },
      /column "s" claims bytes/,
    ],
  ])("is refused: %s", (_, change, message) => {
    const meta = metadata();
    for (const column of meta.row_groups[0]?.columns ?? []) delete column.meta_data?.dictionary_page_offset;
    change(meta);
    expect(() => checkMetadata(meta, file().length)).toThrow(message);
  });
});

test.each(["UNCOMPRESSED", "SNAPPY"] as const)("honest files are read as before: %s", async (codec) => {
  expect(await outcome(file(codec))).toBe("40 rows");
});

test.each([
  [
    "a footer longer than the file",
    (bytes: Buffer) => bytes.writeUInt32LE(2 ** 31, bytes.length - 8),
    /a footer of 2147483648 bytes in a file of/,
  ],
  ["no mark at the end", (bytes: Buffer) => bytes.write("PARX", bytes.length - 4), /does not end as parquet does/],
])("one clear line names the file: %s", async (_, change, message) => {
  const bytes = file();
  change(bytes);
  expect(await outcome(bytes)).toMatch(message);
  expect(await outcome(bytes)).toMatch(/x\.parquet: cannot be read as parquet/);
});

describe("a file that says it is of this project's, and is not", () => {
  const own = (text: string, rest?: string) =>
    Buffer.from(
      parquetWriteBuffer({
        columnData: [{ name: "s", data: [text], type: "STRING" }],
        kvMetadata: [
          {
            key: "rediff",
            value: JSON.stringify({
              version: 1,
              columns: rest === undefined ? [{ name: "s", kind: "json", fields: [], null: "null" }] : [],
              ...(rest !== undefined && { rest }),
            }),
          },
        ],
      }),
    );

  test.each([
    ["no JSON", own("{"), /row 0: .*JSON/],
    ["JSON that is nested too deep", own("[".repeat(200) + "]".repeat(200)), /row 0: .*deep/],
    ["a column of other keys that holds none", own("null", "s"), /row 0: column s holds no keys and values/],
  ])("%s", async (_, bytes, message) => {
    expect(await outcome(bytes)).toMatch(message);
  });

  test("what it says is read", async () => {
    expect(await outcome(own('{"a":1}'))).toBe("1 rows");
    expect(await outcome(own('{"a":1}', "s"))).toBe("1 rows");
  });
});

test("booleans with nulls among them are read in either encoding", async () => {
  const data = Array.from({ length: 40 }, (_, i) => (i % 3 === 0 ? null : i % 2 === 0));
  for (const encoding of ["PLAIN", "RLE"] as const) {
    const columnData = [{ name: "yes", data, type: "BOOLEAN" as const, nullable: true, encoding }];
    expect(await outcome(new Uint8Array(parquetWriteBuffer({ columnData })))).toBe("40 rows");
  }
});
