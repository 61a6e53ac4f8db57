import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type CorruptedSample, type ExpandedSample, type Objective, PositionRole } from "./corruption.js";
import { type LossRow, lossRows, type Term } from "./objective.js";

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

const rowsOf = (
  samples: [labels: number[], roles: number[], p: number][],
  objective: Objective,
  lossWeighting: "code" | "none" = "code",
) =>
  lossRows(
    samples.map(([labels]) => labelled(labels)),
    samples.map(([, roles, p]) => corruptedSample(roles, p)),
    { objective, lossWeighting },
  );

describe("lossRows", () => {
  test("LLaDA-V: masked rows, over all rows with a label and p", () => {
    const rows = rowsOf([[[-100, 5, 6, 7, 8], [none, masked, none, masked, none], 0.5]], "llada_v");
    expect(rows).toEqual([
      { sample: 0, row: 1, target: 5, weight: 1 / (4 * 0.5), term: "masked" },
      { sample: 0, row: 3, target: 7, weight: 1 / (4 * 0.5), term: "masked" },
    ]);
  });

  test("ReDiff: each term over its own rows; every row with a label counts", () => {
    const rows = rowsOf([[[1, 2, 3, 4, 5], [masked, masked, corrupted, clean, none], 0.25]], "rediff");
    expect(rows.map(({ term, weight }) => [term, weight])).toEqual([
      ["masked", 2],
      ["masked", 2],
      ["corrupted", 4],
      ["clean", 4],
    ]);
  });

  test("wrong phrases: the mean over their rows, divided by p all the same", () => {
    const rows = rowsOf([[[1, 2, 3], [none, revised, revised], 0.5]], "rediff");
    expect(rows.map(({ term, weight, target }) => [term, weight, target])).toEqual([
      ["revised", 1, 2],
      ["revised", 1, 3],
    ]);
  });

  test("rows without a label take part in a mean without a loss, as in the reference", () => {
    const rows = rowsOf([[[-100, 2], [revised, revised], 1]], "rediff");
    expect(rows).toEqual([{ sample: 0, row: 1, target: 2, weight: 0.5, term: "revised" }]);
  });

  test("samples are averaged, also those without any row", () => {
    const rows = rowsOf(
      [
        [[1], [masked], 1],
        [[2], [none], 1],
      ],
      "llada_v",
    );
    expect(rows.map(({ weight }) => weight)).toEqual([0.5]);
    expect(rowsOf([[[-100], [none], 1]], "rediff")).toEqual([]);
  });

  test("weighting none: without p", () => {
    const rows = rowsOf([[[1, 2], [masked, clean], 0.1]], "rediff", "none");
    expect(rows.map(({ weight }) => weight)).toEqual([1, 1]);
  });

  test("the weights of a sample's term add up to 1 / (b p)", () => {
    const sample = fc
      .array(fc.constantFrom(none, masked, corrupted, clean), { minLength: 1, maxLength: 20 })
      .chain((roles) => fc.record({ roles: fc.constant(roles), p: fc.double({ min: 0.001, max: 1, noNaN: true }) }));
    fc.assert(
      fc.property(fc.array(sample, { minLength: 1, maxLength: 5 }), (list) => {
        const rows = rowsOf(
          list.map(({ roles, p }) => [roles.map((_, i) => i), roles, p]),
          "rediff",
        );
        const sums = new Map<string, number>();
        const key = ({ sample, term }: Pick<LossRow, "sample" | "term">) => `${sample} ${term}`;
        for (const row of rows) sums.set(key(row), (sums.get(key(row)) ?? 0) + row.weight);
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
