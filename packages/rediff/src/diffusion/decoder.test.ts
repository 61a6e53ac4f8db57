/** Prompts decoded by themselves and together. In float64, so that no rounding decides between two tokens. */
import { inferenceMode, randn, scope, type Tensor, Generator as TorchGenerator } from "@rediff/torch";
import { describe, expect } from "vitest";
import { loadModelFolder } from "../checkpoint/load-model.js";
import type { Model } from "../models/llava/llava.js";
import { test } from "../testing/fixtures.js";
import { expectNoLeaks } from "../testing/leaks.js";
import type { DecodeOptions } from "./decode-options.js";
import type { DecodeStep } from "./decode-step.js";
import { Decoder, type Decoding, decode, decodeBatch, OutputError } from "./decoder.js";

const options = { genLength: 12, steps: 6, revise: true };

/** Prompts of several lengths: [P, D] */
function prompts(model: Model, lengths: readonly number[]): Tensor[] {
  using generator = new TorchGenerator(3);
  return lengths.map((length) =>
    scope(() => randn([length, model.config.llada.hiddenSize], generator, { dtype: model.dtype })),
  );
}

/** All that a generator yields, and what it returns. */
function drain<Y, R>(generator: Generator<Y, R>): { yielded: Y[]; returned: R } {
  const yielded: Y[] = [];
  for (;;) {
    const next = generator.next();
    if (next.done) return { yielded, returned: next.value };
    yielded.push(next.value);
  }
}

describe("decodeBatch", () => {
  test("gives each prompt the steps and the answer that it has alone", async ({ tinyModel }) => {
    expectNoLeaks();
    using model = await loadModelFolder(tinyModel, { dtype: "float64" });
    const all = prompts(model, [3, 9, 5]);
    const together = drain(decodeBatch(model, all, options));
    for (const [i, prompt] of all.entries()) {
      const alone = drain(decode(model, prompt, options));
      expect(together.returned[i]).toEqual(alone.returned);
      const steps = together.yielded.flatMap((row) => row[i] ?? []);
      expect(steps.map(({ tokens }) => [...tokens])).toEqual(alone.yielded.map(({ tokens }) => [...tokens]));
    }
    for (const prompt of all) prompt.dispose();
  });

  test("of different rules: each has the steps that it has alone, also one that comes when others are under way", async ({
    tinyModel,
  }) => {
    expectNoLeaks();
    using model = await loadModelFolder(tinyModel, { dtype: "float64" });
    const ways: Partial<DecodeOptions>[] = [
      { steps: 6, revise: true },
      { rule: "threshold", threshold: 0.02 },
      { rule: "entropy", entropyBound: 8, confidenceAmong: "all" },
      { rule: "factor", factor: 1.9, blockLength: 6 },
      { rule: "joint", threshold: 0.02, editThreshold: 0, postEditSteps: 3, blockLength: 6 },
      {
        rule: "entropy",
        entropyBound: 12,
        revise: true,
        cache: { kind: "dllm-cache", promptInterval: 1, genInterval: 1, transferRatio: 1 },
      },
    ];
    const all = prompts(model, [3, 9, 5, 4, 6, 5]);
    const tokensOf = ({ tokens }: DecodeStep) => [...tokens];
    const seen = all.map((): number[][] => []);
    using decoder = new Decoder(model);
    const decodings: Decoding[] = [];
    const add = (from: number, to: number) => {
      for (let i = from; i < to; i++) decodings.push(decoder.add(all[i] as Tensor, { genLength: 12, ...ways[i] }));
    };
    add(0, 3);
    for (let pass = 0; decoder.active > 0; pass++) {
      const working = decodings.filter(({ result }) => result === undefined);
      decoder.step();
      for (const decoding of working) seen[decodings.indexOf(decoding)]?.push(tokensOf(decoding.step as DecodeStep));
      if (pass === 1) add(3, all.length);
    }
    const counts = all.map((prompt, i) => {
      const alone = drain(decode(model, prompt, { genLength: 12, ...ways[i] }));
      expect(decodings[i]?.result).toEqual(alone.returned);
      expect(seen[i]).toEqual(alone.yielded.map(tokensOf));
      expect(alone.returned.steps).toBe(alone.yielded.length);
      return alone.returned.steps;
    });
    expect(new Set(counts).size).toBeGreaterThan(3); // the rules do differ
    for (const decoding of decodings) decoding[Symbol.dispose]();
    for (const prompt of all) prompt.dispose();
  });

  test("ends between two steps when its signal says so, and leaves nothing behind", async ({ tinyModel }) => {
    expectNoLeaks();
    using model = await loadModelFolder(tinyModel, { dtype: "float64" });
    const all = prompts(model, [3, 4]);
    const abort = new AbortController();
    const seen: (DecodeStep | undefined)[][] = [];
    const watch = () => {
      for (const row of decodeBatch(model, all, options, { signal: abort.signal })) {
        seen.push(row);
        abort.abort(new Error("enough"));
      }
    };
    expect(watch).toThrow("enough");
    expect(seen).toHaveLength(1);
    for (const prompt of all) prompt.dispose();
  });
});

test("an output that is not a number is blamed on its prompt", async ({ tinyModel }) => {
  using model = await loadModelFolder(tinyModel, { dtype: "float64" });
  const [good, bad] = prompts(model, [3, 4]) as [Tensor, Tensor];
  inferenceMode(() => scope(() => bad.fill_(Number.NaN)));
  expect(() => drain(decodeBatch(model, [good, bad], options))).toThrow(OutputError);
  expect(drain(decode(model, good, options)).returned.tokens.length).toBeGreaterThan(0);
  good.dispose();
  bad.dispose();
});

test("confidence among all tokens: the same tokens are likeliest, each as much less sure as the forbidden ones weigh", async ({
  tinyModel,
}) => {
  expectNoLeaks();
  using model = await loadModelFolder(tinyModel, { dtype: "float64" });
  const [prompt] = prompts(model, [5]) as [Tensor];
  const first = (confidenceAmong: "allowed" | "all") =>
    drain(decode(model, prompt, { genLength: 6, confidenceAmong })).yielded[0] as DecodeStep;
  const [allowed, all] = [first("allowed"), first("all")];
  expect([...(all.guess.tokens as number[])]).toEqual([...(allowed.guess.tokens as number[])]);
  const shares = [...all.confidence].map((value, i) => value / (allowed.confidence[i] as number));
  // Four tokens of a vocabulary that an untrained model hardly prefers any of.
  for (const share of shares) {
    expect(share).toBeLessThan(1 - 1e-6);
    expect(share).toBeGreaterThan(0.5);
  }
  const random = (confidenceAmong: "allowed" | "all") =>
    drain(decode(model, prompt, { genLength: 6, remasking: "random", confidenceAmong })).yielded[0] as DecodeStep;
  expect([...random("all").confidence]).toEqual([...random("allowed").confidence]);
  prompt.dispose();
});
