/** Indexing against Python's rules, written out element by element. */
import fc from "fast-check";
import { describe, expect } from "vitest";
import { arange, scope, type Tensor, tensor } from "../index.js";
import { test } from "../testing/test.js";

const table = () => scope(() => arange(0, 24).view([2, 3, 4]));

describe("at", () => {
  test.for([
    ["a place", (x: Tensor) => x.at(1), [3, 4], 12],
    ["from the end", (x: Tensor) => x.at(-1, -1, -1), [], 23],
    ["a range", (x: Tensor) => x.at(":", "1:"), [2, 2, 4], 4],
    ["a range from the end", (x: Tensor) => x.at(0, ":-1"), [2, 4], 0],
    ["steps", (x: Tensor) => x.at("...", "1::2"), [2, 3, 2], 1],
    ["a new dimension", (x: Tensor) => x.at(null, 0, null), [1, 1, 3, 4], 0],
    ["dots in the middle", (x: Tensor) => x.at(1, "...", 2), [3], 14],
    ["dots for nothing", (x: Tensor) => x.at(1, 2, 3, "..."), [], 23],
    ["a list", (x: Tensor) => x.at(":", [2, 0, -1]), [2, 3, 4], 8],
    ["two lists pick pairs", (x: Tensor) => x.at([0, 1], [2, 0]), [2, 4], 8],
  ] as const)("%s", ([, part, shape, first]) => {
    using x = table();
    using found = part(x);
    expect(found.shape).toEqual(shape);
    expect(found.toNumbers()[0]).toBe(first);
  });

  test("a bool tensor picks where it is true", () => {
    scope(() => {
      const x = table();
      expect(x.at(x.remainder(10).eq(3)).toNumbers()).toEqual([3, 13, 23]);
      expect(x.at(tensor([false, true])).shape).toEqual([1, 3, 4]);
    });
  });

  test("numbers and ranges share memory, lists do not", () => {
    scope(() => {
      const x = table();
      x.at(0, ":", 1).fill_(100);
      expect(x.at(0).toArray()).toEqual([
        [0, 100, 2, 3],
        [4, 100, 6, 7],
        [8, 100, 10, 11],
      ]);
      x.at([0]).fill_(-1);
      expect(x.amin().item()).toBe(1 - 1);
    });
  });

  test.for([
    [(x: Tensor) => x.at(2), /place 2 of dimension 0, which has 2/],
    [(x: Tensor) => x.at(0, [1, 3]), /place 3 of dimension 0, which has 3/],
    [(x: Tensor) => x.at(0.5), /0.5 is no place/],
    [(x: Tensor) => x.at(0, 0, 0, 0), /4 indices for a tensor of shape \[2, 3, 4\]/],
    [(x: Tensor) => x.at("...", 0, "..."), /may stand once/],
    [(x: Tensor) => x.at("a:b"), /"a:b" is no range/],
    [(x: Tensor) => x.at("::-1"), /steps of -1; backwards goes flip/],
  ] as const)("mistakes are told: %#", ([part, message]) => {
    using x = table();
    expect(() => part(x)).toThrow(message);
  });

  test("ranges are those of arrays", () => {
    const end = fc.option(fc.integer({ min: -9, max: 9 }), { nil: undefined });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 7 }), end, end, fc.integer({ min: 1, max: 4 }), (size, from, to, step) => {
        const all = Array.from({ length: size }, (_, i) => i);
        const wanted = all.slice(from, to).filter((_, i) => i % step === 0);
        scope(() =>
          expect(
            arange(0, size)
              .at(`${from ?? ""}:${to ?? ""}:${step}`)
              .toNumbers(),
          ).toEqual(wanted),
        );
      }),
      { numRuns: 200 },
    );
  });
});

describe("setAt_", () => {
  test("writes numbers and tensors into views, lists and masks", () => {
    scope(() => {
      const x = tensor([
        [1, 2, 3],
        [4, 5, 6],
      ]);
      expect(x.setAt_([0], 0)).toBe(x);
      x.setAt_([":", "1:"], tensor([7, 8]));
      x.setAt_([[1], [0]], 9);
      expect(x.toArray()).toEqual([
        [0, 7, 8],
        [9, 7, 8],
      ]);
      x.setAt_([x.gt(7.5)], -1);
      expect(x.toNumbers()).toEqual([0, 7, -1, -1, 7, -1]);
    });
  });
});
