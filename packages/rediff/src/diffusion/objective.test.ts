import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type CorruptedSample, type ExpandedSample, type Objective, PositionRole } from "./corruption.js";
import { type LossPosition, lossPositions, type Term } from "./objective.js";

const { none, masked, corrupted, clean, revised } = PositionRole;

const corruptedSample = (roles: number[], probability: number): CorruptedSample => ({
  ids: roles.map(() => 0),
  roles: Uint8Array.from(roles),
  probability,
});
const labelled = (labels: number[]): ExpandedSample => ({
  ids: labels.map(() => 0),
  labels,
  revise: labels.map(() => false),
  flawed: false,
});

const countingOf = (
  samples: [labels: number[], roles: number[], p: number][],
  objective: Objective,
  lossWeighting: "code" | "none" = "code",
) =>
  lossPositions(
    samples.map(([labels]) => labelled(labels)),
    samples.map(([, roles, p]) => corruptedSample(roles, p)),
    { objective, lossWeighting },
  );

describe("lossPositions", () => {
  test("LLaDA-V: masked positions, over all with a label and p", () => {
    const counting = countingOf([[[-100, 5, 6, 7, 8], [none, masked, none, masked, none], 0.5]], "llada_v");
    expect(counting).toEqual([
      { sample: 0, position: 1, target: 5, weight: 1 / (4 * 0.5), term: "masked" },
      { sample: 0, position: 3, target: 7, weight: 1 / (4 * 0.5), term: "masked" },
    ]);
  });

  test("ReDiff: each term over its own positions; every one with a label counts", () => {
    const counting = countingOf([[[1, 2, 3, 4, 5], [masked, masked, corrupted, clean, none], 0.25]], "rediff");
    expect(counting.map(({ term, weight }) => [term, weight])).toEqual([
      ["masked", 2],
      ["masked", 2],
      ["corrupted", 4],
      ["clean", 4],
    ]);
  });

  test("wrong phrases: the mean over their positions, divided by p all the same", () => {
    const counting = countingOf([[[1, 2, 3], [none, revised, revised], 0.5]], "rediff");
    expect(counting.map(({ term, weight, target }) => [term, weight, target])).toEqual([
      ["revised", 1, 2],
      ["revised", 1, 3],
    ]);
  });

  test("positions without a label take part in a mean without a loss, as in the reference", () => {
    const counting = countingOf([[[-100, 2], [revised, revised], 1]], "rediff");
    expect(counting).toEqual([{ sample: 0, position: 1, target: 2, weight: 0.5, term: "revised" }]);
  });

  test("samples are averaged, also those without any position that counts", () => {
    const counting = countingOf(
      [
        [[1], [masked], 1],
        [[2], [none], 1],
      ],
      "llada_v",
    );
    expect(counting.map(({ weight }) => weight)).toEqual([0.5]);
    expect(countingOf([[[-100], [none], 1]], "rediff")).toEqual([]);
  });

  test("weighting none: without p", () => {
    const counting = countingOf([[[1, 2], [masked, clean], 0.1]], "rediff", "none");
    expect(counting.map(({ weight }) => weight)).toEqual([1, 1]);
  });

  test("the weights of a sample's term add up to 1 / (b p)", () => {
    const sample = fc
      .array(fc.constantFrom(none, masked, corrupted, clean), { minLength: 1, maxLength: 20 })
      .chain((roles) => fc.record({ roles: fc.constant(roles), p: fc.double({ min: 0.001, max: 1, noNaN: true }) }));
    fc.assert(
      fc.property(fc.array(sample, { minLength: 1, maxLength: 5 }), (list) => {
        const counting = countingOf(
          list.map(({ roles, p }) => [roles.map((_, i) => i), roles, p]),
          "rediff",
        );
        const sums = new Map<string, number>();
        const key = ({ sample, term }: Pick<LossPosition, "sample" | "term">) => `${sample} ${term}`;
        for (const one of counting) sums.set(key(one), (sums.get(key(one)) ?? 0) + one.weight);
        for (const [s, { roles, p }] of list.entries())
          for (const term of ["masked", "corrupted", "clean"] as Term[]) {
            const present = (roles as number[]).includes(PositionRole[term as keyof typeof PositionRole]);
            const sum = sums.get(key({ sample: s, term })) ?? 0;
            expect(sum * list.length * p).toBeCloseTo(present ? 1 : 0, 9);
          }
      }),
    );
  });
});
