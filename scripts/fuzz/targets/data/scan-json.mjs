// @ts-check
import assert from "node:assert/strict";
import { open } from "node:fs/promises";
import { scanJson } from "../../../../packages/rediff/dist/data/records/scan-json.js";
import { json, utf8 } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

const records = [{ id: "a", n: 1 }, { id: 'quo"te\\', deep: [{ x: [1, { y: null }] }] }, {}];

export default defineTarget({
  covers: ["data/records/scan-json.js", "files/utf8-text.js"],
  file: "records.json",
  seeds: [
    json(records),
    utf8(JSON.stringify(records, null, 2)),
    utf8(`\ufeff${records.map((record) => JSON.stringify(record)).join("\n")}\n`),
    utf8('{"text":"ü€𝄞"}\r\n\r\n{"id":2}'),
    utf8("[]"),
  ],
  dictionary: [
    '{"id":1}',
    "{",
    "}",
    "[",
    "]",
    ",",
    '"',
    "\\",
    '\\"',
    "\n",
    "\r\n",
    "\ufeff",
    "null",
    "\xff\xfe",
    '"\\ud800"',
  ],
  async run(input, { file }) {
    const handle = await open(file);
    try {
      const index = await scanJson(file, handle, { chunkBytes: 64 });
      const starts = Array.from({ length: index.count + 1 }, (_, i) => index.starts[i] ?? Number.NaN);
      assert.ok(starts.every((at, i) => at <= input.length && (i === 0 || at > (starts[i - 1] ?? 0))));
    } finally {
      await handle.close();
    }
  },
});
