/** The quirks of the original's rules, and that both sets of rules agree where none of them bites. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { DecodeOptions } from "./decode-options.js";
import { type DecodingRules, originalRules, ourRules, rulesOf, surest } from "./rules.js";
import { M, type MadeUp, P, pseudoRandom, run, setups } from "./testing/made-up-model.js";

test("compat asks for the original's rules", () => {
  expect([rulesOf(true), rulesOf(false)]).toEqual([originalRules, ourRules]);
});

describe("surest", () => {
  const sure = (values: number[]) => (position: number) => values[position] as number;
  test("takes the k highest, of equals the leftmost", () => {
    expect(surest([0, 1, 2, 3, 4], sure([0.1, 0.9, 0.5, 0.9, 0.5]), 3)).toEqual([1, 3, 2]);
  });
  test("takes what there is when there are fewer", () => {
    expect(surest([3, 4], sure([0, 0, 0, 0.1, 0.2]), 5)).toEqual([3, 4]);
    expect(surest([], sure([]), 2)).toEqual([]);
    expect(surest([1, 2], sure([0, 1, 1]), 0)).toEqual([]);
  });
});

describe("the original's rules", () => {
  test("with fewer candidates than the quota, top-k overflows into positions that are none", () => {
    // Step 0 writes the stop at position 1 and three others; one candidate is left for a quota of four.
    const model: MadeUp = (position) =>
      position === P
        ? { token: 5, confidence: 0.1 }
        : { token: position === P + 1 ? 50 : position, confidence: 0.9 - position / 1000 };
    const { result, canvas, steps } = run({ genLength: 8, steps: 2, stop: [[50]], compat: true }, model);
    expect(result).toEqual({ tokens: [5], steps: 2, stopped: true });
    expect([...canvas.ids.subarray(0, P)]).toEqual([0, 1, 2, M]); // three tokens of the prompt were overwritten
    expect(steps[1]?.filled).toEqual([0]); // of the answer
    const ours = run({ genLength: 8, steps: 2, stop: [[50]] }, model);
    expect([...ours.canvas.ids.subarray(0, P)]).toEqual([M, M, M, M]);
    expect(ours.result).toEqual(result);
  });
});

/** Tokens after every step, and the answer, under these rules. */
function tokensUnder(rules: DecodingRules, given: Partial<DecodeOptions>, model: MadeUp, promptLength = P) {
  const { result, steps } = run(given, model, { rules, promptLength });
  return { result, steps: steps.map(({ tokens }) => [...tokens]) };
}

describe("ours and the original's give the same tokens where no quirk bites", () => {
  const steering = fc.subarray(["stop", "reach", "asked", "choose"] as const);

  test("without stop sequences, also when the model says masks and revises; and each rule by itself", () => {
    fc.assert(
      fc.property(setups, steering, ({ seed, saysMask, options }, replaced) => {
        const given = { ...options, stop: [] };
        const model = pseudoRandom(seed, saysMask ? M : 1);
        const ours = tokensUnder(ourRules, given, model);
        expect(tokensUnder(originalRules, given, model)).toEqual(ours);
        const mixed = Object.fromEntries(replaced.map((rule) => [rule, originalRules[rule]]));
        expect(tokensUnder({ ...ourRules, ...mixed }, given, model)).toEqual(ours);
      }),
      { numRuns: 500 },
    );
  });

  test("with one stop sequence, without revision, draft and masks said", () => {
    let stopped = 0;
    fc.assert(
      fc.property(setups, ({ seed, options }) => {
        const given = { ...options, stop: options.stop.slice(0, 1), revise: false, draft: [] };
        // Room for an overflowing top-k in the prompt: what it overwrites there matters no more.
        const [ours, original] = [ourRules, originalRules].map((rules) =>
          tokensUnder(rules, given, pseudoRandom(seed, 1), 20),
        );
        expect(original?.result).toEqual(ours?.result);
        expect(original?.steps.length).toBe(ours?.steps.length);
        if (ours?.result.stopped) stopped++;
      }),
      { numRuns: 500, seed: 3 },
    );
    expect(stopped).toBeGreaterThan(50);
  });

  test("until the first stop is found, with any number of them, a draft and a revision", () => {
    let found = 0;
    fc.assert(
      fc.property(setups, ({ seed, options }) => {
        const [ours, original] = [ourRules, originalRules].map((rules) =>
          tokensUnder(rules, options, pseudoRandom(seed, 1), 20),
        );
        const holdsStop = (tokens: readonly number[]) =>
          options.stop.some((sequence) => tokens.some((_, i) => sequence.every((id, j) => tokens[i + j] === id)));
        const until = (ours?.steps.findIndex(holdsStop) ?? -1) + 1 || ours?.steps.length;
        expect(original?.steps.slice(0, until)).toEqual(ours?.steps.slice(0, until));
        if (ours?.steps.some(holdsStop)) found++;
      }),
      { numRuns: 500, seed: 3 },
    );
    expect(found).toBeGreaterThan(50);
  });
});
