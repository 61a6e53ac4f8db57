// @ts-check
import assert from "node:assert/strict";
import { parquetWriteBuffer } from "hyparquet-writer";
import { openParquet } from "../../../../packages/rediff/dist/pipeline/formats/parquet-source.js";
import { packers } from "../../../../packages/rediff/dist/pipeline/formats/testing/page-packers.js";
import { u32le } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

/** @param {Parameters<typeof parquetWriteBuffer>[0]} options */
const parquet = (options) => new Uint8Array(parquetWriteBuffer(options));

const texts = Array.from({ length: 40 }, (_, i) => (i % 5 === 0 ? null : `text ${i % 3}`));
const turns = Array.from({ length: 6 }, (_, i) => [
  { from: "human", value: `q${i}` },
  { from: "gpt", value: "a" },
]);

/** As this project notes columns of its own files. */
const own = JSON.stringify({
  version: 1,
  columns: [{ name: "a", kind: "json", fields: [], null: "null" }],
  rest: "more",
});

export default defineTarget({
  covers: [
    "formats/parquet-deltas.js",
    "formats/parquet-source.js",
    "formats/parquet-bounds.js",
    "formats/parquet-runs.js",
    "formats/parquet-thrift.js",
    "formats/parquet-columns.js",
    "formats/parquet-compressors.js",
    "formats/zstd-frames.js",
  ],
  file: "x.parquet",
  seeds: [
    parquet({ columnData: [{ name: "id", data: texts, type: "STRING", nullable: true }] }),
    parquet({
      codec: "UNCOMPRESSED",
      columnData: [
        { name: "n", data: Array.from({ length: 50 }, (_, i) => i % 4), type: "INT32" },
        { name: "yes", data: Array.from({ length: 50 }, (_, i) => i % 2 === 0), type: "BOOLEAN" },
      ],
    }),
    parquet({
      codec: "UNCOMPRESSED",
      columnData: [
        { name: "s", data: texts.map((text) => text ?? ""), type: "STRING", encoding: "DELTA_BYTE_ARRAY" },
        { name: "n", data: texts.map((_, i) => i * i), type: "INT32", encoding: "DELTA_BINARY_PACKED" },
      ],
    }),
    parquet({ columnData: [{ name: "conversations", data: turns, type: "JSON" }], rowGroupSize: 2 }),
    parquet({
      codec: "UNCOMPRESSED",
      columnData: [{ name: "s", data: texts, type: "STRING", nullable: true }],
      rowGroupSize: 10,
    }),
    parquet({
      codec: "UNCOMPRESSED",
      columnData: [
        { name: "a", data: ['{"b":[1]}', "2"], type: "STRING" },
        { name: "more", data: ['{"c":1}', "{}"], type: "STRING" },
      ],
      kvMetadata: [{ key: "rediff", value: own }],
    }),
    ...Object.keys(packers).map((codec) =>
      parquet({
        codec: /** @type {keyof typeof packers} */ (codec),
        compressors: packers,
        columnData: [{ name: "s", data: texts, type: "STRING", nullable: true }],
      }),
    ),
  ],
  dictionary: [
    "PAR1",
    "\xff\xff\xff\xff\x0f",
    "\xfe\xff\xff\xff\x0f",
    "\x15\x00",
    "\x19\xfc",
    "\x1c",
    u32le(0),
    "\x80\x80\x04",
  ],
  async run(_input, { file }) {
    const source = await openParquet(file);
    let count = 0;
    for await (const { value } of source.records()) {
      assert.equal(typeof value, "object");
      count++;
    }
    assert.equal(count, source.count);
  },
});
