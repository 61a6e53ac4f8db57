import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Problem } from "../server/problem.js";
import { decodeByScript, scripts } from "../testing/mock-decoding.js";
import { readComparison, writeComparison } from "./file.js";
import { addEvent, type Trace } from "./trace.js";

let trace: Trace | undefined;
for (const event of decodeByScript(scripts.repaired, { revise: true, perStep: 4, length: 32 })) {
  trace = addEvent(trace, event);
}
const file = {
  created: "2026-01-02T03:04:05.000Z",
  model: "mock",
  sides: {
    plain: { model: "other", title: "Other", note: "stays" },
    revising: { model: "mock", title: "Mock, revising", note: "revises" },
  },
  prompt: "What is there?",
  settings: { tokens_per_step: 4 },
  picture: { name: "a.png", url: "data:image/png;base64,AAAA" },
  facts: {
    objects: [{ name: "dog", count: 1, position: "top left" as const, size: "small" as const }],
    background: "blue",
  },
  runs: { revising: trace! },
};

describe("traces as files", () => {
  test("what is written is read again", () => {
    expect(readComparison(writeComparison(file))).toEqual({ format: "rediff-comparison", version: 1, ...file });
  });

  test.each([
    ["no JSON", "hello", /not JSON/],
    ["another format", "{}", /format/],
    [
      "a step without changes",
      writeComparison(file).replace('"changes"', '"change"'),
      /runs\.revising\.steps\.0\.changes/,
    ],
    ["a position outside", writeComparison(file).replace('"gen_length": 32', '"gen_length": 8'), /of 8 tokens/],
    ["a truth of another world", writeComparison(file).replace('"dog"', '"zebra"'), /facts\.objects\.0\.name/],
    ["a picture from elsewhere", writeComparison(file).replace("data:image/png;base64,", "http://a/"), /picture\.url/],
  ])("%s is refused with its place", (_name, text, message) => {
    expect(() => readComparison(text)).toThrow(message);
  });

  test("whatever a file holds, it is read or refused as a bad file", () => {
    const text = writeComparison(file);
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.string({ maxLength: 3 }), (at, put) => {
        try {
          readComparison(text.slice(0, at) + put + text.slice(at + put.length));
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(Problem);
        }
      }),
    );
  });
});
