import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Canvas } from "./canvas.js";
import { currentStop, originalStop } from "./stop.js";

const M = 9;
const P = 2;
const canvasOf = (answer: number[]) =>
  new Canvas(P, { genLength: answer.length, draft: answer, suffix: [], maskId: M });

describe("the current stop", () => {
  test("is unknown before the first look, then moves with what is written", () => {
    const canvas = canvasOf([1, M, 5, M, 5]);
    const stop = currentStop(canvas, [[5]]);
    expect(stop.position).toBeUndefined();
    stop.look();
    expect([stop.position, stop.lost]).toEqual([P + 2, false]);
    canvas.write(P + 1, 5);
    stop.look();
    expect([stop.position, stop.lost]).toEqual([P + 1, false]);
    canvas.write(P + 1, 1);
    stop.look(); // to the right
    expect([stop.position, stop.lost]).toEqual([P + 2, true]);
    canvas.write(P + 1, 5);
    stop.look(); // back again: it has been lost nevertheless
    expect([stop.position, stop.lost]).toEqual([P + 1, true]);
  });

  test("may vanish", () => {
    const canvas = canvasOf([5, 6]);
    const stop = currentStop(canvas, [[5, 6]]);
    stop.look();
    canvas.write(P + 1, 1);
    stop.look();
    expect([stop.position, stop.lost]).toEqual([undefined, true]);
  });
});

describe("the original stop", () => {
  test("never moves right nor vanishes", () => {
    const canvas = canvasOf([1, 5, 5]);
    const stop = originalStop(canvas, [[5]]);
    stop.look();
    canvas.write(P + 1, 1);
    stop.look();
    expect(stop.position).toBe(P + 1);
    canvas.write(P + 2, 1);
    stop.look();
    expect([stop.position, stop.lost]).toEqual([P + 1, false]);
    canvas.write(P, 5);
    stop.look();
    expect(stop.position).toBe(P);
  });

  test("once there is one, only the first sequence of the list is looked for", () => {
    const canvas = canvasOf([M, M, 5, M]);
    const stop = originalStop(canvas, [[4], [5]]);
    stop.look();
    expect(stop.position).toBe(P + 2);
    canvas.write(P + 1, 5);
    stop.look(); // missed: 5 is second in the list
    expect(stop.position).toBe(P + 2);
    canvas.write(P, 4);
    stop.look();
    expect(stop.position).toBe(P);
  });
});

/** A history of writes, and what to look for. */
const token = fc.integer({ min: 0, max: 3 });
const history = fc.record({
  answer: fc.array(token, { minLength: 6, maxLength: 6 }),
  sequences: fc.array(fc.array(token, { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 3 }),
  writes: fc.array(fc.tuple(fc.nat(5), token), { maxLength: 12 }),
});

const firstOf = (answer: readonly number[], sequence: readonly number[]): number | undefined => {
  const at = answer.findIndex((_, i) => sequence.every((id, j) => answer[i + j] === id));
  return at < 0 ? undefined : at;
};

test("both agree with naive ones over random histories", () => {
  let lost = 0;
  let different = 0;
  fc.assert(
    fc.property(history, ({ answer, sequences, writes }) => {
      const canvas = canvasOf(answer);
      const current = currentStop(canvas, sequences);
      const original = originalStop(canvas, sequences);
      let expected: number | undefined;
      let everLost = false;
      let fixed: number | undefined;
      for (const [position, id] of [[0, answer[0] as number] as const, ...writes]) {
        canvas.write(P + position, id);
        current.look();
        original.look();

        const now = [...canvas.answer()];
        const found = sequences.map((sequence) => firstOf(now, sequence)).filter((at) => at !== undefined);
        const first = found.length === 0 ? undefined : Math.min(...found);
        if (expected !== undefined && (first === undefined || first > expected)) everLost = true;
        expected = first;
        expect(current.position).toBe(first === undefined ? undefined : first + P);
        expect(current.lost).toBe(everLost);

        // The reference: strings in order, until one has been found at some time.
        for (const sequence of sequences) {
          const at = firstOf(now, sequence);
          if (at !== undefined && at < (fixed ?? Number.POSITIVE_INFINITY)) fixed = at;
          if (fixed !== undefined) break;
        }
        expect(original.position).toBe(fixed === undefined ? undefined : fixed + P);
        if (original.position !== current.position) different++;
      }
      if (everLost) lost++;
    }),
    { numRuns: 500, seed: 1 },
  );
  expect(lost).toBeGreaterThan(50);
  expect(different).toBeGreaterThan(50);
});
