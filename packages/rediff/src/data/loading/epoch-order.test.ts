import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { countWords } from "../records/python-words.js";
import type { Lengths } from "../records/record-lengths.js";
import { mixSeed, type Permute, withPermutations } from "../records/seeded-random.js";
import { type BatchOptions, epochBatches } from "./epoch-batches.js";
import { lengthOrder, modalityLengthOrder } from "./epoch-order.js";

const reversed: Permute = (n) => Array.from({ length: n }, (_, i) => n - 1 - i);

describe("modalityLengthOrder", () => {
  test("by hand: groups of one kind, long to short, dealt to balance, the rest at the end in order", () => {
    //               0  1   2   3  4  5   6  7  8
    const lengths = [5, 9, -4, -2, 3, 7, -1, 8, 6];
    // With pictures 8 7 5 4 | 1 0, dealt to two chunks of two; without 6 3 2: no full group of four.
    const order = modalityLengthOrder(lengths, 2, 2, reversed);
    // 7 (8) | 5 (7), then 8 (6) to the smaller, then 4 (3).
    expect(order).toEqual([7, 4, 5, 8, 0, 1, 2, 3, 6]);
  });

  test("is a permutation, and all but the last group have one kind", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.integer({ min: 1, max: 50 }).chain((n) => fc.constantFrom(n, -n)),
          { minLength: 1, maxLength: 80 },
        ),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 4 }),
        fc.nat(1000),
        (lengths, batch, chunks, seed) => {
          const order = withPermutations(BigInt(seed), (permute) =>
            modalityLengthOrder(lengths, batch, chunks, permute),
          );
          expect([...order].sort((a, b) => a - b)).toEqual(lengths.map((_, i) => i));
          const group = batch * chunks;
          const seeing = lengths.filter((length) => length > 0).length;
          if (seeing === 0 || seeing === lengths.length) return;
          const groups = Math.ceil(seeing / group) - 1 + Math.ceil((lengths.length - seeing) / group) - 1;
          for (let i = 0; i < groups; i++) {
            const signs = order.slice(i * group, (i + 1) * group).map((index) => Math.sign(lengths[index]!));
            expect(new Set(signs).size).toBe(1);
          }
        },
      ),
    );
  });

  test("length 0 is a mistake of the caller", () => {
    expect(() => lengthOrder([3, 0], 1, 1, reversed)).toThrow(/sample 1 has length 0/);
  });
});

describe("epochBatches", () => {
  const options: BatchOptions = { order: "shuffle", batchSize: 3, seed: 42 };
  const lengths: Lengths = {
    words: Int32Array.from({ length: 100 }, (_, i) => (i % 3 === 0 ? -1 : 1) * (1 + (i % 17))),
    tokens: Uint32Array.from({ length: 100 }, (_, i) => 10 + ((i * 37) % 90)),
  };

  test("is a function of seed and epoch", () => {
    const order = (seed: number, epoch: number) => [...epochBatches({ ...options, seed }, 20, epoch).order];
    expect(order(42, 3)).toEqual(order(42, 3));
    expect(order(42, 3)).not.toEqual(order(42, 4));
    expect(order(42, 3)).not.toEqual(order(43, 3));
    // What is one number more in one place is not the same as in another.
    expect(mixSeed(1, 2)).not.toBe(mixSeed(2, 1));
    expect(mixSeed(0, 1)).not.toBe(mixSeed(1, 0));
  });

  test("cuts into batches; drop_last leaves out the one that is not full", () => {
    const all = epochBatches({ ...options, order: "sequential" }, 7, 0);
    expect([...all.order]).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect([...all.starts]).toEqual([0, 3, 6, 7]);
    const full = epochBatches({ ...options, dropLast: true }, 7, 0);
    expect([full.batches, ...full.starts]).toEqual([2, 0, 3, 6]);
    expect(() => epochBatches({ ...options, dropLast: true }, 2, 0)).toThrow(/2 records make no full micro-batch of 3/);
  });

  test.each(["modality_length", "shuffle", "sequential"] as const)("token budgets hold (%s)", (order) => {
    for (const [budget, batchSize] of [
      [200, 0],
      [200, 2],
      [50, 0],
    ] as const) {
      const {
        order: indices,
        starts,
        batches,
      } = epochBatches({ order, batchSize, tokenBudget: budget, seed: 1 }, 100, 0, lengths);
      expect([...indices].sort((a, b) => a - b)).toEqual([...lengths.words.keys()]);
      for (let i = 0; i < batches; i++) {
        const batch = [...indices.subarray(starts[i]!, starts[i + 1]!)];
        const longest = Math.max(...batch.map((index) => lengths.tokens[index]!));
        expect(batch.length === 1 || longest * batch.length <= budget).toBe(true);
        if (batchSize > 0) expect(batch.length).toBeLessThanOrEqual(batchSize);
        if (order === "modality_length")
          expect(new Set(batch.map((index) => Math.sign(lengths.words[index]!))).size).toBe(1);
      }
    }
  });

  test("a budget wastes less than fixed batches", () => {
    const waste = (plan: ReturnType<typeof epochBatches>) => {
      let [padded, real] = [0, 0];
      for (let i = 0; i < plan.batches; i++) {
        const sizes = [...plan.order.subarray(plan.starts[i]!, plan.starts[i + 1]!)].map((j) => lengths.tokens[j]!);
        padded += Math.max(...sizes) * sizes.length;
        real += sizes.reduce((a, b) => a + b, 0);
      }
      return padded / real;
    };
    const budgeted = waste(
      epochBatches({ order: "shuffle", batchSize: 0, tokenBudget: 300, seed: 1 }, 100, 0, lengths),
    );
    expect(budgeted).toBeLessThan(1.1);
    expect(waste(epochBatches({ order: "shuffle", batchSize: 5, seed: 1 }, 100, 0))).toBeGreaterThan(1.2);
  });

  test("refuses sizes that make no sense", () => {
    expect(() => epochBatches({ ...options, batchSize: 0 }, 5, 0)).toThrow(/batch size is 0/);
    expect(() => epochBatches({ ...options, tokenBudget: 0 }, 5, 0, lengths)).toThrow(/token budget is 0/);
    expect(() => epochBatches({ ...options, chunks: 1.5 }, 5, 0)).toThrow(/1\.5 micro-batches/);
  });
});

test("words are Python's", () => {
  expect(countWords("  two\u001cwords ")).toBe(2);
  expect(countWords("one\ufeffword")).toBe(1);
  expect(countWords("\u3000 \n")).toBe(0);
  const blank = "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2005\u200a\u2028\u2029\u202f\u205f\u3000";
  expect(countWords([...blank].map((space) => `x${space}`).join(""))).toBe(blank.length);
  for (const code of [0x08, 0x0e, 0x1b, 0x84, 0x167f, 0x1fff, 0x200b, 0x3001])
    expect(countWords(`a${String.fromCharCode(code)}b`)).toBe(1);
});
