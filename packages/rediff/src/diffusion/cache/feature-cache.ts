/** dLLM-Cache (arXiv 2506.06295), as LLaDA-V's demo uses it: between refreshes, features of earlier forward passes
 *  stand in for new ones. Approximate: tokens differ from those without it.
 *  D width, P prompt rows, G rows after the prompt (answer and suffix), s forward pass, from 1.
 *
 *  Per block and for prompt and answer apart it keeps keys and values (before rotation), the attention's output and the
 *  feed-forward's output. At pass s the prompt is refreshed when (s - 1) mod Kp = 0, the answer when (s - 1) mod Kr = 0.
 *  An answer that is not refreshed still gets its floor(rho G) rows whose values have turned most (lowest cosine) anew.
 *  Departure from the reference: grouped-query attention works. */
import { cat, detachFromScope, scaledDotProductAttention, scope, type Tensor } from "@rediff/torch";
import { linear } from "../../models/kernels.js";
import {
  type BlockWeights,
  feedForward,
  type Llada,
  mergeHeads,
  repeatHeads,
  rmsNorm,
  splitHeads,
} from "../../models/llada/llada.js";
import { type RotaryTables, rotate } from "../../models/rotary.js";
import type { FeatureCacheOptions } from "../decode-options.js";

type Feature = "key" | "value" | "attention" | "feedForward";
type Part = "prompt" | "answer";

/** Features of one sequence over its forward passes. */
export class FeatureCache implements Disposable {
  readonly options: FeatureCacheOptions;
  readonly promptLength: number;
  #pass = 0;
  readonly #kept = new Map<string, Tensor>();

  constructor(options: FeatureCacheOptions, promptLength: number) {
    this.options = options;
    this.promptLength = promptLength;
  }

  /** Begins a forward pass: what is computed anew in it. */
  nextPass(): { prompt: boolean; answer: boolean } {
    const before = this.#pass++;
    return {
      prompt: before % this.options.promptInterval === 0,
      answer: before % this.options.genInterval === 0,
    };
  }

  get(layer: number, part: Part, feature: Feature): Tensor {
    return this.#kept.get(`${layer} ${part} ${feature}`) as Tensor;
  }

  /** Keeps a tensor beyond the scope it was made in. */
  set(layer: number, part: Part, feature: Feature, tensor: Tensor): void {
    const key = `${layer} ${part} ${feature}`;
    const own = detachFromScope(tensor.clone());
    this.#kept.get(key)?.dispose();
    this.#kept.set(key, own);
  }

  [Symbol.dispose](): void {
    for (const tensor of this.#kept.values()) tensor.dispose();
    this.#kept.clear();
  }
}

/** `hiddenStates` with the cache: embeddings [1, P+G, D] to final hidden states of all rows. */
export function cachedHiddenStates(model: Llada, cache: FeatureCache, embeds: Tensor, rotary: RotaryTables): Tensor {
  const refresh = cache.nextPass();
  return scope(() => {
    let x = embeds;
    for (const [layer, weights] of model.weights.blocks.entries()) {
      const next = scope(() => cachedBlock({ model, cache, layer, w: weights, rotary, refresh }, x));
      if (layer > 0) x.dispose();
      x = next;
    }
    return rmsNorm(x, model.weights.norm, model.config.rmsNormEps);
  });
}

interface BlockContext {
  model: Llada;
  cache: FeatureCache;
  layer: number;
  w: BlockWeights;
  rotary: RotaryTables;
  refresh: { prompt: boolean; answer: boolean };
}

function cachedBlock(c: BlockContext, x: Tensor): Tensor {
  const { model, cache, layer, w } = c;
  const { rmsNormEps } = model.config;
  const turned = updateAttention(c, x);
  const y = x.add(both(c, "attention"));

  // The feed-forward of the same rows follows, on the current input.
  const { prompt, answer } = split(c, y);
  const apply = (rows: Tensor) => feedForward(w, rmsNorm(rows, w.postAttentionNorm, rmsNormEps));
  if (c.refresh.prompt) cache.set(layer, "prompt", "feedForward", apply(prompt));
  if (c.refresh.answer) cache.set(layer, "answer", "feedForward", apply(answer));
  else if (turned !== undefined) replaceRows(c, "feedForward", turned, apply(answer.indexSelect(1, turned)));
  return y.add(both(c, "feedForward"));
}

/** Brings keys, values and attention outputs up to date; returns the answer rows chosen for it (int64 [k]), if any. */
function updateAttention(c: BlockContext, x: Tensor): Tensor | undefined {
  const { cache, layer, w, model, refresh } = c;
  const { prompt, answer } = split(c, rmsNorm(x, w.inputNorm, model.config.rmsNormEps));
  const store = (part: Part, rows: Tensor) => {
    cache.set(layer, part, "key", linear(rows, w.key));
    cache.set(layer, part, "value", linear(rows, w.value));
  };
  if (refresh.prompt) store("prompt", prompt);
  let turned: Tensor | undefined;
  if (refresh.answer) store("answer", answer);
  else {
    turned = mostTurned(c, answer);
    if (turned !== undefined) {
      const rows = answer.indexSelect(1, turned);
      replaceRows(c, "key", turned, linear(rows, w.key));
      replaceRows(c, "value", turned, linear(rows, w.value));
    }
  }

  const first = cache.promptLength;
  if (refresh.prompt)
    cache.set(
      layer,
      "prompt",
      "attention",
      attend(c, prompt, (t) => t.narrow(2, 0, first)),
    );
  if (refresh.answer)
    cache.set(
      layer,
      "answer",
      "attention",
      attend(c, answer, (t) => t.narrow(2, first, answer.size(1))),
    );
  else if (turned !== undefined) {
    const chosen = turned;
    const attended = attend(c, answer.indexSelect(1, chosen), (t) => t.indexSelect(2, chosen.add(first)));
    replaceRows(c, "attention", chosen, attended);
  }
  return turned;
}

/** The floor(rho G) answer rows whose new values point elsewhere than the cached ones: int64 [k] */
function mostTurned(c: BlockContext, answer: Tensor): Tensor | undefined {
  const { cache, layer, w } = c;
  const count = Math.floor(answer.size(1) * cache.options.transferRatio);
  if (count === 0) return undefined;
  const now = linear(answer, w.value);
  const then = cache.get(layer, "answer", "value");
  return cosineSimilarity(now, then).squeezeDim(0).topk(count, -1, false)[1];
}

/** Along the last dimension, each norm at least 1e-8, as torch.nn.functional has it. */
function cosineSimilarity(a: Tensor, b: Tensor): Tensor {
  const norm = (t: Tensor) => t.linalgVectorNorm(2, [-1], true).clamp(1e-8);
  return a
    .div(norm(a))
    .mul(b.div(norm(b)))
    .sum([-1]);
}

/** Attention of some rows over all cached keys and values; `at` picks the rows' places in the rotary tables. */
function attend(c: BlockContext, rows: Tensor, at: (table: Tensor) => Tensor): Tensor {
  const { model, w, rotary } = c;
  const { headDim, heads, kvHeads } = model.config;
  const q = rotate(splitHeads(linear(rows, w.query), headDim), { cos: at(rotary.cos), sin: at(rotary.sin) });
  const k = rotate(splitHeads(both(c, "key"), headDim), rotary);
  const v = splitHeads(both(c, "value"), headDim);
  const groups = heads / kvHeads;
  return linear(mergeHeads(scaledDotProductAttention(q, repeatHeads(k, groups), repeatHeads(v, groups))), w.output);
}

function both({ cache, layer }: BlockContext, feature: Feature): Tensor {
  return cat([cache.get(layer, "prompt", feature), cache.get(layer, "answer", feature)], 1);
}

function split({ cache }: BlockContext, x: Tensor): { prompt: Tensor; answer: Tensor } {
  const first = cache.promptLength;
  return { prompt: x.narrow(1, 0, first), answer: x.narrow(1, first, x.size(1) - first) };
}

function replaceRows({ cache, layer }: BlockContext, feature: Feature, index: Tensor, rows: Tensor): void {
  cache.get(layer, "answer", feature).indexCopy_(1, index, rows);
}
