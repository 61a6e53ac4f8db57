/** The network with features of earlier passes against the network alone. */
import { Generator, inferenceMode, memory, randn, scope, type Tensor } from "@rediff/torch";
import { describe, expect, test } from "vitest";
import { idTensor } from "../../models/ids.js";
import { hiddenStates, type Llada } from "../../models/llada/llada.js";
import { Rotary } from "../../models/llada/rotary.js";
import { FeatureCache } from "./feature-cache.js";
import { PackedFeatures } from "./packed-features.js";

const D = 16;
const LAYERS = 3;
const PROMPT = 5;
const LENGTH = 11;

function tinyLlada(kvHeads: number): Llada {
  using generator = new Generator(1);
  const random = (...shape: number[]) => randn(shape, generator, { dtype: "float64" }).div(Math.sqrt(D));
  const ones = () => random(D).mul(0).add(1);
  const kv = (kvHeads * D) / 4;
  const config = {
    vocabSize: 4,
    hiddenSize: D,
    intermediateSize: 24,
    layers: LAYERS,
    heads: 4,
    kvHeads,
    headDim: D / 4,
    rmsNormEps: 1e-5,
    ropeTheta: 1e4,
    ropeScaling: undefined,
    maxPositions: 64,
  };
  const blocks = Array.from({ length: LAYERS }, () => ({
    inputNorm: ones(),
    query: random(D, D),
    key: random(kv, D),
    value: random(kv, D),
    output: random(D, D),
    postAttentionNorm: ones(),
    gate: random(24, D),
    up: random(24, D),
    down: random(D, 24),
  }));
  return { config, weights: { embedTokens: random(4, D), blocks, norm: ones(), head: random(4, D) } };
}

/** Embeddings of several passes: the prompt stays, the answer changes at `changed` from pass to pass. */
function passes(count: number, changed: readonly number[]): Tensor[] {
  using generator = new Generator(2);
  const first = randn([1, LENGTH, D], generator, { dtype: "float64" });
  const all = [first];
  for (let i = 1; i < count; i++) {
    const next = (all.at(-1) as Tensor).clone();
    for (const position of changed) next.select(1, position).copy_(randn([1, D], generator, { dtype: "float64" }));
    all.push(next);
  }
  return all;
}

/** Begins a pass, as if the one before were over. */
function nextPass(cache: FeatureCache): PackedFeatures[] {
  cache.begin();
  cache.done();
  return cache.layers.map((features) => new PackedFeatures([{ rows: LENGTH, features }]));
}

const furthest = (a: Tensor, b: Tensor): number => Math.max(...a.sub(b).abs().toNumbers());

function compare(
  model: Llada,
  inputs: readonly Tensor[],
  options: { promptInterval: number; genInterval: number; transferRatio: number },
): number[] {
  return inferenceMode(() =>
    scope(() => {
      using cache = new FeatureCache(options, { promptLength: PROMPT, length: LENGTH, layers: LAYERS });
      const positions = Array.from({ length: LENGTH }, (_, i) => i);
      const rotary = new Rotary(model.config).tables([positions], "float64", "cpu");
      return inputs.map((embeds) =>
        furthest(
          hiddenStates(model, embeds, { rotary, sources: nextPass(cache) }),
          hiddenStates(model, embeds, { rotary }),
        ),
      );
    }),
  );
}

describe.each([4, 2])("with %i key heads for 4 query heads", (kvHeads) => {
  const model = tinyLlada(kvHeads);

  test("refreshed in every pass, it is the network alone", () => {
    const inputs = passes(3, [6, 8]);
    for (const distance of compare(model, inputs, { promptInterval: 1, genInterval: 1, transferRatio: 0 }))
      expect(distance).toBeLessThan(1e-12);
  });

  test("with the whole answer transferred, only the prompt's features are old", () => {
    const inputs = passes(3, [6, 8]);
    const [first, ...later] = compare(model, inputs, { promptInterval: 3, genInterval: 3, transferRatio: 1 });
    expect(first).toBeLessThan(1e-12);
    for (const distance of later) {
      expect(distance).toBeGreaterThan(1e-3);
      expect(distance).toBeLessThan(10);
    }
    const again = compare(model, inputs, { promptInterval: 1, genInterval: 3, transferRatio: 1 });
    for (const distance of again) expect(distance).toBeLessThan(1e-12);
  });

  test("without any refresh or transfer every feature is that of the first pass", () => {
    inferenceMode(() =>
      scope(() => {
        const [first, second] = passes(2, [6]) as [Tensor, Tensor];
        using cache = new FeatureCache(
          { promptInterval: 9, genInterval: 9, transferRatio: 0 },
          { promptLength: PROMPT, length: LENGTH, layers: LAYERS },
        );
        const rotary = new Rotary(model.config).tables([[...new Array(LENGTH).keys()]], "float64", "cpu");
        const run = (embeds: Tensor) => hiddenStates(model, embeds, { rotary, sources: nextPass(cache) });
        const before = run(first);
        const after = run(second);
        // What a block adds is old; what it is added to is the new embedding.
        expect(furthest(after.select(1, 0), before.select(1, 0))).toBe(0);
        expect(furthest(after.select(1, 6), before.select(1, 6))).toBeGreaterThan(1e-3);
      }),
    );
  });

  test("the positions asked for are those of the whole", () => {
    inferenceMode(() =>
      scope(() => {
        const [embeds] = passes(1, []) as [Tensor];
        const rotary = new Rotary(model.config).tables([[...new Array(LENGTH).keys()]], "float64", "cpu");
        using cache = new FeatureCache(
          { promptInterval: 1, genInterval: 1, transferRatio: 0 },
          { promptLength: PROMPT, length: LENGTH, layers: LAYERS },
        );
        const sources = () => nextPass(cache);
        const whole = hiddenStates(model, embeds, { rotary, sources: sources() });
        const asked = { index: idTensor([5, 9], "cpu"), perSegment: [2] };
        const few = hiddenStates(model, embeds, { rotary, sources: sources(), asked });
        expect(furthest(few, whole.indexSelect(1, asked.index))).toBe(0);
      }),
    );
  });
});

test("a cache that is disposed leaves nothing", () => {
  const model = tinyLlada(4);
  const inputs = passes(3, [7]);
  const before = memory();
  compare(model, inputs, { promptInterval: 2, genInterval: 3, transferRatio: 0.5 });
  expect(memory()).toEqual(before);
});
