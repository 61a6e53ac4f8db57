import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { microBatchWeights, planBatches } from "./batch-plan.js";

const recipe = { epochs: 1, max_steps: undefined, gradient_accumulation_steps: 4, drop_last: true };

describe("planBatches", () => {
  test("the pretraining of LLaDA-V: 558,128 samples, 16 to a batch, 4 batches to a step", () => {
    const run = planBatches({ ...recipe, drop_last: false }, () => ({ batches: Math.ceil(558128 / 16) }));
    expect(run.totalSteps).toBe(8721);
    expect(run.place(8720)).toEqual({ epoch: 0, firstBatch: 34880, batches: 3 });
  });

  test("drop_last leaves out the last step that is not full, but never the only one", () => {
    expect(planBatches(recipe, () => ({ batches: 7 })).totalSteps).toBe(1);
    const short = planBatches(recipe, () => ({ batches: 3 }));
    expect(short.totalSteps).toBe(1);
    expect(short.place(0)).toEqual({ epoch: 0, firstBatch: 0, batches: 3 });
  });

  test("epochs of different lengths, as a token budget makes them", () => {
    const run = planBatches({ ...recipe, epochs: 2.5 }, (epoch) => ({ batches: [8, 12, 16][epoch] ?? 0 }));
    expect(run.totalSteps).toBe(2 + 3 + 2);
    expect([0, 1, 2, 4, 5, 6].map((step) => run.place(step))).toEqual([
      { epoch: 0, firstBatch: 0, batches: 4 },
      { epoch: 0, firstBatch: 4, batches: 4 },
      { epoch: 1, firstBatch: 0, batches: 4 },
      { epoch: 1, firstBatch: 8, batches: 4 },
      { epoch: 2, firstBatch: 0, batches: 4 },
      { epoch: 2, firstBatch: 4, batches: 4 },
    ]);
    expect(() => run.place(7)).toThrow("there is no step 7 of 7");
  });

  test("max_steps goes on for as many epochs as it takes", () => {
    const run = planBatches({ ...recipe, max_steps: 5 }, () => ({ batches: 8 }));
    expect(run.totalSteps).toBe(5);
    expect(run.place(4)).toEqual({ epoch: 2, firstBatch: 0, batches: 4 });
  });

  test("without drop_last an epoch's steps take every micro-batch once, in order", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 7 }),
        (counts, perStep) => {
          const keys = {
            epochs: counts.length,
            max_steps: undefined,
            gradient_accumulation_steps: perStep,
            drop_last: false,
          };
          const run = planBatches(keys, (epoch) => ({ batches: counts[epoch] as number }));
          const seen = counts.map((): number[] => []);
          for (let step = 0; step < run.totalSteps; step++) {
            const { epoch, firstBatch, batches } = run.place(step);
            for (let i = 0; i < batches; i++) seen[epoch]?.push(firstBatch + i);
          }
          expect(seen).toEqual(counts.map((count) => [...new Array(count).keys()]));
        },
      ),
    );
  });
});

describe("microBatchWeights", () => {
  const batches = [
    { samples: 2, labelled: 30 },
    { samples: 1, labelled: 10 },
  ];
  test.each([
    ["micro_batch", [0.5, 0.5]],
    ["sample", [2 / 3, 1 / 3]],
    ["row", [0.75, 0.25]],
  ] as const)("%s", (weighting, expected) => {
    expect(microBatchWeights(batches, weighting)).toEqual(expected);
  });

  test("nothing to learn weighs nothing", () => {
    expect(microBatchWeights([{ samples: 1, labelled: 0 }], "row")).toEqual([0]);
  });
});
