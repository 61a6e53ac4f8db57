/** Pages of every way of packing: read as they were written, and stopped where they go beyond what they claim. */
import { writeFileSync } from "node:fs";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { parquetWriteBuffer } from "hyparquet-writer";
import { describe, expect, test } from "vitest";
import { folderOfEachTest } from "../../testing/folders.js";
import { compressors, unpackPage } from "./parquet-compressors.js";
import { openParquet } from "./parquet-source.js";
import { packers, zstdBlock, zstdFrame } from "./testing/page-packers.js";

const { at } = folderOfEachTest();

async function textsOf(bytes: ArrayBuffer): Promise<unknown[]> {
  writeFileSync(at("x.parquet"), Buffer.from(bytes));
  const texts: unknown[] = [];
  for await (const { value } of (await openParquet(at("x.parquet"))).records()) texts.push(value);
  return texts;
}

describe.each(Object.keys(packers) as (keyof typeof packers)[])("%s", (codec) => {
  const written = (data: (string | null)[]) =>
    parquetWriteBuffer({
      codec,
      compressors: packers,
      columnData: [{ name: "s", data, type: "STRING", nullable: true }],
    });

  test("texts, some from a dictionary", async () => {
    const texts = Array.from({ length: 400 }, (_, i) => (i % 7 === 0 ? null : `text ${i % 3}`));
    expect(await textsOf(written(texts))).toEqual(texts.map((s) => ({ s })));
  });

  test("nothing but nulls, whose page is empty", async () => {
    expect(await textsOf(written([null, null]))).toEqual([{ s: null }, { s: null }]);
    expect(compressors[codec]?.(packers[codec](new Uint8Array()), 0)).toHaveLength(0);
  });

  test("a page that is longer or shorter than it claims", () => {
    const page = packers[codec](new Uint8Array(Buffer.from("eight by")));
    const over = /a page unpacks to more than the 7 bytes|out of bounds/;
    expect(() => unpackPage(codec, page, 7)).toThrow(over);
    // What LZ4 lacks of its size only shows in its values.
    if (!codec.startsWith("LZ4")) expect(() => unpackPage(codec, page, 9)).toThrow("a page claims 9 bytes and has 8");
  });
});

describe("what a few bytes unpack to without end is stopped:", () => {
  const runs = (count: number) => {
    const head = zstdFrame(new Uint8Array(), { size: BigInt(count) << 17n }).subarray(0, 13);
    const run = (isLast: boolean) => Buffer.concat([zstdBlock({ size: 1 << 17, isLast, kind: 1 }), Buffer.of(65)]);
    return new Uint8Array(Buffer.concat([head, ...Array.from({ length: count }, (_, i) => run(i === count - 1))]));
  };
  /** A frame whose window takes 2 GB, and the same behind one that is to be skipped. */
  const wide = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 21 << 3, ...zstdBlock({ size: 0, isLast: true, kind: 0 })]);
  const skipped = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 7]);

  const FAST = { [constants.BROTLI_PARAM_QUALITY]: 1 };

  test.each([
    ["gzip", "GZIP", () => gzipSync(Buffer.alloc(1 << 28), { level: 1 }), /more than the 100 bytes/],
    ["brotli", "BROTLI", () => brotliCompressSync(Buffer.alloc(1 << 28), { params: FAST }), /more than the 100 bytes/],
    ["zstd, in a window of a gigabyte", "ZSTD", () => runs(8192), /claims a window of 1073741824/],
    ["zstd, in a window that is small", "ZSTD", () => runs(100), /more than the 100 bytes/],
    ["zstd, with nothing in a window", "ZSTD", () => wide, /claims a window of 2147483648/],
    ["zstd, in a second frame", "ZSTD", () => Buffer.concat([skipped, wide]), /claims a window of 2147483648/],
  ] as const)("%s", (_, codec, made, message) => {
    const page = new Uint8Array(made());
    const before = process.memoryUsage().rss;
    expect(() => unpackPage(codec, page, 100)).toThrow(message);
    expect(process.memoryUsage().rss - before, "wide, for what else the process does").toBeLessThan(150 << 20);
  });

  test("zstd that copies within its window for a day", () => {
    // A run of one byte each, for which the window moves.
    const frame = Buffer.concat([
      zstdFrame(new Uint8Array(), { size: 32n << 20n }).subarray(0, 13),
      ...Array.from({ length: 100_000 }, () =>
        Buffer.concat([zstdBlock({ size: 1, isLast: false, kind: 1 }), Buffer.of(65)]),
      ),
      zstdBlock({ size: 0, isLast: true, kind: 0 }),
    ]);
    expect(() => unpackPage("ZSTD", new Uint8Array(frame), 100_000)).toThrow(/takes too long to unpack/);
  });
});

test("a way of packing that is not read is named", () => {
  expect(() => unpackPage("LZO", new Uint8Array(3), 3)).toThrow(/packed with LZO, which is not read; snappy, gzip/);
  expect(() => unpackPage(undefined, new Uint8Array(3), 3)).toThrow(/packed with an unknown method/);
});
