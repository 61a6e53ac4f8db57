/** The loop with made-up models: no tensors, no weights. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { DecodeStep, Query } from "./decode-step.js";
import { counting, leftToRight, M, type MadeUp, P, type Run, rightToLeft, run } from "./testing/made-up-model.js";

describe("filling", () => {
  test("one token a step, the surest first", () => {
    const { result, steps } = run({ genLength: 4 }, rightToLeft);
    expect(result).toEqual({ tokens: [1, 2, 3, 4], steps: 4, stopped: false });
    expect(steps.map(({ filled }) => filled)).toEqual([[3], [2], [1], [0]]);
    expect(steps.map(({ step, quota }) => [step, quota])).toEqual([
      [0, 1],
      [1, 1],
      [2, 1],
      [3, 1],
    ]);
    expect([...(steps[1] as DecodeStep).tokens]).toEqual([M, M, 3, 4]);
    expect([...(steps[1] as DecodeStep).confidence]).toEqual([0.004, 0.005, 0.006, Number.NaN]);
  });

  test("quotas follow the schedule of each block, blocks go left to right", () => {
    const { steps } = run({ genLength: 10, blockLength: 5, steps: 6 }, rightToLeft);
    expect(steps.map(({ block, quota, filled }) => [block, quota, filled])).toEqual([
      [0, 2, [4, 3]],
      [0, 2, [2, 1]],
      [0, 1, [0]],
      [1, 2, [9, 8]],
      [1, 2, [7, 6]],
      [1, 1, [5]],
    ]);
  });

  test("a block with more steps than masks ends early", () => {
    const { result, steps } = run({ genLength: 6, blockLength: 3, steps: 10 }, leftToRight);
    expect(result).toEqual({ tokens: counting(6), steps: 6, stopped: false });
    expect(steps.map(({ step, block }) => [step, block])).toEqual([
      [0, 0],
      [1, 0],
      [2, 0],
      [3, 1],
      [4, 1],
      [5, 1],
    ]);
  });

  test("asks for masks only, unless compat, which asks for every position", () => {
    const asked = (compat: boolean) =>
      run({ genLength: 3, suffix: [8], compat }, leftToRight).steps.map(({ query }) => query.positions);
    expect(asked(false)).toEqual([[P, P + 1, P + 2], [P + 1, P + 2], [P + 2]]);
    expect(asked(true)).toEqual(Array.from({ length: 3 }, () => [0, 1, 2, 3, 4, 5, 6, 7]));
  });

  test("a draft counts as written, masks within it are filled, and a suffix is kept", () => {
    const { result, steps } = run({ genLength: 5, steps: 5, draft: [31, M, 33], suffix: [8, 9] }, leftToRight);
    expect(result).toEqual({ tokens: [31, 2, 33, 4, 5, 8, 9], steps: 3, stopped: false });
    expect(steps.map(({ filled }) => filled)).toEqual([[1], [3], [4]]);
  });

  test("a draft without masks needs no step", () => {
    expect(run({ genLength: 2, draft: [5, 6], revise: true }, leftToRight).result).toEqual({
      tokens: [5, 6],
      steps: 0,
      stopped: false,
    });
  });

  test("a model that says the mask leaves a mask, which a later block may fill", () => {
    const shy: MadeUp = (position, canvas, pass) =>
      position === P && pass < 3 ? { token: M, confidence: 1 } : leftToRight(position, canvas, pass);
    // The first two steps are spent on position 0; position 0 is filled in the second block instead of position 3.
    const { result, steps } = run({ genLength: 4, blockLength: 2 }, shy);
    expect(steps.map(({ filled }) => filled)).toEqual([[0], [0], [0], [0]]);
    expect(result.tokens).toEqual([1, M, M, M]);
    expect(run({ genLength: 2 }, () => ({ token: M, confidence: 0.5 })).result.tokens).toEqual([M, M]);
  });
});

describe("revision", () => {
  /** Says the pass, so that one sees when a token was written. */
  const clock: MadeUp = (position, _, pass) => ({ token: 100 + pass, confidence: 1 - position / 1000 });
  const last = ({ steps }: Run): number[] => [...(steps.at(-1) as DecodeStep).tokens];

  test("rewrites what was written before this step, not what this step fills", () => {
    const ran = run({ genLength: 4, steps: 2, revise: true }, clock);
    expect(ran.steps.map(({ filled, rewritten }) => [filled, rewritten])).toEqual([
      [[0, 1], []],
      [
        [2, 3],
        [0, 1],
      ],
    ]);
    expect(ran.steps[1]?.revised).toEqual([
      { position: 0, from: 100, to: 101 },
      { position: 1, from: 100, to: 101 },
    ]);
    expect(last(ran)).toEqual([101, 101, 101, 101]);
  });

  test("leaves out of `revised` what stays the same", () => {
    const { steps } = run({ genLength: 3, revise: true }, leftToRight);
    expect(steps.map(({ rewritten }) => rewritten)).toEqual([[], [0], [0, 1]]);
    expect(steps.flatMap(({ revised }) => revised)).toEqual([]);
  });

  test("does not reach into other blocks", () => {
    const ran = run({ genLength: 4, blockLength: 2, revise: true }, clock);
    expect(ran.steps.map(({ rewritten }) => rewritten)).toEqual([[], [0], [], [2]]);
    expect(last(ran)).toEqual([101, 101, 103, 103]);
  });

  test("happens in the last share of a block's steps: from step T - ceil(T share)", () => {
    const revising = (reviseStart: number, blocks = 1) =>
      run({ genLength: 5 * blocks, blockLength: 5, revise: true, reviseStart }, clock)
        .steps.filter(({ rewritten }) => rewritten.length > 0)
        .map(({ step }) => step);
    expect(revising(1)).toEqual([1, 2, 3, 4]); // at step 0 nothing is written yet
    expect(revising(0.5)).toEqual([2, 3, 4]);
    expect(revising(0.4)).toEqual([3, 4]);
    expect(revising(0.1)).toEqual([4]);
    expect(revising(0)).toEqual([]);
    expect(revising(0.2, 2)).toEqual([4, 9]);
  });

  test("revise_topk takes the surest of the new predictions, floor(n f) of them", () => {
    const sureOfThree: MadeUp = (position, _, pass) => ({
      token: 100 + pass,
      confidence: position === P + 3 ? 0.999 : 0.5 - position / 1000,
    });
    const rewritten = (reviseTopk: number, model = sureOfThree) =>
      run({ genLength: 8, steps: 8, revise: true, reviseTopk, draft: [1, 2, 3, 4] }, model).steps.map(
        (s) => s.rewritten,
      );
    expect(rewritten(0.5)).toEqual([
      [3, 0],
      [3, 0],
      [3, 0, 1],
      [3, 0, 1],
    ]);
    expect(rewritten(0.2)).toEqual([[], [3], [3], [3]]);
    expect(rewritten(1).at(0)).toEqual([0, 1, 2, 3]);
    expect(rewritten(0).at(0)).toEqual([0, 1, 2, 3]); // "not set"
  });

  test("asks for written rows exactly when it revises", () => {
    const ran = run({ genLength: 4, revise: true, reviseStart: 0.5 }, clock);
    expect(ran.steps.map(({ query }) => query.positions.map((position) => position - P))).toEqual([
      [0, 1, 2, 3],
      [1, 2, 3],
      [0, 1, 2, 3],
      [0, 1, 2, 3],
    ]);
    expect(ran.steps[2]?.query.masked).toEqual([false, false, true, true]);
  });

  test("may turn a token into a mask again", () => {
    const undecided: MadeUp = (position, _, pass) => ({
      token: pass === 1 && position === P ? M : 7,
      confidence: 1 - position / 1000,
    });
    const { result, steps } = run({ genLength: 3, revise: true }, undecided);
    expect(steps[1]?.revised).toEqual([{ position: 0, from: 7, to: M }]);
    expect(result.tokens).toEqual([7, 7, M]); // the last step's one token went to position 0
  });
});

describe("a stop", () => {
  const E = 50;
  test("ends the answer once all before it is written; nothing behind it is filled any more", () => {
    const model: MadeUp = (position) =>
      position === P + 3 ? { token: E, confidence: 1 } : { token: position, confidence: 0.5 - position / 1000 };
    const { result, steps } = run({ genLength: 8, stop: [[E]] }, model);
    expect(result).toEqual({ tokens: [P, P + 1, P + 2], steps: 4, stopped: true });
    expect(steps.map(({ filled }) => filled)).toEqual([[3], [0], [1], [2]]);
    expect(steps.at(-1)?.query.positions).toEqual([P + 2]);
  });

  test("ends later blocks too, and the suffix follows it", () => {
    const model: MadeUp = (position) => ({ token: position === P + 1 ? E : position, confidence: 1 - position / 1000 });
    const { result } = run({ genLength: 8, blockLength: 4, stop: [[E]], suffix: [9] }, model);
    expect(result).toEqual({ tokens: [P, 9], steps: 2, stopped: true });
  });

  test("before a block ends everything, even where the model left a mask", () => {
    const model: MadeUp = (position) => ({
      token: position === P ? M : position === P + 1 ? E : 1,
      confidence: position / 1000,
    });
    const given = { genLength: 6, blockLength: 2, stop: [[E]] };
    for (const compat of [false, true])
      expect(run({ ...given, compat }, model).result).toEqual({ tokens: [M], steps: 2, stopped: true });
  });

  test("leaves what is behind it out of revise_topk", () => {
    const model: MadeUp = (position) => ({ token: position === P + 3 ? E : 1, confidence: position / 1000 });
    const given = { genLength: 6, steps: 6, stop: [[E]], revise: true, reviseTopk: 0.5 };
    const { steps } = run(given, model);
    expect(steps.map(({ filled, rewritten }) => [filled, rewritten])).toEqual([
      [[5], []],
      [[4], []],
      [[3], [5]], // the stop is not known yet
      [[2], []], // of three written ones, one might be rewritten, but all are at the stop or behind it
      [[1], [2]],
      [[0], [1, 2]],
    ]);
  });

  test("of several tokens, over two steps", () => {
    const model: MadeUp = (position) => ({
      token: position === P + 1 ? E : position === P + 2 ? E + 1 : 1,
      confidence: 1 - position / 1000,
    });
    expect(run({ genLength: 6, stop: [[E, E + 1]] }, model).result).toEqual({ tokens: [1], steps: 3, stopped: true });
  });

  test("several sequences: the earliest counts, also when it is not the first of the list", () => {
    const model: MadeUp = (position) =>
      position === P + 5
        ? { token: 7, confidence: 1 }
        : { token: position === P + 2 ? 8 : 1, confidence: 1 - position / 1000 };
    const given = { genLength: 8, stop: [[7], [8]] };
    expect(run(given, model).result).toEqual({ tokens: [1, 1], steps: 4, stopped: true });
    // The reference goes on looking for the first sequence alone.
    expect(run({ ...given, compat: true }, model).result.tokens).toEqual([1, 1, 8, 1, 1]);
  });

  test("rewritten by a revision: what is behind it is filled after all, with extra steps", () => {
    // Pass 0 writes the stop at position 2, the last of four passes takes it back.
    const model: MadeUp = (position, _, pass) =>
      position === P + 2 ? { token: pass < 3 ? E : 1, confidence: 1 } : { token: 1, confidence: 0.5 - position / 1000 };
    const given = { genLength: 12, steps: 4, stop: [[E]], revise: true, draft: [M, M, E] };
    const { result, steps } = run({ ...given, draft: [], genLength: 4 }, model);
    expect(result).toEqual({ tokens: [1, 1], steps: 3, stopped: true });

    const late: MadeUp = (position, canvas, pass) =>
      position === P + 1 && pass < 3 ? { token: M, confidence: 0.9 } : model(position, canvas, pass);
    const ran = run({ genLength: 6, steps: 4, stop: [[E]], revise: true }, late);
    expect(ran.result).toEqual({ tokens: [1, 1, 1, 1, 1, 1], steps: 6, stopped: false });
    expect(ran.steps.at(-1)?.step).toBe(5);
    expect(steps.length).toBe(3);
  });

  test("rewritten in compat: the recorded place stays", () => {
    const model: MadeUp = (position, _, pass) =>
      position === P + 2
        ? { token: pass === 0 ? E : 1, confidence: 1 }
        : { token: 1, confidence: 0.5 - position / 1000 };
    const given = { genLength: 6, stop: [[E]], revise: true };
    expect(run({ ...given, compat: true }, model).result).toEqual({ tokens: [1, 1], steps: 3, stopped: true });
    expect(run(given, model).result).toEqual({ tokens: [1, 1, 1, 1, 1, 1], steps: 6, stopped: false });
  });

  test("within a draft, in a later block: every mask before it is filled, block by block", () => {
    const draft = [M, M, M, M, M, 6, E, 9];
    const given = { genLength: 8, blockLength: 4, steps: 8, stop: [[E]], draft };
    const { result, steps } = run(given, rightToLeft);
    expect(result).toEqual({ tokens: [1, 2, 3, 4, 5, 6], steps: 5, stopped: true });
    expect(steps.map(({ filled }) => filled)).toEqual([[3], [2], [1], [0], [4]]);
    // The reference fills from the right over both blocks, and leaves one for good.
    expect(run({ ...given, compat: true }, rightToLeft).result.tokens).toEqual([M, 2, 3, 4, 5, 6]);
  });
});

test("the positions asked for are not touched by what the caller does with a step", () => {
  // A step keeps its own copy of the answer: the next step must not change it.
  const { steps } = run({ genLength: 4 }, leftToRight);
  const queries: Query[] = steps.map(({ query }) => query);
  expect(queries.map(({ positions }) => positions.length)).toEqual([4, 3, 2, 1]);
  expect(steps.map(({ tokens }) => [...tokens].filter((id) => id === M).length)).toEqual([3, 2, 1, 0]);
});

/** A model that has its mind made up per position and pass, and never says the mask. */
const decided: fc.Arbitrary<MadeUp> = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.double({ min: 0, max: 0.99, noNaN: true })), {
    minLength: 32,
    maxLength: 32,
  })
  .map(
    (said): MadeUp =>
      (position, _, pass) => {
        const [token, confidence] = said[(position * 7 + pass * 5) % 32] as [number, number];
        return { token, confidence };
      },
  );
const shape = fc
  .record({ blockLength: fc.integer({ min: 1, max: 6 }), blocks: fc.integer({ min: 1, max: 3 }), revise: fc.boolean() })
  .map(({ blockLength, blocks, revise }) => ({ genLength: blockLength * blocks, blockLength, revise }));

describe("threshold", () => {
  const by =
    (values: number[]): MadeUp =>
    (position) => ({ token: position, confidence: values[position - P] as number });

  test("a step fills all masks of the block that are sure enough, at least the surest", () => {
    const ran = run({ genLength: 6, blockLength: 3, threshold: 0.8 }, by([0.8, 0.1, 0.9, 0.3, 0.79, 0.2]));
    expect(ran.steps.map(({ block, filled }) => [block, filled])).toEqual([
      [0, [2, 0]],
      [0, [1]],
      [1, [4]],
      [1, [3]],
      [1, [5]],
    ]);
    expect(ran.result).toMatchObject({ steps: 5, stopped: false });
  });

  test("0 fills a block at once", () => {
    expect(run({ genLength: 6, blockLength: 3, threshold: 0 }, leftToRight).result).toMatchObject({ steps: 2 });
  });

  test("ends at a stop, and its masks are those before it", () => {
    const model: MadeUp = (position) => ({
      token: position === P + 3 ? 50 : position,
      confidence: position === P + 3 ? 0.9 : 0.5,
    });
    const { result, steps } = run({ genLength: 8, stop: [[50]], threshold: 0.9 }, model);
    expect(result).toEqual({ tokens: [P, P + 1, P + 2], steps: 4, stopped: true });
    expect(steps[0]?.filled).toEqual([3]);
  });

  test("that is never reached is one token per step", () => {
    fc.assert(
      fc.property(decided, shape, (model, given) => {
        const plain = run({ ...given, stop: [[5]] }, model);
        const careful = run({ ...given, stop: [[5]], threshold: 1 }, model);
        expect(careful.result).toEqual(plain.result);
        expect(careful.steps).toEqual(plain.steps);
      }),
      { numRuns: 300 },
    );
  });

  test("what is filled is sure enough, what is left is not, and nothing stays a mask", () => {
    fc.assert(
      fc.property(decided, shape, fc.double({ min: 0, max: 1, noNaN: true }), (model, given, threshold) => {
        const { result, steps } = run({ ...given, threshold }, model);
        expect(result.tokens).not.toContain(M);
        expect(result.steps).toBeLessThanOrEqual(given.genLength);
        for (const { filled, query, guess, block } of steps) {
          const sure = query.positions.flatMap((position, i) =>
            query.masked[i] && (guess.confidence[i] as number) >= threshold ? [position - P] : [],
          );
          expect(filled.length).toBe(Math.max(1, sure.length));
          for (const position of sure) expect(filled).toContain(position);
          for (const position of filled) expect(Math.floor(position / given.blockLength)).toBe(block);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("fixed positions", () => {
  test("are neither rewritten nor asked for", () => {
    const draft = [11, M, 13, 14];
    const { result, steps } = run({ genLength: 5, draft, fixed: [0, 2], revise: true }, leftToRight);
    expect(result.tokens).toEqual([11, 2, 13, 4, 5]);
    expect(steps.map(({ rewritten }) => rewritten)).toEqual([[3], [1, 3]]);
    expect(steps.flatMap(({ query }) => query.positions)).not.toContain(P);
    expect(steps[0]?.revised).toEqual([{ position: 3, from: 14, to: 4 }]);
  });

  test("keep their tokens, whatever a model says and however it is decoded", () => {
    const cell = fc.record({ id: fc.integer({ min: 0, max: 60 }), fixed: fc.boolean() });
    const rest = fc.record({
      threshold: fc.option(fc.constantFrom(0, 0.5, 1), { nil: undefined }),
      reviseTopk: fc.option(fc.constantFrom(0.3, 1), { nil: undefined }),
      stop: fc.constantFrom([], [[5]], [[5, 6]]),
    });
    fc.assert(
      fc.property(
        decided,
        shape,
        fc.array(cell, { minLength: 18, maxLength: 18 }),
        rest,
        (model, given, cells, more) => {
          const draft = cells.slice(0, given.genLength).map(({ id }) => id);
          const fixed = [...draft.keys()].filter((i) => cells[i]?.fixed && draft[i] !== M);
          const { canvas, steps } = run({ ...given, ...more, draft, fixed }, model);
          for (const tokens of [...steps.map((step) => step.tokens), canvas.answer()])
            expect(fixed.map((i) => tokens[i])).toEqual(fixed.map((i) => draft[i]));
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe("revising in the steps that are left", () => {
  const E = 50;
  /** Ends behind two words, and comes closer to 9 with every pass. */
  const slow: MadeUp = (position, _, pass) => ({
    token: position === P + 2 ? E : Math.min(9, pass + 1),
    confidence: position === P + 2 ? 0.9 : 0.5,
  });
  const given = { genLength: 12, steps: 6, stop: [[E]], revise: true };

  test("goes on until nothing changes, within the steps that there are", () => {
    expect(run(given, slow).result).toMatchObject({ tokens: [2, 2], steps: 2, stopped: true });
    const rest = run({ ...given, reviseRest: true }, slow);
    expect(rest.result).toMatchObject({ tokens: [6, 6], steps: 6, stopped: true });
    expect(rest.steps.slice(2).map(({ filled, quota }) => [filled, quota])).toEqual(Array(4).fill([[], 0]));
    // What lies behind the end is not asked for, nor is the end.
    expect(rest.steps.at(-1)?.query.positions).toEqual([P, P + 1]);
    const long = run({ ...given, genLength: 60, steps: 30, reviseRest: true }, slow);
    expect(long.result.tokens).toEqual([9, 9]);
    expect(long.steps.at(-1)?.revised).toEqual([]);
    expect(long.result.steps).toBeLessThan(14);
  });

  test("needs revising, steps that are left, and something that was written", () => {
    expect(run({ ...given, revise: false, reviseRest: true }, slow).result.steps).toBe(2);
    expect(run({ genLength: 4, revise: true, reviseRest: true }, leftToRight).result.steps).toBe(4);
    expect(run({ genLength: 2, draft: [5, 6], revise: true, reviseRest: true }, leftToRight).result.steps).toBe(0);
  });

  test("follows an end that comes nearer", () => {
    const nearer: MadeUp = (position, canvas, pass) =>
      pass >= 3 && position === P + 1 ? { token: E, confidence: 1 } : slow(position, canvas, pass);
    const { result } = run({ ...given, reviseRest: true }, nearer);
    expect(result).toMatchObject({ tokens: [6], stopped: true });
  });
});
