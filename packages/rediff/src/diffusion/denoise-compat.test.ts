/** The loop with the quirks of the original, and where both ways agree. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type DecodeOptions, decodeOptions } from "./decode-options.js";
import type { DecodeStep } from "./denoise.js";
import { M, type MadeUp, P, run } from "./testing/made-up-model.js";
import { reviseCount, transferSchedule } from "./transfer-schedule.js";

describe("compat", () => {
  test("with fewer candidates than the quota, top-k overflows into rows that are none", () => {
    // Step 0 writes the stop at position 1 and three others; one candidate is left for a quota of four.
    const model: MadeUp = (row) =>
      row === P ? { token: 5, confidence: 0.1 } : { token: row === P + 1 ? 50 : row, confidence: 0.9 - row / 1000 };
    const { result, canvas, steps } = run({ genLength: 8, steps: 2, stop: [[50]], compat: true }, model);
    expect(result).toEqual({ tokens: [5], steps: 2, stopped: true });
    expect([...canvas.ids.subarray(0, P)]).toEqual([0, 1, 2, M]); // three prompt rows were overwritten
    expect(steps[1]?.filled).toEqual([0]); // of the answer
    const polite = run({ genLength: 8, steps: 2, stop: [[50]] }, model);
    expect([...polite.canvas.ids.subarray(0, P)]).toEqual([M, M, M, M]);
    expect(polite.result).toEqual(result);
  });
});

// ---- properties ----

/** 32 well-mixed bits of some numbers. */
function hash(...numbers: number[]): number {
  let h = 0x811c9dc5;
  for (const n of numbers) {
    h = Math.imul(h ^ n, 0x01000193);
    h = Math.imul(h ^ (h >>> 15), 0x85ebca6b);
  }
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Deterministic in the whole canvas: says one of the tokens `least` to 4, about as sure of each. */
const pseudoRandom =
  (seed: number, least: number): MadeUp =>
  (row, canvas) => {
    const state = hash(seed, row, ...canvas.ids);
    return { token: least + (state % (5 - least)), confidence: hash(state, 1) / 2 ** 32 };
  };

const answerToken = fc.integer({ min: 0, max: 4 });
const setups = fc
  .record({
    seed: fc.integer(),
    blockLength: fc.integer({ min: 1, max: 6 }),
    blocks: fc.integer({ min: 1, max: 3 }),
    stepsPerBlock: fc.integer({ min: 1, max: 7 }),
    draft: fc.array(answerToken, { maxLength: 18 }),
    suffix: fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 2 }),
    stop: fc.array(fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 2 }), { maxLength: 2 }),
    revise: fc.boolean(),
    reviseStart: fc.constantFrom(0, 0.3, 0.5, 1),
    reviseTopk: fc.constantFrom(undefined, 0.3, 0.7, 1),
    saysMask: fc.boolean(),
  })
  .map(({ seed, blockLength, blocks, stepsPerBlock, draft, saysMask, ...rest }) => {
    const genLength = blockLength * blocks;
    const steps = stepsPerBlock * blocks;
    return { seed, saysMask, options: { ...rest, genLength, blockLength, steps, draft: draft.slice(0, genLength) } };
  });

/** What holds after every step, whatever the model says. */
function checkStep(step: DecodeStep, before: number[], options: DecodeOptions): void {
  const { rows, masked } = step.query;
  const positions = rows.map((row) => row - P);
  expect(positions).toEqual([...new Set(positions)].sort((a, b) => a - b));
  expect(masked).toEqual(positions.map((position) => before[position] === M));
  expect(positions.every((position) => position >= 0 && position < options.genLength)).toBe(true);

  // Filled: the surest of the masks asked for, as many as there are up to the quota.
  const candidates = positions.filter((position) => before[position] === M);
  expect(step.filled.length).toBe(Math.min(step.quota, candidates.length));
  const sure = (position: number) => step.confidence[position] as number;
  const left = candidates.filter((position) => !step.filled.includes(position)).map(sure);
  expect(step.filled.every((position) => candidates.includes(position))).toBe(true);
  expect(Math.max(...left)).toBeLessThanOrEqual(Math.min(...step.filled.map(sure)));

  // Tokens: those before, with what was filled and revised.
  const after = [...before];
  for (const position of step.filled) after[position] = step.guess.tokens[positions.indexOf(position)] as number;
  for (const { position, from, to } of step.revised) {
    expect(before[position]).toBe(from);
    expect(from).not.toBe(M);
    expect(to).not.toBe(from);
    expect(step.rewritten).toContain(position);
    after[position] = to;
  }
  expect([...step.tokens]).toEqual(after);
  expect(step.confidence.filter((value) => !Number.isNaN(value))).toHaveLength(rows.length);
}

test("whatever a model says: ends in bounded time, keeps the suffix, tells the truth in every step", () => {
  const seen = { stopped: 0, masksLeft: 0 };
  fc.assert(
    fc.property(setups, ({ seed, saysMask, options: given }) => {
      const options = decodeOptions(given);
      const { result, steps, canvas } = run(given, pseudoRandom(seed, saysMask ? M : 1));
      expect(result.steps).toBe(steps.length);
      expect(steps.map(({ step }) => step)).toEqual(steps.map((_, i) => i));

      let before = [...options.draft, ...new Array<number>(options.genLength - options.draft.length).fill(M)];
      for (const step of steps) {
        checkStep(step, before, options);
        before = [...step.tokens];
      }
      expect([...canvas.suffix()]).toEqual(options.suffix);
      expect([...canvas.ids.subarray(0, P)]).toEqual([M, M, M, M]);

      // The answer ends before the first stop there is now.
      const ends = options.stop
        .map((s) => before.findIndex((_, i) => s.every((id, j) => before[i + j] === id)))
        .filter((at) => at >= 0);
      const end = steps.length === 0 || ends.length === 0 ? options.genLength : Math.min(...ends);
      expect(result.stopped).toBe(end < options.genLength);
      expect(result.tokens).toEqual([...before.slice(0, end), ...options.suffix]);
      const masks = before.slice(0, end).filter((id) => id === M).length;
      if (!saysMask) expect(masks).toBe(0);

      if (result.stopped) seen.stopped++;
      if (masks > 0) seen.masksLeft++;
    }),
    { numRuns: 800, seed: 7 },
  );
  // The cases that matter did occur.
  expect(seen.stopped).toBeGreaterThan(150);
  expect(seen.masksLeft).toBeGreaterThan(50);
});

test("stops that revisions take back: every mask before the last one is filled, by extra steps where need be", () => {
  const setup = fc.record({
    seed: fc.integer(),
    blockLength: fc.constantFrom(6, 12),
    stepsPerBlock: fc.integer({ min: 1, max: 6 }),
    reviseTopk: fc.constantFrom(undefined, 0.3),
  });
  let extra = 0;
  fc.assert(
    fc.property(setup, ({ seed, blockLength, stepsPerBlock, reviseTopk }) => {
      const steps = (12 / blockLength) * stepsPerBlock;
      const given = { genLength: 12, blockLength, steps, revise: true, stop: [[1]], ...(reviseTopk && { reviseTopk }) };
      const { result } = run(given, pseudoRandom(seed, 1));
      expect(result.tokens).not.toContain(M);
      expect(result.tokens).not.toContain(1);
      if (result.steps > steps) extra++;
    }),
    { numRuns: 1000, seed: 7 },
  );
  expect(extra).toBeGreaterThan(5);
});

test("without a stop and masks said: blocks left to right, quotas of the schedule, revisions in their window", () => {
  fc.assert(
    fc.property(setups, ({ seed, options: given }) => {
      const options = decodeOptions({ ...given, stop: [] });
      const { steps } = run(options, pseudoRandom(seed, 1));
      const perBlock = options.steps / (options.genLength / options.blockLength);
      let before = [...options.draft, ...new Array<number>(options.genLength - options.draft.length).fill(M)];
      let expected: { block: number; i: number; quota: number }[] = [];
      for (let block = 0; block * options.blockLength < options.genLength; block++) {
        const masks = before
          .slice(block * options.blockLength, (block + 1) * options.blockLength)
          .filter((id) => id === M).length;
        const quotas = transferSchedule(masks, perBlock).filter((quota) => quota > 0);
        expected = [...expected, ...quotas.map((quota, i) => ({ block, i, quota }))];
      }
      expect(steps.map(({ block, quota }) => ({ block, quota }))).toEqual(
        expected.map(({ block, quota }) => ({ block, quota })),
      );
      for (const [n, step] of steps.entries()) {
        const { block, i } = expected[n] as { block: number; i: number };
        const inBlock = (position: number) => Math.floor(position / options.blockLength) === block;
        expect(step.filled.every(inBlock)).toBe(true);
        expect(step.rewritten.every(inBlock)).toBe(true);
        const written = [...before.keys()].filter((position) => inBlock(position) && before[position] !== M).length;
        const revising = options.revise && i >= perBlock - Math.ceil(perBlock * options.reviseStart);
        const share = options.reviseTopk === undefined ? written : reviseCount(written, options.reviseTopk);
        expect(step.rewritten.length).toBe(revising ? share : 0);
        before = [...step.tokens];
      }
    }),
    { numRuns: 500 },
  );
});

describe("compat and the default path give the same tokens where no quirk bites", () => {
  const same = (given: Partial<DecodeOptions>, model: MadeUp, promptLength = P): void => {
    const compat = run({ ...given, compat: true }, model, promptLength);
    const fast = run(given, model, promptLength);
    expect(fast.result).toEqual(compat.result);
    expect(fast.steps.length).toBe(compat.steps.length);
  };

  test("without stop sequences, also when the model says masks and revises", () => {
    fc.assert(
      fc.property(setups, ({ seed, saysMask, options }) => {
        const given = { ...options, stop: [] };
        same(given, pseudoRandom(seed, saysMask ? M : 1));
        const [compat, fast] = [true, false].map((on) =>
          run({ ...given, compat: on }, pseudoRandom(seed, saysMask ? M : 1)),
        );
        expect(fast?.steps.map(({ tokens }) => [...tokens])).toEqual(compat?.steps.map(({ tokens }) => [...tokens]));
      }),
      { numRuns: 500 },
    );
  });

  test("with one stop sequence, without revision, draft and masks said", () => {
    let stopped = 0;
    fc.assert(
      fc.property(setups, ({ seed, options }) => {
        const given = { ...options, stop: options.stop.slice(0, 1), revise: false, draft: [] };
        // Room for overflowing top-k in the prompt: what it overwrites there matters no more.
        same(given, pseudoRandom(seed, 1), 20);
        if (run(given, pseudoRandom(seed, 1), 20).result.stopped) stopped++;
      }),
      { numRuns: 500, seed: 3 },
    );
    expect(stopped).toBeGreaterThan(50);
  });
});
