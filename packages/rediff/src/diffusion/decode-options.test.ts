import { describe, expect, test } from "vitest";
import { UserError } from "../errors.js";
import { type DecodeOptions, decodeOptions } from "./decode-options.js";

const complaint = (given: object): string => {
  try {
    decodeOptions(given);
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return (error as UserError).line;
  }
  return "no complaint";
};

describe("defaults", () => {
  test("128 tokens in one block, one a step, greedy, without revision", () => {
    expect(decodeOptions()).toEqual({
      steps: 128,
      genLength: 128,
      blockLength: 128,
      temperature: 0,
      cfgScale: 0,
      remasking: "low_confidence",
      stop: [],
      suffix: [],
      draft: [],
      fixed: [],
      banned: [],
      rule: "schedule",
      threshold: undefined,
      factor: undefined,
      entropyBound: undefined,
      editThreshold: undefined,
      postEditSteps: undefined,
      revise: false,
      reviseStart: 1,
      reviseTopk: undefined,
      reviseRest: false,
      confidenceAmong: "allowed",
      seed: 42,
      compat: false,
      cache: undefined,
    } satisfies DecodeOptions);
  });

  test("blocks and steps follow gen_length", () => {
    expect(decodeOptions({ genLength: 24 })).toMatchObject({ blockLength: 24, steps: 24 });
    expect(decodeOptions({ genLength: 24, blockLength: 8 })).toMatchObject({ steps: 24 });
  });

  test("revise_topk 0 means all, as in the reference", () => {
    expect(decodeOptions({ reviseTopk: 0 }).reviseTopk).toBeUndefined();
    expect(decodeOptions({ reviseTopk: 0.5 }).reviseTopk).toBe(0.5);
  });

  test("undefined is not given", () => {
    expect(decodeOptions({ steps: undefined, seed: undefined } as object)).toEqual(decodeOptions());
  });
});

describe("mistakes", () => {
  const cache = { kind: "dllm-cache", promptInterval: 25, genInterval: 7, transferRatio: 0.25 } as const;
  test.each<[Record<string, unknown>, string]>([
    [{ genLength: 0 }, "genLength must be a whole number from 1, got 0"],
    [{ genLength: 1.5 }, "genLength must be a whole number from 1, got 1.5"],
    [{ genLength: Number.NaN }, "genLength: expected a number, got NaN"],
    [{ blockLength: -8 }, "blockLength must be a whole number from 1, got -8"],
    [{ steps: 0 }, "steps must be a whole number from 1, got 0"],
    [{ steps: Number.POSITIVE_INFINITY }, "steps: expected a number, got Infinity"],
    [
      { genLength: 100, blockLength: 32 },
      "genLength 100 is not a multiple of blockLength 32. Choose a blockLength that divides 100, such as 25.",
    ],
    [
      { genLength: 16, blockLength: 32 },
      "genLength 16 is not a multiple of blockLength 32. Choose a blockLength that divides 16, such as 16.",
    ],
    [
      { genLength: 7, blockLength: 4 },
      "genLength 7 is not a multiple of blockLength 4. Choose a blockLength that divides 7, such as 1.",
    ],
    [
      { genLength: 32, blockLength: 8, steps: 10 },
      "steps 10 is not a multiple of the 4 blocks (genLength 32 / blockLength 8). Use 12 steps.",
    ],
    [
      { genLength: 32, blockLength: 8, steps: 1 },
      "steps 1 is not a multiple of the 4 blocks (genLength 32 / blockLength 8). Use 4 steps.",
    ],
    [{ temperature: -0.1 }, "temperature must be 0 or more, got -0.1"],
    [{ temperature: Number.NaN }, "temperature: expected a number, got NaN"],
    [{ cfgScale: -1 }, "cfgScale must be 0 or more, got -1"],
    [{ reviseStart: 1.5 }, "reviseStart must be from 0 to 1, got 1.5"],
    [{ reviseTopk: -0.5 }, "reviseTopk must be from 0 to 1, got -0.5"],
    [{ reviseTopk: 2 }, "reviseTopk must be from 0 to 1, got 2"],
    [{ remasking: "entropy" }, 'remasking: expected low_confidence, random, got "entropy"'],
    [{ seed: 0.5 }, "seed must be a whole number, got 0.5"],
    [{ genLength: 2, draft: [1, 2, 3] }, "the draft has 3 tokens but genLength is 2. Set genLength to at least 3."],
    [{ draft: [1, 2], fixed: [2] }, "fixed position 2 is not in the draft, which has 2 tokens"],
    [{ draft: [1, 2], fixed: [0.5] }, "fixed position 0.5 is not in the draft, which has 2 tokens"],
    [
      { draft: [1, 2], fixed: [0], compat: true },
      "fixed positions cannot be kept with compat, whose top-k may write anywhere",
    ],
    [{ threshold: -0.1 }, "threshold must be from 0 to 1, got -0.1"],
    [{ threshold: Number.NaN }, "threshold: expected a number, got NaN"],
    [
      { threshold: 0.9, steps: 64 },
      "steps and threshold exclude each other. A threshold takes as many steps as it needs.",
    ],
    [
      { threshold: 0.9, remasking: "random" },
      "threshold needs remasking low_confidence: a random confidence says nothing",
    ],
    [
      { threshold: 0.9, revise: true, reviseStart: 0.5 },
      "threshold and reviseStart exclude each other: the number of steps is not known beforehand",
    ],
    [
      { reviseRest: true, compat: true },
      "reviseRest cannot be used with compat: the reference stops when all is written",
    ],
    [
      { confidenceAmong: "all", compat: true },
      "confidenceAmong all cannot be used with compat: the reference leaves out what is forbidden",
    ],
    [{ threshold: 0.9, compat: true }, "threshold cannot be used with compat: the reference has none"],
    [{ stop: [[5], []] }, "a stop text is empty"],
    [{ cache: { ...cache, promptInterval: 0 } }, "the prompt interval of cache must be a whole number from 1, got 0"],
    [
      { cache: { ...cache, genInterval: 2.5 } },
      "the generation interval of cache must be a whole number from 1, got 2.5",
    ],
    [{ cache: { ...cache, transferRatio: 1.1 } }, "the transfer ratio of cache must be from 0 to 1, got 1.1"],
    [
      { cache, cfgScale: 1 },
      "cache dllm-cache cannot be used together with cfgScale. Use cache refresh or fast-dllm, which go with it.",
    ],
  ])("%j", (given, message) => {
    expect(complaint(given)).toBe(message);
  });

  test("what a message proposes is accepted", () => {
    for (const genLength of [30, 100, 128, 97])
      for (let blockLength = 1; blockLength <= genLength; blockLength++) {
        const proposed = /such as (\d+)/.exec(complaint({ genLength, blockLength }))?.[1] ?? blockLength;
        expect(() => decodeOptions({ genLength, blockLength: Number(proposed) })).not.toThrow();
      }
    for (let steps = 1; steps <= 40; steps++) {
      const proposed = /Use (\d+) steps/.exec(complaint({ genLength: 32, blockLength: 4, steps }))?.[1] ?? steps;
      expect(() => decodeOptions({ genLength: 32, blockLength: 4, steps: Number(proposed) })).not.toThrow();
    }
  });
});
