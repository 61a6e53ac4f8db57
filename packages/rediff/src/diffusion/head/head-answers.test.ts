/** The head in pieces of the vocabulary against all logits at once, on a head that hands its input through: what it is given
 *  are the logits, so that there are ties, and rows that are nearly certain. */
import {
  cat,
  type DType,
  eye,
  fromBuffer,
  Generator,
  inferenceMode,
  quantizeWeight,
  rand,
  randn,
  scope,
  type Tensor,
  tensor,
} from "@rediff/torch";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { idTensor } from "../../models/ids.js";
import { type StoredWeight, withPlainKernels } from "../../models/kernels.js";
import { headLogits, type Llada, logits } from "../../models/llada/llada.js";
import { expectNoLeaks } from "../../testing/leaks.js";
import { type DecodeOptions, decodeOptions } from "../decode-options.js";
import { rulesOf } from "../rules.js";
import { type HeadPiece, type HeadShare, headAnswers, planShare, usualPiece } from "./head-answers.js";
import { addLogits, addLogitsByOperators } from "./softmax-sums.js";

beforeEach(expectNoLeaks);

interface Asked {
  /** One row of logits for each position; under guidance as many more. */
  rows: number[][];
  masked: boolean[];
  options: Partial<DecodeOptions>;
  /** The tokens that are there now, where their probabilities are asked for. */
  present?: number[];
}

/** Tokens, confidences and entropies of each prompt. */
function answers(asked: readonly Asked[], dtype: DType, piece: HeadPiece): number[][] {
  return inferenceMode(() =>
    scope(() => {
      const vocabulary = asked[0]?.rows[0]?.length as number;
      const head = eye(vocabulary, { dtype });
      const llada = { weights: { head } } as Llada;
      const ids = [0, 3].filter((id) => id < vocabulary);
      const bool = (of: readonly number[]) =>
        fromBuffer(
          Uint8Array.from({ length: vocabulary }, (_, id) => Number(of.includes(id))),
          [1, vocabulary],
          "bool",
        );
      const shares = asked.map(({ masked, options: given, present }): HeadShare => {
        const options = decodeOptions({ genLength: 64, ...given });
        const generator = new Generator(5);
        return {
          positions: masked.map((_, i) => i),
          masked,
          options,
          confidence: rulesOf(options.compat).confidence,
          present,
          bans: options.banned.map(({ ids, positions }) => ({
            ids_1V: bool([...ids]),
            positions: positions && new Set(positions),
          })),
          noise: {
            perToken: (rows, tokens) => rand([rows, tokens], generator, { dtype: "float64" }),
            perRow: (rows) => rand([rows], generator),
          },
        };
      });
      const hidden = tensor(asked.flatMap(({ rows }) => rows.flat())).view([-1, vocabulary]);
      const forbidden = { ids, ids_I: idTensor(ids, "cpu"), ids_1V: bool(ids) };
      const planned = shares.map((share) => planShare(share, forbidden));
      const flat = headAnswers({ llada, vocabulary, forbidden, piece }, hidden.to({ dtype }), planned).toNumbers();
      return shares.map(({ positions, options, present }) =>
        flat.splice(0, positions.length * (2 + Number(options.rule === "entropy") + Number(present !== undefined))),
      );
    }),
  );
}

const ways: Partial<DecodeOptions>[] = [
  {},
  { revise: true },
  { confidenceAmong: "all" },
  { rule: "entropy", entropyBound: 1 },
  { rule: "entropy", entropyBound: 1, confidenceAmong: "all", revise: true },
  { remasking: "random" },
  { cfgScale: 1.5 },
  { cfgScale: 0.5, confidenceAmong: "all" },
  { temperature: 0.7 },
  { banned: [{ ids: [1, 2] }, { ids: [4, 5, 6], positions: [0, 2] }] },
  { compat: true },
  { compat: true, revise: true, cfgScale: 1 },
];

/** Quarters, which bfloat16 has too; few, so that there are ties. */
const logit = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: -20, max: 20 }).map((x) => x / 4) },
  { weight: 1, arbitrary: fc.constantFrom(-120, 40) },
);
const prompts = fc.integer({ min: 8, max: 45 }).chain((vocabulary) => {
  const row = fc.array(logit, { minLength: vocabulary, maxLength: vocabulary });
  const prompt = fc.record({
    options: fc.constantFrom(...ways),
    both: fc.array(fc.tuple(row, row, fc.boolean(), fc.nat(vocabulary - 1)), { minLength: 1, maxLength: 4 }),
    asksPresent: fc.boolean(),
  });
  return fc.array(
    prompt.map(({ options, both, asksPresent }): Asked => {
      const guided = both.map(([first]) => first);
      const rows = options.cfgScale === undefined ? guided : [...guided, ...both.map(([, second]) => second)];
      const present = both.map(([, , , id]) => id);
      return { rows, masked: both.map(([, , isMask]) => isMask), options, ...(asksPresent && { present }) };
    }),
    { minLength: 1, maxLength: 3 },
  );
});

describe.each(["float32", "bfloat16", "float64"] as const)("in %s", (dtype) => {
  test("pieces of any size give the tokens of all logits at once, and their confidences and entropies", () => {
    fc.assert(
      fc.property(prompts, fc.integer({ min: 1, max: 50 }), (asked, piece) => {
        const [pieces, whole] = [answers(asked, dtype, piece), answers(asked, dtype, "whole")];
        for (const [i, { masked, options }] of asked.entries()) {
          const [got, wanted] = [pieces[i] as number[], whole[i] as number[]];
          const count = masked.length;
          expect(got.slice(0, count)).toEqual(wanted.slice(0, count));
          const within = options.compat ? 1e-14 : 1e-6;
          for (const [at, value] of wanted.entries())
            expect(Math.abs((got[at] as number) - value)).toBeLessThan(within);
        }
      }),
      { numRuns: 60 },
    );
  });
});

test("how likely the present tokens are, of what confidence is a share of", () => {
  const rows = [
    [0, 1, 2, 3],
    [0, 1, 2, 3],
  ];
  const weights = rows[0]?.map(Math.exp) as [number, number, number, number];
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  const asked = { rows, masked: [false, false], present: [1, 3] };
  for (const piece of [1, 3, "whole"] as const) {
    const found = answers([{ ...asked, options: { confidenceAmong: "all", revise: true } }], "float32", piece)[0];
    // 3 is forbidden and cannot be said, but it is there.
    expect(found?.slice(0, 2)).toEqual([2, 2]);
    for (const [i, id] of [1, 3].entries()) expect(found?.[4 + i]).toBeCloseTo((weights[id] as number) / all, 6);
    const allowed = answers([{ ...asked, options: { revise: true } }], "float32", piece)[0];
    expect(allowed?.[4]).toBeCloseTo(weights[1] / (weights[1] + weights[2]), 6);
    expect(allowed?.[5]).toBe(1); // more than all that may be said: it stays
  }
});

test("nearly certain tokens are kept apart", () => {
  // In float32, 1 - 1e-8 would be 1.
  const rows = [10, 14, 18, 22, 26, 30].map((gap) => [-200, 100, 100 + gap, -200, 90]);
  const asked = [{ rows, masked: rows.map(() => true), options: {} }];
  const [pieces, whole] = [answers(asked, "float32", 2)[0], answers(asked, "float32", "whole")[0]] as [
    number[],
    number[],
  ];
  for (let i = 6; i < 12; i++) {
    expect((1 - (pieces[i] as number)) / (1 - (whole[i] as number))).toBeCloseTo(1, 5);
    if (i > 6) expect(pieces[i]).toBeGreaterThan(pieces[i - 1] as number);
  }
});

test("what is no number stays visible, and so does a row of which all is forbidden", () => {
  for (const [row, banned] of [
    [[1, 2, Number.NaN, 0, 5], []],
    [[1, 2, 4, 0, 5], [{ ids: [1, 2, 4] }]],
  ] as const)
    for (const options of [{}, { compat: true }, { remasking: "random" as const }])
      for (const piece of [1, 3, "whole"] as const) {
        const asked = [{ rows: [[...row]], masked: [true], options: { ...options, banned } }];
        expect(answers(asked, "float32", piece)[0]?.[1]).toBeNaN();
      }
});

test("sums by libtorch's operators are those of the kernel", () => {
  const oo = Number.POSITIVE_INFINITY;
  const rowsOf = fc.integer({ min: 1, max: 40 }).chain((width) =>
    fc.array(fc.array(fc.oneof(logit, fc.constant(-oo)), { minLength: width, maxLength: width }), {
      minLength: 1,
      maxLength: 4,
    }),
  );
  fc.assert(
    fc.property(rowsOf, fc.integer({ min: 1, max: 41 }), fc.boolean(), (rows, piece, precise) =>
      scope(() => {
        const logits = tensor(rows.flat()).view([rows.length, -1]);
        const sums = [addLogits, addLogitsByOperators].map((add) => {
          let sum: Tensor | undefined;
          for (let first = 0; first < logits.size(1); first += piece) {
            const part = logits.narrow(1, first, Math.min(piece, logits.size(1) - first));
            sum = add(sum, part, first, precise);
          }
          return (sum as Tensor).toNumbers();
        });
        const [kernel, operators] = sums as [number[], number[]];
        const count = rows.length;
        expect(operators.slice(0, 2 * count)).toEqual(kernel.slice(0, 2 * count));
        for (const [i, value] of kernel.entries()) {
          const isNothing = kernel[i % count] === -oo; // then the rest has no meaning
          if (i < 2 * count || isNothing) continue;
          expect(Math.abs((operators[i] as number) - value)).toBeLessThan(
            (precise ? 1e-13 : 1e-6) * (10 + Math.abs(value)),
          );
        }
      }),
    ),
    { numRuns: 60 },
  );
});

test("plain kernels compute all logits at once, and pieces of a rounded head are larger", () =>
  scope(() => {
    const withHead = (head: StoredWeight) => ({ device: "cpu", llada: { weights: { head } } as Llada }) as const;
    const plain = withHead(eye(32));
    expect(usualPiece(plain)).toBe(2048);
    expect(usualPiece(withHead(quantizeWeight(eye(32), 8)))).toBe(8192);
    withPlainKernels(() => expect(usualPiece(plain)).toBe("whole"));
  }));

test("a rounded head gives the same in pieces and at once, and logits in float32 for rows in bfloat16", () =>
  inferenceMode(() =>
    scope(() => {
      using generator = new Generator(3);
      const head = quantizeWeight(randn([100, 64], generator), 8);
      const llada = { weights: { head } } as Llada;
      const hidden = randn([5, 64], generator).to({ dtype: "bfloat16" });
      const whole = headLogits(llada, hidden, 0, 100);
      const pieces = [0, 16, 32, 64].map((first, i, all) =>
        headLogits(llada, hidden, first, Math.min(all[i + 1] ?? 90, 90) - first),
      );
      expect([whole.dtype, whole.shape]).toEqual(["float32", [5, 100]]);
      expect(cat(pieces, 1).equal(whole.narrow(1, 0, 90))).toBe(true);
      expect(logits(llada, hidden, 90).equal(whole.narrow(1, 0, 90))).toBe(true);
      expect(() => headLogits(llada, hidden, 8, 8)).toThrow("multiple of 16");
    }),
  ));
