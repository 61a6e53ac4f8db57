/** Decoding with keys and values of earlier passes, in one batch. In float64, so that no rounding decides between two
 *  tokens.
 *
 *  A model of one layer is the yardstick of cached passes: its keys and values depend on a position's own token alone, so
 *  what is kept is what would be computed, and any cache gives the tokens that none gives. */
import { inferenceMode, memory, randn, scope, type Tensor, Generator as TorchGenerator } from "@rediff/torch";
import fc from "fast-check";
import { describe, expect } from "vitest";
import { loadModelFolder } from "../../checkpoint/load-model.js";
import { unrounded } from "../../models/llada/llada.js";
import type { Model } from "../../models/llava/llava.js";
import { test as base } from "../../testing/fixtures.js";
import { expectNoLeaks } from "../../testing/leaks.js";
import { writeTinyModel } from "../../testing/tiny-model.js";
import type { DecodeOptions } from "../decode-options.js";
import type { DecodeResult } from "../decode-step.js";
import { Decoder, type Decoding } from "../decoder.js";
import { proofread } from "../proofread.js";
import { CacheBudget, type CacheReport } from "./cache-budget.js";
import type { CacheOptions } from "./cache-options.js";

const small = { textOnly: true, hiddenSize: 32, intermediateSize: 32, heads: 4 } as const;

const test = base
  .extend("oneLayer", { scope: "file" }, async ({ sharedFolder }, { onCleanup }): Promise<Model> => {
    const folder = writeTinyModel(`${sharedFolder}/one`, { ...small, layers: 1, kvHeads: 2, seed: 5 });
    const model = await loadModelFolder(folder, { dtype: "float64" });
    onCleanup(() => model[Symbol.dispose]());
    return model;
  })
  .extend("threeLayers", { scope: "file" }, async ({ sharedFolder }, { onCleanup }): Promise<Model> => {
    const folder = writeTinyModel(`${sharedFolder}/three`, { ...small, layers: 3, kvHeads: 2, seed: 6 });
    const model = await loadModelFolder(folder, { dtype: "float64" });
    onCleanup(() => model[Symbol.dispose]());
    return model;
  })
  /** One that rather keeps a token that is written, so that texts settle. */
  .extend("settling", { scope: "file" }, async ({ sharedFolder }, { onCleanup }): Promise<Model> => {
    const folder = writeTinyModel(`${sharedFolder}/settling`, { ...small, layers: 3, kvHeads: 2, seed: 7 });
    const model = await loadModelFolder(folder, { dtype: "float64" });
    onCleanup(() => model[Symbol.dispose]());
    const { head, embedTokens, blocks } = unrounded(model.llada).weights;
    inferenceMode(() =>
      scope(() => {
        const isWritten = head.abs().sum([-1], true).gt(0).to({ dtype: "float64" });
        head.copy_(head.add(embedTokens.mul(isWritten).mul(4)));
        for (const { output, down } of blocks) {
          output.mul_(0.3);
          down.mul_(0.3);
        }
      }),
    );
    return model;
  });

interface Told {
  result: DecodeResult;
  steps: { tokens: number[]; filled: number[] }[];
  report: CacheReport | undefined;
}

type Asked = { length: number; options: Partial<DecodeOptions>; enters?: number };

/** Random prompts of these lengths: [P, D] */
function promptOf(model: Model, length: number): Tensor {
  using generator = new TorchGenerator(length);
  return scope(() => randn([length, model.config.llada.hiddenSize], generator, { dtype: model.dtype }));
}

/** Decodes prompts together, each from the pass on at which it enters. */
function together(model: Model, asked: readonly Asked[], budget?: CacheBudget): Told[] {
  using decoder = new Decoder(model, budget);
  const all = asked.map(({ length, options, enters = 0 }) => ({ length, options, enters, steps: [] as Told["steps"] }));
  const running = new Map<(typeof all)[number], Decoding>();
  const told = new Map<(typeof all)[number], Told>();
  for (let pass = 0; told.size < all.length; pass++) {
    for (const one of all)
      if (one.enters === pass) {
        const prompt = promptOf(model, one.length);
        running.set(one, decoder.add(prompt, one.options));
        prompt.dispose();
      }
    const isOver = new Set([...running].filter(([, { result }]) => result !== undefined).map(([one]) => one));
    decoder.step();
    for (const [one, decoding] of running) {
      const { tokens, filled } = (isOver.has(one) ? undefined : decoding.step) ?? { tokens: [], filled: [] };
      one.steps.push({ tokens: [...tokens], filled });
      if (decoding.result === undefined) continue;
      told.set(one, { result: decoding.result, steps: one.steps, report: decoding.cacheReport });
      decoding[Symbol.dispose]();
      running.delete(one);
    }
  }
  return all.map((one) => told.get(one) as Told);
}

const refresh = (every: number, more: Partial<Extract<CacheOptions, { kind: "refresh" }>> = {}): CacheOptions => ({
  kind: "refresh",
  every,
  changed: 1,
  certify: true,
  ...more,
});

const shapes = fc
  .record({
    length: fc.integer({ min: 1, max: 9 }),
    enters: fc.integer({ min: 0, max: 3 }),
    blockLength: fc.constantFrom(2, 4, 6),
    blocks: fc.integer({ min: 1, max: 3 }),
    rule: fc.constantFrom("steps", "threshold", "factor", "entropy", "joint"),
    revise: fc.boolean(),
    reviseRest: fc.boolean(),
    reviseTopk: fc.constantFrom(undefined, 0.5),
    cfgScale: fc.constantFrom(0, 0, 0.7),
    suffix: fc.constantFrom([], [7, 9]),
    draft: fc.constantFrom([], [11, 12]),
    stop: fc.constantFrom([], [[40]]),
  })
  .map(({ length, enters, blockLength, blocks, rule, draft, ...rest }): Asked => {
    const genLength = blockLength * blocks;
    const fixed = draft.length > 0 && genLength > 2 ? [1] : [];
    const steps = (genLength / 2) % blocks === 0 ? genLength / 2 : genLength;
    const filling = {
      steps: { steps },
      threshold: { threshold: 0.02 },
      factor: { factor: 1.9 },
      entropy: { entropyBound: 8 },
      joint: { rule: "joint", threshold: 0.02, editThreshold: 0.01, postEditSteps: 3 },
    } as const;
    // The joint rule revises in its own way.
    const own = rule === "joint" ? { revise: true, reviseRest: false, reviseTopk: undefined } : {};
    return { length, enters, options: { ...rest, ...filling[rule], ...own, genLength, blockLength, draft, fixed } };
  });

const batches = fc.array(shapes, { minLength: 1, maxLength: 3 });

const withCache = (asked: readonly Asked[], cache: CacheOptions | undefined): Asked[] =>
  asked.map((one) => ({ ...one, options: { ...one.options, cache } }));

const ofSteps = (told: readonly Told[]) => told.map(({ result, steps }) => ({ tokens: result.tokens, steps }));

describe("the tokens are those without a cache", () => {
  test("when everything is computed anew in every pass, whatever the options, prompts entering at any time", ({
    threeLayers,
  }) => {
    expectNoLeaks();
    fc.assert(
      fc.property(batches, fc.boolean(), (asked, certify) => {
        const plain = together(threeLayers, asked);
        const cached = together(threeLayers, withCache(asked, refresh(1, { certify })));
        expect(ofSteps(cached)).toEqual(ofSteps(plain));
        for (const { report } of cached) expect(report).toMatchObject({ on: true, cachedPasses: 0, rowsKept: 0 });
      }),
      { numRuns: 12 },
    );
  });

  test("with any interval, and with fast-dllm, when the model has one layer", ({ oneLayer }) => {
    expectNoLeaks();
    let cachedPasses = 0;
    fc.assert(
      fc.property(batches, fc.constantFrom(2, 5, 100), fc.constantFrom(0.3, 1), (asked, every, changed) => {
        const plain = together(oneLayer, asked);
        const kinds = [refresh(every, { changed, certify: false }), { kind: "fast-dllm", every } as const];
        for (const cache of kinds) {
          const cached = together(oneLayer, withCache(asked, cache));
          expect(ofSteps(cached)).toEqual(ofSteps(plain));
          for (const { report } of cached) cachedPasses += report?.cachedPasses ?? 0;
        }
      }),
      { numRuns: 20 },
    );
    expect(cachedPasses).toBeGreaterThan(50); // 90 to 300, by the batches that are drawn
  });
});

test("caches of all kinds, and none, in one batch: each prompt's tokens are those that it has alone", ({
  threeLayers,
}) => {
  expectNoLeaks();
  const options = { genLength: 12, blockLength: 6, steps: 12, revise: true };
  const dllm: CacheOptions = { kind: "dllm-cache", promptInterval: 5, genInterval: 3, transferRatio: 0.3 };
  const caches = [undefined, refresh(4), { kind: "fast-dllm", every: 3 } as const, dllm, refresh(2), undefined];
  const asked = caches.map((cache, i) => ({ length: 3 + i, options: { ...options, cache }, enters: i % 3 }));
  const all = together(threeLayers, asked);
  for (const [i, one] of asked.entries()) {
    const [alone] = together(threeLayers, [{ ...one, enters: 0 }]);
    expect(ofSteps([all[i] as Told])).toEqual(ofSteps([alone as Told]));
    expect(all[i]?.report).toEqual(alone?.report);
  }
  expect(all.map(({ report }) => report?.kind)).toEqual(caches.map((cache) => cache?.kind));
});

describe("what is certified", () => {
  test("is what a full pass would not change", ({ settling }) => {
    let [certified, refined] = [0, 0];
    for (const length of [2, 3, 4, 5, 6, 7, 8, 9]) {
      const options = { genLength: 8, steps: 4, revise: true, cache: refresh(100) };
      const [told] = together(settling, [{ length, options }]) as [Told];
      const { result, steps, report } = told;
      expect(report?.certified).toBe(result.certified);
      expect(report?.cachedPasses).toBeGreaterThan(0);
      if (steps.length > 5) refined++;
      if (!result.certified) continue;
      certified++;
      using decoder = new Decoder(settling);
      const prompt = promptOf(settling, length);
      using judged = decoder.add(
        prompt,
        { genLength: 8, draft: result.tokens, revise: true },
        { loop: proofread({ rounds: 1, threshold: 0 }) },
      );
      prompt.dispose();
      decoder.step();
      expect(judged.step?.revised).toEqual([]);
    }
    expect(certified).toBeGreaterThan(0);
    expect(refined).toBeGreaterThan(0); // a full pass found something
  });

  test("ends within its limit where nothing ever settles, and says so", ({ threeLayers }) => {
    for (const length of [2, 5, 8]) {
      const options = { genLength: 24, steps: 12, revise: true, cache: refresh(3) };
      const [told] = together(threeLayers, [{ length, options }]) as [Told];
      expect(told.steps.length).toBeLessThanOrEqual(12 + 16);
      expect(told.report?.certified).toBe(told.result.certified);
    }
  });

  test("is not said without revision, and not looked for when nobody wants it", ({ threeLayers }) => {
    const options = { genLength: 8, steps: 4, cache: refresh(100) };
    const [unrevised] = together(threeLayers, [{ length: 3, options }]) as [Told];
    expect(unrevised.report).toMatchObject({ certified: false, fullPasses: 1, cachedPasses: 3 });
    const unwanted = { ...options, revise: true, cache: refresh(100, { certify: false }) };
    const [told] = together(threeLayers, [{ length: 3, options: unwanted }]) as [Told];
    expect(told.steps).toHaveLength(4);
    expect(told.report?.cachedPasses).toBeGreaterThan(1);
    expect(told.report).not.toHaveProperty("certified");
  });
});

describe("memory", () => {
  test("is what was planned, and is given back however a prompt leaves", ({ threeLayers }) => {
    expectNoLeaks();
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.nat(3), fc.nat(6), fc.boolean()), { maxLength: 12 }),
        (visits) => {
          const before = memory();
          const budget = new CacheBudget();
          {
            using decoder = new Decoder(threeLayers, budget);
            const inside = new Set<{ decoding: Decoding; leaves: number }>();
            for (const [length, kind, leaves, guided] of visits) {
              const dllm: CacheOptions = { kind: "dllm-cache", promptInterval: 3, genInterval: 2, transferRatio: 0.5 };
              const cache = [refresh(3), { kind: "fast-dllm", every: 2 } as const, dllm, undefined][kind];
              const cfgScale = guided && kind !== 2 ? 0.5 : 0;
              const prompt = promptOf(threeLayers, length);
              const options = { genLength: 6, steps: 3, cache, cfgScale, revise: true };
              inside.add({ decoding: decoder.add(prompt, options), leaves });
              prompt.dispose();
              decoder.step();
              for (const one of inside)
                if (one.leaves-- === 0) {
                  decoder.remove(one.decoding);
                  one.decoding[Symbol.dispose]();
                  inside.delete(one);
                }
            }
            for (const { decoding } of inside) decoding[Symbol.dispose]();
          }
          expect(budget.held).toBe(0);
          expect(memory()).toEqual(before);
        },
      ),
      { numRuns: 10 },
    );
  });

  test.for([refresh(9), { kind: "dllm-cache", promptInterval: 3, genInterval: 2, transferRatio: 0.5 } as const])(
    "of $kind is planned to the byte",
    (cache, { threeLayers }) => {
      const held = (options: Partial<DecodeOptions>) => {
        using decoder = new Decoder(threeLayers);
        const prompt = promptOf(threeLayers, 5);
        using decoding = decoder.add(prompt, { genLength: 6, steps: 6, ...options });
        prompt.dispose();
        decoder.step();
        return { bytes: memory().bytes, planned: decoding.cacheReport?.bytes ?? 0 };
      };
      const [without, with_] = [held({}), held({ cache })];
      expect(with_.planned).toBeGreaterThan(0);
      expect(with_.bytes - without.bytes).toBe(with_.planned);
    },
  );

  test("that is not there: decoded without, with the exact tokens, and told", ({ threeLayers }) => {
    expectNoLeaks();
    const options = { genLength: 8, steps: 4, revise: true };
    const asked = [3, 4].map((length) => ({ length, options }));
    const plain = together(threeLayers, asked);
    const room = together(threeLayers, withCache(asked, refresh(4)))[0]?.report?.bytes ?? 0;
    const [first, second] = together(threeLayers, withCache(asked, refresh(4)), new CacheBudget(room)) as [Told, Told];
    expect(first.report).toMatchObject({ on: true, bytes: room });
    expect(second.report).toMatchObject({ kind: "refresh", on: false, fullPasses: 0, cachedPasses: 0 });
    expect(second.result.tokens).toEqual(plain[1]?.result.tokens);
  });
});

test("an output that is not a number ends its own prompt; the others' caches go on as if it had not been there", ({
  threeLayers,
}) => {
  expectNoLeaks();
  const options = { genLength: 8, steps: 8, revise: true, cache: refresh(3) };
  const [alone] = together(threeLayers, [{ length: 4, options }]) as [Told];
  using decoder = new Decoder(threeLayers);
  const [bad, good] = [promptOf(threeLayers, 3), promptOf(threeLayers, 4)];
  inferenceMode(() => scope(() => bad.fill_(Number.NaN)));
  using failing = decoder.add(bad, options);
  using going = decoder.add(good, options);
  bad.dispose();
  good.dispose();
  expect(() => decoder.step()).toThrow("not a number");
  decoder.remove(failing);
  while (going.result === undefined) decoder.step();
  expect(going.result).toEqual(alone.result);
  expect(going.cacheReport).toEqual(alone.report);
});
