// @ts-check
import assert from "node:assert/strict";
import { openRecords } from "../../../../packages/rediff/dist/pipeline/formats/record-source.js";
import { json, utf8 } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

const records = [{ id: "1", n: 1 }, { id: "2", deep: [{ x: null }], text: "ü €" }, {}];

/** Records that are converted, mixed or drafted: none is lost, no number is rounded. */
export default defineTarget({
  covers: [
    "formats/record-source.js",
    "formats/exact-json.js",
    "records/file-index.js",
    "records/scan-file.js",
    "records/scan-json.js",
  ],
  file: "records.json",
  seeds: [
    json(records),
    utf8(records.map((record) => JSON.stringify(record)).join("\n")),
    utf8('[{"n":12345678901234567,"m":1e22}]'),
    utf8('{"n":9007199254740993}\n'),
  ],
  dictionary: ["{}", "[", "]", ",\n", "\n", "9007199254740993", "12345678901234567890", "1e400", '"\\u0000"', "\xff"],
  async run(_input, { file }) {
    const source = await openRecords(file);
    let count = 0;
    for await (const { value } of source.records()) {
      assert.equal(typeof value, "object");
      count++;
    }
    assert.equal(count, source.count);
  },
});
