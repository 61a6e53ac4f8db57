import { expect, test } from "vitest";
import type { CacheOptions } from "./cache/cache-options.js";
import { Canvas } from "./canvas.js";
import { decodeOptions } from "./decode-options.js";
import type { DecodeStep } from "./decode-step.js";
import { proofread } from "./proofread.js";

/** Every prediction is the token plus one, up to 9; as sure as given for its position. */
function run(
  draft: number[],
  fixed: number[],
  confidence: number[],
  threshold = 0,
  { keep, present = [], cache }: { keep?: number; present?: number[]; cache?: CacheOptions } = {},
) {
  const genLength = draft.length;
  const canvas = new Canvas(2, { genLength, draft, suffix: [7], maskId: 0, fixed });
  const steps: DecodeStep[] = [];
  const options = decodeOptions({ genLength, draft, ...(cache && { cache }) });
  const loop = proofread({ rounds: 3, threshold, keep })({ canvas, options, onStep: (step) => steps.push(step) });
  let next = loop.next();
  while (!next.done) {
    const { positions } = next.value;
    const tokens = positions.map((position) => Math.min(9, (canvas.ids[position] as number) + 1));
    const ofPositions = (values: readonly number[]) => positions.map((position) => values[position - 2] as number);
    next = loop.next({
      tokens,
      confidence: ofPositions(confidence),
      stale: cache !== undefined && steps.length > 0 && !next.value.full,
      ...(next.value.present !== undefined && { present: ofPositions(present) }),
    });
  }
  return { result: next.value, steps };
}

test("fixed positions are not asked for and stay; the others are where they belong", () => {
  const { result, steps } = run([1, 2, 8, 4], [0, 2], [0.9, 0.8, 0.7, 0.1], 0.5);
  expect(result).toEqual({ tokens: [1, 5, 8, 4, 7], steps: 3, stopped: false });
  expect(steps[0]?.query.positions).toEqual([3, 5]);
  expect([...(steps[0]?.confidence ?? [])]).toEqual([Number.NaN, 0.8, Number.NaN, 0.1]);
  expect(steps[0]).toMatchObject({ rewritten: [1], revised: [{ position: 1, from: 2, to: 3 }] });
});

test("what the model finds likely enough stays, whatever it would rather have there", () => {
  const { steps } = run([1, 2, 3], [], [0.9, 0.9, 0.9], 0.5, { keep: 0.05, present: [0.05, 0.049, 0] });
  expect(steps[0]?.query.present).toEqual([1, 2, 3]);
  expect(steps[0]?.rewritten).toEqual([1, 2]);
  expect(run([1, 2, 3], [], [0.9, 0.9, 0.9], 0.5).steps[0]?.query.present).toBeUndefined();
});

test("with everything fixed there is nothing to do", () => {
  expect(run([1, 2], [0, 1], [1, 1]).result).toEqual({ tokens: [1, 2, 7], steps: 0, stopped: false });
});

test("with a cache that is certified, the last of all rounds computes everything, and says whether it found nothing", () => {
  const cache = { kind: "refresh", every: 100, changed: 1, certify: true } as const;
  const fulls = (steps: readonly DecodeStep[]) => steps.map(({ query }) => query.full);
  // 7, 8, 9: the third round still changes something; 8, 9, 9: it does not.
  const [moving, settled] = [6, 7].map((first) => run([first], [], [1], 0, { cache }));
  expect(moving).toMatchObject({ result: { tokens: [9, 7], certified: false } });
  expect(settled).toMatchObject({ result: { tokens: [9, 7], certified: true } });
  expect(fulls(moving?.steps ?? [])).toEqual([false, false, true]);
  const unwanted = run([6], [], [1], 0, { cache: { ...cache, certify: false } });
  expect(fulls(unwanted.steps)).toEqual([false, false, false]);
});
