// @ts-check
import assert from "node:assert/strict";
import { JsonBounds } from "../../../../packages/rediff/dist/serving/bodies/json-bounds.js";
import { json, textOf, utf8 } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

const LIMITS = { depth: 8, entries: 40 };

/** @param {unknown} value @returns {{ depth: number, entries: number }} as the limits count them, but for the first entry of each */
function sizeOf(value) {
  if (typeof value !== "object" || value === null) return { depth: 0, entries: 0 };
  const inside = Object.values(value).map(sizeOf);
  return {
    depth: 1 + Math.max(0, ...inside.map(({ depth }) => depth)),
    entries: 1 + Math.max(0, inside.length - 1) + inside.reduce((sum, { entries }) => sum + entries, 0),
  };
}

/** Counted in pieces, however they are cut, as the parsed value would be. */
export default defineTarget({
  covers: ["serving/bodies/json-bounds.js"],
  seeds: [
    json({ a: [1, { b: 'x\\"y' }], c: "[[[" }),
    utf8("[[[[[[[[1]]]]]]]]"),
    json(Array.from({ length: 39 }, (_, i) => i)),
    utf8('{"\\u0022":"\\\\"}'),
  ],
  dictionary: ["[", "]", "{", "}", ",", '"', "\\", '\\"', '\\\\"', "[[[[[[[[[", "1,1,1,1,1,1,1,1,"],
  maxBytes: 1 << 16,
  run(input) {
    const whole = new JsonBounds(LIMITS).take(input);
    const pieces = new JsonBounds(LIMITS);
    let excess;
    for (let at = 0; at < input.length && excess === undefined; at += 3)
      excess = pieces.take(input.subarray(at, at + 3));
    assert.equal(excess === undefined, whole === undefined, "pieces are counted as the whole");
    let value;
    try {
      value = JSON.parse(textOf(input));
    } catch {
      return false;
    }
    if (input.length > 4096) return whole === undefined;
    // A key that stands twice is parsed once, and counted twice.
    const { depth, entries } = sizeOf(value);
    if (depth > LIMITS.depth || entries > LIMITS.entries) assert.notEqual(whole, undefined);
    return whole === undefined;
  },
});
