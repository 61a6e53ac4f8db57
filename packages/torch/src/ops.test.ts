/** Operators by name against Python's torch: every kind of argument and of result that crosses the border. */
import { describe, expect } from "vitest";
import { call, scope } from "./index.js";
import { decode, difference, readFixture } from "./testing/fixtures.js";
import { test } from "./testing/test.js";

interface Case {
  op: string;
  args: unknown[];
  result: unknown;
  /** The arguments afterwards, where the operator changed one. */
  after?: unknown[];
}

const { torch, cases } = readFixture<Case>("ops.jsonl");

describe(`operators give what Python's torch ${torch} gives`, () => {
  const seen = new Map<string, number>();
  for (const { op, args, result, after } of cases) {
    const nth = (seen.get(op) ?? 0) + 1;
    seen.set(op, nth);
    test(`${op} ${nth}`, () => {
      scope(() => {
        const values = args.map(decode);
        const found = call(op, ...values);
        expect(difference(found, result)).toBe("");
        if (after !== undefined) expect(difference(values, after, "arguments afterwards")).toBe("");
      });
    });
  }
});
