import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Canvas } from "./canvas.js";

const M = 99; // the mask
const make = (draft: number[] = [], suffix: number[] = []) => new Canvas(3, { genLength: 5, draft, suffix, maskId: M });

describe("layout", () => {
  test("prompt, answer, suffix; the prompt holds the mask's id but has no masks", () => {
    const canvas = make([7, M, 8], [4, 5]);
    expect([...canvas.ids]).toEqual([M, M, M, 7, M, 8, M, M, 4, 5]);
    expect([canvas.promptLength, canvas.answerEnd, canvas.length]).toEqual([3, 8, 10]);
    expect(canvas.masked(0, 10)).toEqual([4, 6, 7]);
    expect(canvas.written(3, 10)).toEqual([3, 5, 8, 9]);
    expect(canvas.isMasked(0)).toBe(false);
    expect([...canvas.answer()]).toEqual([7, M, 8, M, M]);
    expect([...canvas.suffix()]).toEqual([4, 5]);
  });

  test("hasMask looks at its range alone, end excluded", () => {
    const canvas = make([7, M, 8, 9, 6]);
    expect(canvas.hasMask(3, 4)).toBe(false);
    expect(canvas.hasMask(3, 5)).toBe(true);
    expect(canvas.hasMask(5, 8)).toBe(false);
    expect(canvas.hasMask(0, 3)).toBe(false);
  });

  test("answer() and suffix() are copies", () => {
    const canvas = make([7]);
    canvas.answer()[0] = 1;
    canvas.suffix().fill(1);
    expect(canvas.ids[3]).toBe(7);
  });
});

describe("writing", () => {
  test("a token unmasks, the mask's id masks", () => {
    const canvas = make();
    canvas.write(4, 12);
    expect(canvas.isMasked(4)).toBe(false);
    canvas.write(4, M);
    expect(canvas.isMasked(4)).toBe(true);
  });

  test("at first all positions after the prompt are to be embedded, then those written since", () => {
    const canvas = make([7], [4]);
    expect(canvas.takeWrites().map(({ position, id }) => [position, id])).toEqual([
      [3, 7],
      [4, M],
      [5, M],
      [6, M],
      [7, M],
      [8, 4],
    ]);
    expect(canvas.takeWrites()).toEqual([]);
    canvas.write(5, 1);
    canvas.write(4, 2);
    canvas.write(5, 3); // the last one counts, once
    expect(canvas.takeWrites()).toEqual([
      { position: 5, id: 3 },
      { position: 4, id: 2 },
    ]);
  });
});

describe("fixed positions", () => {
  const canvas = () => new Canvas(3, { genLength: 5, draft: [7, M, 8], suffix: [4], maskId: M, fixed: [2] });
  test("are written, but not to be replaced", () => {
    expect(canvas().written(3, 8)).toEqual([3, 5]);
    expect(canvas().revisable(3, 8)).toEqual([3]);
    expect([3, 4, 5].map((position) => canvas().isFixed(position))).toEqual([false, false, true]);
    expect(() => canvas().write(5, 1)).toThrow("position 5 is fixed");
  });

  test("cannot be masks", () => {
    const make = () => new Canvas(3, { genLength: 5, draft: [7, M], suffix: [], maskId: M, fixed: [1] });
    expect(make).toThrow("position 1 of the draft is fixed, but a mask");
  });
});

describe("find", () => {
  test("the first position of any sequence, in the answer only", () => {
    const canvas = make([1, 2, 1, 2, 3], [3, 9]);
    expect(canvas.find([[2]])).toBe(4);
    expect(canvas.find([[3], [2, 1], [1, 2, 3]])).toBe(4);
    expect(canvas.find([[1, 2, 3]])).toBe(5);
    expect(canvas.find([[3, 3]])).toBe(-1); // would reach into the suffix
    expect(canvas.find([[9]])).toBe(-1);
    expect(canvas.find([])).toBe(-1);
    expect(make().find([[M]])).toBe(3); // not in the prompt, which holds that id too
  });

  test("agrees with looking at every place", () => {
    const token = fc.integer({ min: 0, max: 2 });
    const sequences = fc.array(fc.array(token, { minLength: 1, maxLength: 3 }), { maxLength: 4 });
    fc.assert(
      fc.property(fc.array(token, { minLength: 5, maxLength: 5 }), sequences, (answer, wanted) => {
        const begins = (i: number) => wanted.some((w) => w.every((id, j) => answer[i + j] === id));
        const first = answer.findIndex((_, i) => begins(i));
        expect(make(answer).find(wanted)).toBe(first < 0 ? -1 : first + 3);
      }),
      { numRuns: 500 },
    );
  });
});
