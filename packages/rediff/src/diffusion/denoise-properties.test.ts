/** What holds of every decoding, whatever the model says. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type DecodeOptions, decodeOptions } from "./decode-options.js";
import type { DecodeStep } from "./decode-step.js";
import { M, P, pseudoRandom, run, setups } from "./testing/made-up-model.js";
import { reviseCount, transferSchedule } from "./transfer-schedule.js";

/** What holds after every step, whatever the model says. */
function checkStep(step: DecodeStep, before: number[], options: DecodeOptions): void {
  const { positions: asked, masked } = step.query;
  const positions = asked.map((position) => position - P);
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
  expect(step.confidence.filter((value) => !Number.isNaN(value))).toHaveLength(asked.length);
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
      const options = decodeOptions({ ...given, stop: [], reviseRest: false });
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
