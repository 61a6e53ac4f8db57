// @ts-check

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { TraceFile } from "../../../../packages/rediff/dist/cli/output/trace-file.js";
import { utf8 } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

/** @param {string} image @param {boolean} isFirst */
const step = (image, isFirst) =>
  `${JSON.stringify({ image, type: "step", ...(isFirst ? { request: { kind: "describe" } } : {}), changes: [] })}\n`;

/** The trace of an earlier run, with which a run goes on. */
export default defineTarget({
  covers: ["cli/output/trace-file.js"],
  file: "trace.jsonl",
  seeds: [
    utf8(step("a.png", true) + step("a.png", false)),
    utf8(step("a.png", true) + step("a.png", false) + step("b.png", true).slice(0, 30)),
    utf8(step("b.png", true) + step("a.png", true) + step("b.png", false)),
    utf8(""),
  ],
  dictionary: ['{"image":', '"type":"step"', '"request":', "\n", "{}", "[", "null", "\ufeff"],
  async run(_input, { file }) {
    const done = new Map([["a.png", 2]]);
    const { trace, traced } = await TraceFile.resume(file, done);
    trace.close();
    assert.ok(traced <= 1);
    for (const line of readFileSync(file, "utf8").split("\n").slice(0, -1)) if (traced === 1) JSON.parse(line);
  },
});
