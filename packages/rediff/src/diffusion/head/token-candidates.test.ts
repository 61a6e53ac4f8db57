import { fromBuffer, Generator, inferenceMode, memory, rand, randn, scope, type Tensor, tensor } from "@rediff/torch";
import { describe, expect, test } from "vitest";
import { type DecodeOptions, decodeOptions } from "../decode-options.js";
import { originalRules, ourRules } from "../rules.js";
import {
  addGumbelNoise,
  amongAll,
  ban,
  type CandidateOptions,
  candidates,
  forbid,
  logWeight,
  type Noise,
} from "./token-candidates.js";

const options = (given: Partial<DecodeOptions> = {}): DecodeOptions => decodeOptions({ genLength: 8, ...given });
const noNoise: Noise = {
  perToken: () => {
    throw new Error("no noise expected");
  },
  perRow: () => {
    throw new Error("no noise expected");
  },
};

const rowsOf = (values: number[][], dtype: "float32" | "float64" = "float32"): Tensor =>
  tensor(values.flat(), { dtype }).view([values.length, values[0]?.length ?? 0]);

const measure = (given: Partial<CandidateOptions> = {}): CandidateOptions => ({
  ...options(),
  confidence: ourRules.confidence,
  ...given,
});
const original = { confidence: originalRules.confidence };

/** [tokens, confidences] */
function guess(logits: Tensor, given: Partial<CandidateOptions> = {}, noise: Noise = noNoise): [number[], number[]] {
  const flat = inferenceMode(() => scope(() => candidates(logits, measure(given), noise).toNumbers()));
  return [flat.slice(0, flat.length / 2), flat.slice(flat.length / 2)];
}

describe("forbid", () => {
  const ids = () => tensor([1, 3], { dtype: "int64" });
  const logits = () =>
    rowsOf([
      [1, 2, 3, 4],
      [5, 6, 7, 8],
    ]);
  const oo = Number.NEGATIVE_INFINITY;

  test("in every row with revise", () => {
    const result = forbid(logits(), ids(), [true, false], options({ revise: true })).toNumbers();
    expect(result).toEqual([1, oo, 3, oo, 5, oo, 7, oo]);
  });

  test("in masked rows only without", () => {
    const forbidden = (masked: boolean[]) => forbid(logits(), ids(), masked, options()).toNumbers();
    expect(forbidden([true, true])).toEqual([1, oo, 3, oo, 5, oo, 7, oo]);
    expect(forbidden([true, false])).toEqual([1, oo, 3, oo, 5, 6, 7, 8]);
    expect(forbidden([false, true])).toEqual([1, 2, 3, 4, 5, oo, 7, oo]);
    expect(forbidden([false, false])).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });
});

test("ban: at its positions, or everywhere", () => {
  const oo = Number.NEGATIVE_INFINITY;
  const logits = rowsOf([
    [1, 2],
    [3, 4],
    [5, 6],
  ]);
  const ids = (...banned: number[]) => tensor([0, 1].map((id) => Number(banned.includes(id)))).to({ dtype: "bool" });
  const banned = (...bans: [number, number[]?][]) =>
    ban(
      logits,
      bans.map(([id, at]) => ({ ids_1V: ids(id).view([1, 2]), positions: at && new Set(at) })),
      [4, 5, 7],
    ).toNumbers();
  expect(banned()).toEqual([1, 2, 3, 4, 5, 6]);
  expect(banned([0])).toEqual([oo, 2, oo, 4, oo, 6]);
  expect(banned([1, [5, 6]])).toEqual([1, 2, 3, oo, 5, 6]);
  expect(banned([1, [6]])).toEqual([1, 2, 3, 4, 5, 6]);
  expect(banned([1, [4]], [0, [7, 4]])).toEqual([oo, oo, 3, 4, oo, 6]);
  expect(logits.toNumbers()).toEqual([1, 2, 3, 4, 5, 6]);
});

describe("confidence", () => {
  test("is the softmax probability of the likeliest token", () => {
    const [tokens, confidence] = guess(
      rowsOf([
        [0, Math.log(3), 0],
        [5, 5 + Math.log(2), 5 + Math.log(7)],
      ]),
    );
    expect(tokens).toEqual([1, 2]);
    expect(confidence[0]).toBeCloseTo(0.6, 6);
    expect(confidence[1]).toBeCloseTo(0.7, 6);
  });

  test.each([
    [16, 30],
    [4, 126_464],
  ])("ours and the original's agree within 1e-6: %i rows over a vocabulary of %i", (rows, vocabulary) => {
    using generator = new Generator(1);
    for (const scale of [0.1, 1, 5, 30]) {
      const logits = scope(() =>
        randn([rows, vocabulary], generator)
          .mul(scale)
          .add(scale * 3),
      );
      const [tokens, confidence] = guess(logits);
      const [yardstickTokens, yardstick] = guess(logits, original);
      expect(tokens).toEqual(yardstickTokens);
      for (const [i, value] of confidence.entries()) {
        expect(Math.abs(value - (yardstick[i] as number))).toBeLessThan(1e-6);
        expect(value).toBeGreaterThan(0);
        expect(value).toBeLessThanOrEqual(1);
      }
      logits.dispose();
    }
  });

  test("of the original is a float64 softmax", () => {
    const row = [0.375, -1.25, 2, 0.5];
    const total = row.reduce((sum, x) => sum + Math.exp(x), 0);
    expect(guess(rowsOf([row]), original)[1][0]).toBeCloseTo(Math.exp(2) / total, 14);
  });

  test("keeps apart what is nearly certain, however large the logits are", () => {
    // The runner-up is less and less likely. In float32, 1 - 1e-8 would be 1.
    const logits = [10, 14, 18, 22, 26, 30].map((gap) => [100, 100 + gap, 90]);
    const [, confidence] = guess(rowsOf(logits));
    const [, yardstick] = guess(rowsOf(logits), original);
    for (let i = 0; i < confidence.length; i++) {
      expect((1 - (confidence[i] as number)) / (1 - (yardstick[i] as number))).toBeCloseTo(1, 2);
      if (i > 0) expect(confidence[i]).toBeGreaterThan(confidence[i - 1] as number);
    }
  });

  test("of a sampled token is its own probability, not the likeliest one's", () => {
    const uniform = () => rowsOf([[1e-9, 0.5, 1 - 1e-9]], "float64");
    const [tokens, confidence] = guess(
      rowsOf([[Math.log(4), Math.log(2), 0]]),
      { temperature: 1 },
      { ...noNoise, perToken: uniform },
    );
    expect(tokens).toEqual([2]);
    expect(confidence[0]).toBeCloseTo(1 / 7, 6);
  });

  test("is not touched by forbidden tokens, nor by huge logits", () => {
    const oo = Number.NEGATIVE_INFINITY;
    const [tokens, confidence] = guess(rowsOf([[oo, 2000, 2000 - Math.log(3), oo]]));
    expect(tokens).toEqual([1]);
    expect(confidence[0]).toBeCloseTo(0.75, 4);
  });

  test("random remasking draws one float32 number a row", () => {
    const drawn: number[] = [];
    const noise: Noise = {
      ...noNoise,
      perRow: (rows) => {
        drawn.push(rows);
        return tensor([0.25, 0.75].slice(0, rows));
      },
    };
    expect(
      guess(
        rowsOf([
          [1, 2],
          [4, 3],
        ]),
        { remasking: "random" },
        noise,
      ),
    ).toEqual([
      [1, 0],
      [0.25, 0.75],
    ]);
    expect(drawn).toEqual([2]);
  });
});

describe("what is no number stays visible", () => {
  const perRow = (rows: number): Tensor => tensor(new Array<number>(rows).fill(0.5));
  test.each<[string, number[]]>([
    ["NaN", [1, Number.NaN, 2]],
    ["infinity", [1, Number.POSITIVE_INFINITY, 2]],
  ])("%s, in every way of measuring confidence", (_, row) => {
    const logits = () => rowsOf([[1, 2, 3], row]);
    for (const given of [{}, original, { remasking: "random" as const }]) {
      const [, confidence] = guess(logits(), given, { ...noNoise, perRow });
      expect([given, confidence[0]]).not.toEqual([given, Number.NaN]);
      expect([given, confidence[1]]).toEqual([given, Number.NaN]);
    }
  });

  test("NaN at a temperature", () => {
    using generator = new Generator(1);
    const noise = { perRow, perToken: (r: number, v: number) => rand([r, v], generator, { dtype: "float64" }) };
    for (const remasking of ["low_confidence", "random"] as const)
      expect(guess(rowsOf([[1, Number.NaN, 3]]), { temperature: 1, remasking }, noise)[1]).toEqual([Number.NaN]);
  });
});

describe("Gumbel noise", () => {
  test("is exp(x) / (-ln u)^T in float64", () => {
    const uniform = rowsOf([[0.2, 0.9]], "float64");
    const noisy = addGumbelNoise(rowsOf([[1, -2]]), 0.7, uniform);
    expect(noisy.dtype).toBe("float64");
    const [a, b] = noisy.toNumbers() as [number, number];
    expect(a).toBeCloseTo(Math.E / (-Math.log(0.2)) ** 0.7, 12);
    expect(b).toBeCloseTo(Math.exp(-2) / (-Math.log(0.9)) ** 0.7, 12);
    expect(addGumbelNoise(rowsOf([[1, -2]]), 0, uniform).toNumbers()).toEqual([1, -2]);
  });

  test("its argmax is a sample of softmax(x) at temperature 1, and confidence is without noise", () => {
    const probabilities = [0.5, 0.3, 0.2];
    const draws = 20_000;
    using generator = new Generator(5);
    const noise = { ...noNoise, perToken: (r: number, v: number) => rand([r, v], generator, { dtype: "float64" }) };
    const logits = rowsOf([probabilities.map(Math.log)]).expand([draws, 3]);
    const [tokens, confidence] = guess(logits, { temperature: 1 }, noise);
    for (const [token, p] of probabilities.entries()) {
      const share = tokens.filter((t) => t === token).length / draws;
      expect(Math.abs(share - p)).toBeLessThan(4 * Math.sqrt((p * (1 - p)) / draws));
      expect(confidence[tokens.indexOf(token)]).toBeCloseTo(p, 6);
    }
  });

  test("never picks a forbidden token, even with a draw of 0", () => {
    const oo = Number.NEGATIVE_INFINITY;
    const noise = { ...noNoise, perToken: () => rowsOf([[1 - 2 ** -53, 0, 0.5]], "float64") };
    expect(guess(rowsOf([[oo, 1, 0]]), { temperature: 1 }, noise)[0]).toEqual([2]);
  });
});

test("ids survive up to a large vocabulary", () => {
  const vocabulary = 126_464;
  const values = new Float32Array(vocabulary).fill(-5);
  values[vocabulary - 1] = 1;
  expect(guess(fromBuffer(values, [1, vocabulary]))[0]).toEqual([vocabulary - 1]);
});

test("nothing is left behind", () => {
  using generator = new Generator(1);
  using logits = randn([5, 7], generator);
  const noise = {
    perToken: (r: number, v: number) => rand([r, v], generator, { dtype: "float64" }),
    perRow: (r: number) => rand([r], generator),
  };
  const before = memory().tensors;
  for (const given of [{}, original, { temperature: 1 }, { remasking: "random" as const }])
    candidates(logits, measure(given), noise).dispose();
  expect(memory().tensors).toBe(before);
});

test("among all tokens, confidence is a share of what the forbidden ones weigh, too", () => {
  const rows = () =>
    rowsOf([
      [0, Math.log(3), Math.log(6)],
      [0, Math.log(3), -40],
    ]);
  const answer = inferenceMode(() =>
    scope(() => {
      const logits_RV = rows();
      const all_R = logWeight(logits_RV);
      const allowed_RV = forbid(logits_RV, tensor([2], { dtype: "int64" }), [true, true], options());
      return amongAll(candidates(allowed_RV, measure(), noNoise), allowed_RV, all_R).toNumbers();
    }),
  );
  expect(answer.slice(0, 2)).toEqual([1, 1]);
  expect(answer[2]).toBeCloseTo(0.3, 6);
  expect(answer[3]).toBeCloseTo(0.75, 6);
});

describe("entropy", () => {
  const entropies = (logits: Tensor): number[] => {
    const all = inferenceMode(() => scope(() => candidates(logits, measure({ entropy: true }), noNoise).toNumbers()));
    return all.slice((2 * all.length) / 3);
  };
  const exact = (weights: number[]): number => {
    const sum = weights.reduce((a, b) => a + b, 0);
    return weights.reduce((h, w) => (w === 0 ? h : h - (w / sum) * Math.log(w / sum)), 0);
  };

  test("is that of the distribution, in nats", () => {
    const weights = [
      [1, 1, 1, 1],
      [8, 4, 2, 1],
      [1, 1000, 1, 0.001],
    ];
    const values = entropies(rowsOf(weights.map((row) => row.map(Math.log))));
    for (const [i, row] of weights.entries()) expect(values[i]).toBeCloseTo(exact(row), 6);
  });

  test("leaves out what is forbidden, and keeps apart what is nearly certain", () => {
    const oo = Number.NEGATIVE_INFINITY;
    const [half, none, nearly, more] = entropies(
      rowsOf([
        [2, oo, 2, oo],
        [7, oo, oo, oo],
        [0, -21, oo, oo],
        [0, -20, oo, oo],
      ]),
    ) as [number, number, number, number];
    expect(half).toBeCloseTo(Math.log(2), 7);
    expect(none).toBe(0);
    expect(nearly / exact([1, Math.exp(-21)])).toBeCloseTo(1, 5);
    expect(more / exact([1, Math.exp(-20)])).toBeCloseTo(1, 5);
    expect(more).toBeGreaterThan(nearly);
  });

  test("among all tokens grows by what the forbidden ones take away; tokens and confidences are those without it", () => {
    const [tokens, confidence, entropy] = inferenceMode(() =>
      scope(() => {
        const logits = rowsOf([[3, 2, 1, 0]]);
        const all = logWeight(logits);
        const allowed = forbid(logits, tensor([0], { dtype: "int64" }), [true], options());
        const plain = amongAll(candidates(allowed, measure(), noNoise), allowed, all).toNumbers();
        const three = amongAll(candidates(allowed, measure({ entropy: true }), noNoise), allowed, all).toNumbers();
        expect(three.slice(0, 2)).toEqual(plain);
        return three as [number, number, number];
      }),
    );
    const weights = [2, 1, 0].map(Math.exp);
    const [allowed, all] = [weights.reduce((a, b) => a + b), [3, 2, 1, 0].map(Math.exp).reduce((a, b) => a + b)];
    expect(tokens).toBe(1);
    expect(confidence).toBeCloseTo(Math.exp(2) / all, 6);
    expect(entropy).toBeCloseTo(exact(weights) - Math.log(allowed / all), 6);
  });
});
