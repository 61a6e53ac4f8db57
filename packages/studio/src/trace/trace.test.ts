import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeByScript, scripts } from "../testing/mock-decoding.js";
import { addEvent, cellsAt, figuresAt, historyOf, passBars, type Trace, type TraceEvent, textAt } from "./trace.js";

function traceOf(events: Iterable<TraceEvent>): Trace {
  let trace: Trace | undefined;
  for (const event of events) trace = addEvent(trace, event);
  return trace!;
}

const repaired = traceOf(decodeByScript(scripts.repaired, { revise: true, perStep: 4, length: 32 }));

/** Any run: positions written in any order, any number of times. */
const traces: fc.Arbitrary<Trace> = fc.integer({ min: 1, max: 12 }).chain((length) =>
  fc
    .array(
      fc.uniqueArray(
        fc.record({
          position: fc.nat(length - 1),
          token: fc.constantFrom(" a", " dog", ".", "<|eot_id|>"),
          id: fc.nat(99),
          confidence: fc.double({ min: 0, max: 1, noNaN: true }),
          kind: fc.constantFrom("fill" as const, "revise" as const),
        }),
        { selector: ({ position }) => position, maxLength: length },
      ),
      { maxLength: 10 },
    )
    .map((steps) => ({
      start: { gen_length: length, steps: steps.length, mask: "[MASK]", image_tokens: 4 },
      steps: steps.map((changes, step) => ({ step, block: 0, changes, seconds: 0.5 })),
    })),
);

describe("what a run shows", () => {
  test("nothing but masks before the first step, the server's text at the end", () => {
    expect(cellsAt(repaired, 0).every(({ kind }) => kind === "mask")).toBe(true);
    expect(textAt(repaired, 99)).toBe(repaired.end!.text);
    expect(textAt(repaired, 99)).toMatch(/^there are three soccer balls .* blue\.$/);
  });

  test("a token's history is its values in order, up to the shown step", () => {
    const whole = historyOf(repaired, 12);
    expect(whole.map(({ token, kind }) => [token, kind])).toEqual([
      [" cat", "fill"],
      [" dog", "revise"],
    ]);
    expect(historyOf(repaired, 12, whole[1]!.pass - 1)).toHaveLength(1);
  });

  test("figures count fills and revisions apart", () => {
    expect(figuresAt(repaired, 99)).toMatchObject({ passes: 9, filled: 32, revisions: 5 });
    expect(figuresAt(repaired, 0)).toMatchObject({ passes: 0, filled: 0, tokensPerSecond: undefined });
  });

  test("scrubbing one step further is applying that step's changes", () => {
    fc.assert(
      fc.property(traces, fc.nat(9), (trace, at) => {
        const expected = cellsAt(trace, at);
        const step = trace.steps[at];
        for (const { position, kind, token, confidence } of step?.changes ?? []) {
          expected[position] = { position, kind, token, confidence, writtenAt: at };
        }
        expect(cellsAt(trace, at + 1)).toEqual(expected);
      }),
    );
  });

  test("the last entry of each history is what is on the canvas", () => {
    fc.assert(
      fc.property(traces, fc.nat(12), (trace, at) => {
        for (const { position, kind, token, writtenAt } of cellsAt(trace, at)) {
          const last = historyOf(trace, position, at).at(-1);
          if (kind === "mask") expect(last).toBeUndefined();
          else expect(last).toMatchObject({ kind, token, pass: writtenAt + 1 });
        }
      }),
    );
  });

  test("bars and figures agree", () => {
    fc.assert(
      fc.property(traces, (trace) => {
        const bars = passBars(trace);
        const { filled, revisions } = figuresAt(trace, trace.steps.length);
        expect(bars.reduce((sum, bar) => sum + bar.fills, 0)).toBe(filled);
        expect(bars.reduce((sum, bar) => sum + bar.revisions, 0)).toBe(revisions);
      }),
    );
  });
});

describe("events out of turn", () => {
  const start: TraceEvent = { type: "start", gen_length: 2, steps: 1, mask: "", image_tokens: 0 };
  const end: TraceEvent = { type: "end", text: "", steps: 0, tokens: 0, edits: 0, seconds: 0, stopped: false };
  const outside: TraceEvent = {
    type: "step",
    step: 0,
    block: 0,
    seconds: 0,
    changes: [{ position: 2, token: "a", id: 1, confidence: 1, kind: "fill" }],
  };
  test.each([
    ["a step before the start", [outside]],
    ["two starts", [start, start]],
    ["anything after the end", [start, end, end]],
    ["a position outside of the answer", [start, outside]],
  ])("%s is refused", (_name, events) => {
    expect(() => traceOf(events)).toThrow();
  });
});
