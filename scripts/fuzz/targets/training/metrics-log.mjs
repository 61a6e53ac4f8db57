// @ts-check
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { metricsLog } from "../../../../packages/rediff/dist/training/logging/metrics-log.js";
import { utf8 } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

/** Lines of an earlier start: those after the last checkpoint go. */
export default defineTarget({
  covers: ["training/logging/metrics-log.js"],
  refusesNothing: true,
  file: "metrics.jsonl",
  seeds: [
    utf8('{"step":1,"loss":2.5}\n{"step":2,"loss":2.4}\n{"step":5,"loss":2}\n'),
    utf8('{"step":1,"loss":2.5}\n{"step":2,"lo'),
    utf8(""),
  ],
  dictionary: ['{"step":', "}\n", "\n", "1e400", "null", "[", '{"step":{"step":'],
  run(_input, { file }) {
    const log = metricsLog(dirname(file));
    log.onStart?.(/** @type {never} */ ({ firstStep: 2, parameters: 1, device: "cpu" }));
    log.close?.();
    const lines = readFileSync(file, "utf8").split("\n");
    assert.equal(lines.at(-1), "");
    for (const line of lines.slice(0, -1)) assert.ok(JSON.parse(line).step <= 2);
  },
});
