import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BODY_LIMITS, JsonBounds } from "./json-bounds.js";

const UNLIMITED = { depth: Number.POSITIVE_INFINITY, entries: Number.POSITIVE_INFINITY };

/** What the parsed value has. */
function measure(value: unknown): { depth: number; entries: number } {
  if (typeof value !== "object" || value === null) return { depth: 0, entries: 0 };
  const inner = Object.values(value).map(measure);
  return {
    depth: 1 + Math.max(0, ...inner.map(({ depth }) => depth)),
    // The bracket counts for the first entry, each comma for another.
    entries: Math.max(1, inner.length) + inner.reduce((sum, { entries }) => sum + entries, 0),
  };
}

function take(text: string, limits = BODY_LIMITS, piece = 65_536): string | undefined {
  const bounds = new JsonBounds(limits);
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += piece) {
    const said = bounds.take(bytes.subarray(at, at + piece));
    if (said !== undefined) return said;
  }
  return undefined;
}

describe("JSON is counted as it comes", () => {
  test("wherever it is cut into pieces, and whatever its strings hold", () => {
    // Strings of what the format's syntax is made of, quotes and backslashes foremost.
    const text = fc.string({ unit: fc.constantFrom('"', "\\", "[", "{", "]", "}", ",", ":", "a", "é", "🙂", "\n") });
    const json = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 5 },
        text,
        fc.integer(),
        fc.constant(null),
        fc.array(tie("value"), { maxLength: 4 }),
        fc.dictionary(text, tie("value"), { maxKeys: 4 }),
      ),
    })).value;
    fc.assert(
      fc.property(json, fc.integer({ min: 1, max: 9 }), (value, piece) => {
        const written = JSON.stringify(value);
        const { depth, entries } = measure(value);
        expect(take(written, { depth, entries }, piece)).toBeUndefined();
        if (depth > 0) expect(take(written, { ...UNLIMITED, depth: depth - 1 }, piece)).toMatch(/ deep$/);
        if (entries > 0) expect(take(written, { ...UNLIMITED, entries: entries - 1 }, piece)).toMatch(/keys and list/);
      }),
      { numRuns: 2000 },
    );
  });

  test("megabytes of brackets and a million keys are known by their beginning", () => {
    expect(take("[".repeat(15 << 20))).toBe("lists and objects lie in each other more than 64 deep");
    const keys = `{${Array.from({ length: 60_000 }, (_, i) => `"k${i}":1`).join(",")}`;
    expect(take(keys)).toBe("more than 50000 keys and list entries");
  });

  test("a large picture and a long conversation are not much", () => {
    const turn = { role: "user", content: [{ type: "text", text: "What, then, is [this]?" }] };
    const body = { messages: Array.from({ length: 1000 }, () => turn), url: "A".repeat(8 << 20) };
    expect(take(JSON.stringify(body))).toBeUndefined();
  });
});
