/** The rules of filling and replacing, by themselves and in the loop, with made-up models. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { DecodeOptions } from "./decode-options.js";
import { countByFactor, tokensToReplace, withinEntropy } from "./fill-rules.js";
import { M, type MadeUp, P, pseudoRandom, type Run, run, setups } from "./testing/made-up-model.js";

/** Sure of each position as a list says, from the answer's start. */
const by =
  (confidence: number[], entropy: (number | undefined)[] = []): MadeUp =>
  (position) => ({
    token: position - P + 1,
    confidence: confidence[position - P] as number,
    ...(entropy[position - P] !== undefined && { entropy: entropy[position - P] as number }),
  });
const filledOf = ({ steps }: Run) => steps.map(({ filled }) => filled);

describe("factor", () => {
  test("n at once when the least sure of them has 1 - f / (n + 1)", () => {
    // The second has to have 2/3, the third 3/4, the fourth 4/5.
    expect(countByFactor([0.9, 0.67, 0.76], 1)).toBe(2);
    expect(countByFactor([0.9, 0.66, 0.66], 1)).toBe(1);
    expect(countByFactor([0.8, 0.76, 0.8], 1)).toBe(3);
    expect(countByFactor([0.8, 0.8, 0.8, 0.8], 1)).toBe(4);
    expect(countByFactor([0.2, 0.1], 0)).toBe(1);
    expect(countByFactor([0.2, 0.1], 3)).toBe(2);
    expect(countByFactor([], 1)).toBe(1);
  });

  test("in the loop, block by block", () => {
    const ran = run({ genLength: 6, blockLength: 3, rule: "factor" }, by([0.5, 0.9, 0.7, 0.2, 0.1, 0.1]));
    expect(filledOf(ran)).toEqual([[1, 2], [0], [3], [4], [5]]);
    expect(ran.result).toMatchObject({ tokens: [1, 2, 3, 4, 5, 6], steps: 5 });
  });

  test("is what the theorem says: all of n when (n + 1) (1 - c) is at most f", () => {
    const confidences = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(confidences, fc.double({ min: 0, max: 4, noNaN: true }), (values, factor) => {
        const sorted = [...values].sort((a, b) => b - a);
        const may = sorted.map((c, i) => i === 0 || c >= 1 - factor / (i + 2));
        expect(countByFactor(values, factor)).toBe(may.includes(false) ? may.indexOf(false) : may.length);
      }),
    );
  });
});

describe("entropy", () => {
  const said = (entropies: number[]) => ({
    entropy: (position: number) => entropies[position] as number,
    confidence: (position: number) => 1 - (entropies[position] as number) / 10,
  });

  test("the longest row whose sum without the largest is within the bound", () => {
    const four = [0, 1, 2, 3];
    expect(withinEntropy(four, 0.1, said([0.5, 0.05, 0.04, 0.01]))).toEqual([3, 2, 1, 0]);
    expect(withinEntropy(four, 0.09, said([0.5, 0.05, 0.04, 0.01]))).toEqual([3, 2, 1]);
    expect(withinEntropy(four, 0, said([0.5, 0.05, 0.04, 0.01]))).toEqual([3]);
    expect(withinEntropy(four, 0, said([0.5, 0, 0, 0.3]))).toEqual([1, 2, 3]);
    expect(withinEntropy([], 1, said([]))).toEqual([]);
  });

  test("of equal entropies the surer, then the leftmost", () => {
    const sure = [0.1, 0.3, 0.3];
    const equal = { entropy: () => 0.2, confidence: (position: number) => sure[position] as number };
    expect(withinEntropy([0, 1, 2], 0.2, equal)).toEqual([1, 2]);
  });

  test("goes by entropies, not by confidences", () => {
    const ran = run({ genLength: 3, rule: "entropy", entropyBound: 0.1 }, by([0.9, 0.5, 0.4], [2, 0.05, 0.2]));
    expect(filledOf(ran)).toEqual([[1, 2], [0]]);
  });

  test("a larger bound never takes more steps, where a guess does not depend on what is written", () => {
    const entropies = fc.array(fc.double({ min: 0, max: 2, noNaN: true }), { minLength: 1, maxLength: 12 });
    const bound = fc.double({ min: 0, max: 8, noNaN: true });
    fc.assert(
      fc.property(entropies, bound, bound, (values, one, other) => {
        const steps = (entropyBound: number) =>
          run(
            { genLength: values.length, rule: "entropy", entropyBound },
            by(
              values.map(() => 0.5),
              values,
            ),
          ).result.steps;
        const [low, high] = [Math.min(one, other), Math.max(one, other)];
        expect(steps(high)).toBeLessThanOrEqual(steps(low));
      }),
    );
  });
});

test("replacing: where the new token is surer than the threshold; 0 is always, 1 never", () => {
  const sure = [0, 0.5, 0.51, 1];
  const replaced = (threshold: number | undefined) =>
    tokensToReplace([0, 1, 2, 3], threshold, (at) => sure[at] as number);
  expect(replaced(undefined)).toEqual([0, 1, 2, 3]);
  expect(replaced(0)).toEqual([0, 1, 2, 3]);
  expect(replaced(0.5)).toEqual([2, 3]);
  expect(replaced(1)).toEqual([]);
});

describe("joint", () => {
  const E = 50;

  test("fills what is sure enough, and replaces where it is surer of something else", () => {
    const model: MadeUp = (position, canvas, pass) => ({
      token: canvas.isMasked(position) ? position : 100 + pass,
      confidence: position === P ? 0.9 : position === P + 1 ? 0.4 : 0.6 - position / 1000,
    });
    const ran = run({ genLength: 3, rule: "joint", threshold: 0.8, editThreshold: 0.7, postEditSteps: 1 }, model);
    // The surest in any case; of those that are written only the first is replaced.
    expect(ran.steps.map(({ filled, rewritten }) => [filled, rewritten])).toEqual([
      [[0], []],
      [[2], [0]],
      [[1], [0]],
      [[], [0]],
    ]);
    expect(ran.result).toEqual({ tokens: [103, P + 1, P + 2], steps: 4, stopped: false });
  });

  test("ends when nothing changes, and counts that pass; within the limit when something always does", () => {
    const settles: MadeUp = (position, _, pass) => ({
      token: Math.min(3, pass + 1),
      confidence: 0.9 - position / 1000,
    });
    const given = { genLength: 4, rule: "joint", threshold: 0.5 } as const;
    const ran = run(given, settles);
    expect(ran.result).toEqual({ tokens: [3, 3, 3, 3], steps: 4, stopped: false }); // 1, 2, 3, and 3 again
    expect(ran.steps.at(-1)?.revised).toEqual([]);
    const never: MadeUp = (_, __, pass) => ({ token: 1 + (pass % 2), confidence: 0.9 });
    expect(run({ ...given, postEditSteps: 5 }, never).result.steps).toBe(6);
    expect(run({ ...given, postEditSteps: 0 }, never).result.steps).toBe(1);
    expect(run(given, never).result.steps).toBe(17);
  });

  test("settles each block before the next, and words only: not the end, nor what lies behind it", () => {
    const clock: MadeUp = (position, _, pass) =>
      position === P + 3 ? { token: E, confidence: 0.95 } : { token: Math.min(7, pass + 1), confidence: 0.9 };
    const given = { genLength: 6, blockLength: 2, rule: "joint", stop: [[E]] } as const;
    const ran = run({ ...given, postEditSteps: 2 }, clock);
    expect(ran.steps.map(({ block, query }) => [block, query.positions.map((at) => at - P)])).toEqual([
      [0, [0, 1]],
      [0, [0, 1]],
      [0, [0, 1]],
      [1, [2, 3]],
      [1, [2]],
      [1, [2]],
    ]);
    expect(ran.result).toEqual({ tokens: [3, 3, 6], steps: 6, stopped: true });
  });

  test("a draft without masks needs no step, and fixed positions stay", () => {
    const model: MadeUp = (_, __, pass) => ({ token: 20 + pass, confidence: 1 });
    expect(run({ genLength: 2, draft: [5, 6], rule: "joint" }, model).result.steps).toBe(0);
    const { result } = run({ genLength: 3, draft: [5, M, 6], fixed: [0], rule: "joint", postEditSteps: 2 }, model);
    expect(result).toMatchObject({ tokens: [5, 22, 22], steps: 3 });
  });

  /** Everything that a run shows, but the rule's own name for it. */
  const shown = ({ result, steps, canvas }: Run) => ({ result, steps, ids: [...canvas.ids] });
  const plain = ({ revise: _, reviseStart: __, reviseTopk: ___, reviseRest: ____, ...given }: Partial<DecodeOptions>) =>
    given;

  test("replacing always, with the fixed schedule and no step behind it, is ReDiff's rule", () => {
    fc.assert(
      fc.property(setups, ({ seed, saysMask, options }) => {
        const model = pseudoRandom(seed, saysMask ? M : 1);
        const given = plain(options);
        const joint = run({ ...given, rule: "joint", editThreshold: 0, postEditSteps: 0 }, model);
        expect(shown(joint)).toEqual(shown(run({ ...given, revise: true }, model)));
      }),
      { numRuns: 300 },
    );
  });

  test("replacing never, with the fixed schedule, is LLaDA-V's rule; with a threshold, Fast-dLLM's", () => {
    const threshold = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(setups, threshold, ({ seed, saysMask, options }, threshold) => {
        const model = pseudoRandom(seed, saysMask ? M : 1);
        const given = plain(options);
        const never = { ...given, rule: "joint", editThreshold: 1 } as const;
        expect(shown(run(never, model))).toEqual(shown(run(given, model)));
        const { steps: _, ...free } = given;
        expect(shown(run({ ...free, rule: "joint", editThreshold: 1, threshold }, model))).toEqual(
          shown(run({ ...free, threshold }, model)),
        );
      }),
      { numRuns: 300 },
    );
  });
});

const anyRule = fc.oneof(
  fc.record({ rule: fc.constant("threshold" as const), threshold: fc.constantFrom(0, 0.3, 0.9, 1) }),
  fc.record({ rule: fc.constant("factor" as const), factor: fc.constantFrom(0, 0.5, 1, 2) }),
  fc.record({ rule: fc.constant("entropy" as const), entropyBound: fc.constantFrom(0, 0.1, 0.7, 4) }),
  fc.record({
    rule: fc.constant("joint" as const),
    threshold: fc.constantFrom(0, 0.3, 0.9, 1),
    editThreshold: fc.constantFrom(0, 0.5, 1),
    postEditSteps: fc.constantFrom(0, 1, 16),
  }),
);

test("every rule, whatever the model says: ends, leaves no mask before the end, fills one at least in every step", () => {
  let several = 0;
  fc.assert(
    fc.property(setups, anyRule, fc.boolean(), ({ seed, saysMask, options }, rule, revise) => {
      const { steps: _, reviseStart: __, reviseTopk: ___, reviseRest: ____, ...given } = options;
      const chosen = { ...given, ...rule, revise: revise || rule.rule === "joint" };
      const { result, steps } = run(chosen, pseudoRandom(seed, saysMask ? M : 1)); // throws when it goes on too long
      expect(result.steps).toBe(steps.length);
      if (saysMask) return;
      expect(result.tokens).not.toContain(M);
      let masks = given.genLength - given.draft.filter((id) => id !== M).length;
      for (const { filled, query, tokens, revised } of steps) {
        // Where masks may be filled, one is; a step without any comes when all is written.
        expect(filled.length > 0).toBe(query.masked.includes(true));
        if (filled.length > 1) several++;
        const left = tokens.filter((id) => id === M).length;
        expect(left).toBe(masks - filled.length);
        masks = left;
        expect(revised.every(({ from, to }) => from !== M && to !== M)).toBe(true);
      }
    }),
    { numRuns: 800, seed: 7 },
  );
  expect(several).toBeGreaterThan(100);
});
