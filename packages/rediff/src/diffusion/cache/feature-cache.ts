/** dLLM-Cache (arXiv 2506.06295), as LLaDA-V's demo uses it: between refreshes, features of earlier forward passes
 *  stand in for new ones. Approximate: tokens differ from those without it.
 *  L positions, the first P of them the prompt, G after it (answer and suffix), D width, s forward pass, from 1.
 *
 *  A layer keeps keys and values (before rotation), the attention's output and the feed-forward's output. At pass s the
 *  prompt is refreshed when (s - 1) mod Kp = 0, the answer when (s - 1) mod Kr = 0. An answer that is not refreshed
 *  still gets its floor(rho G) positions anew whose values have turned most (lowest cosine). What is not due keeps the
 *  features that it has.
 *
 *  The network is the one of models/llada; this file only says which positions are due, and remembers.
 *  Departure from the reference: grouped-query attention works. */
import { arange, cat, detachFromScope, type Tensor } from "@rediff/torch";
import { linear } from "../../models/kernels.js";
import type { Positions } from "../../models/llada/attend.js";
import type { Feature, FeatureSource } from "../../models/llada/llada.js";
import type { FeatureCacheOptions } from "../decode-options.js";

/** What is computed anew in a forward pass, whatever the values say. */
interface Refresh {
  prompt: boolean;
  answer: boolean;
}

/** Features of one sequence over its forward passes. */
export class FeatureCache implements Disposable {
  readonly #options: FeatureCacheOptions;
  readonly #layers: LayerFeatures[];
  #passes = 0;

  constructor(options: FeatureCacheOptions, sequence: { promptLength: number; layers: number }) {
    this.#options = options;
    const { promptLength, layers } = sequence;
    this.#layers = Array.from({ length: layers }, () => new LayerFeatures(promptLength, options.transferRatio));
  }

  /** Begins a forward pass. @returns where the features of each layer come from in it */
  nextPass(): readonly FeatureSource[] {
    const before = this.#passes++;
    const refresh = {
      prompt: before % this.#options.promptInterval === 0,
      answer: before % this.#options.genInterval === 0,
    };
    for (const layer of this.#layers) layer.begin(refresh);
    return this.#layers;
  }

  [Symbol.dispose](): void {
    for (const layer of this.#layers) layer[Symbol.dispose]();
  }
}

class LayerFeatures implements FeatureSource, Disposable {
  readonly #promptLength: number;
  readonly #transferRatio: number;
  /** Of all positions: [1, L, width] */
  readonly #kept = new Map<Feature, Tensor>();
  #refresh: Refresh = { prompt: true, answer: true };
  /** Of the pass under way; undefined is all. */
  #due: Positions | undefined;

  constructor(promptLength: number, transferRatio: number) {
    this.#promptLength = promptLength;
    this.#transferRatio = transferRatio;
  }

  begin(refresh: Refresh): void {
    this.#refresh = refresh;
  }

  due(h_BLD: Tensor, w: Parameters<FeatureSource["due"]>[1]): Positions | undefined {
    const { prompt, answer } = this.#refresh;
    this.#due = prompt && answer ? undefined : this.#choose(h_BLD, w);
    return this.#due;
  }

  feature(name: Feature, compute: () => Tensor): Tensor {
    if (this.#due === undefined) this.#keep(name, compute());
    else if (this.#due.perSegment[0] !== 0) this.#stored(name).indexCopy_(1, this.#due.index, compute());
    return this.#stored(name).clone();
  }

  #choose(h_BLD: Tensor, w: Parameters<FeatureSource["due"]>[1]): Positions {
    const length = h_BLD.size(1);
    const first = this.#promptLength;
    const range = (from: number, to: number) => arange(from, to, 1, { device: h_BLD.device });
    const parts: Tensor[] = [];
    if (this.#refresh.prompt) parts.push(range(0, first));
    if (this.#refresh.answer) parts.push(range(first, length));
    else {
      const count = Math.floor((length - first) * this.#transferRatio);
      if (count > 0) {
        const now_BGD = linear(h_BLD.narrow(1, first, length - first), w.value);
        const then_BGD = this.#stored("value").narrow(1, first, length - first);
        parts.push(mostTurned(now_BGD, then_BGD, count).add(first));
      }
    }
    const index = parts.length === 0 ? range(0, 0) : cat(parts, 0);
    return { index, perSegment: [index.size(0)] };
  }

  #stored(name: Feature): Tensor {
    const stored = this.#kept.get(name);
    if (stored === undefined) throw new Error(`the cache has no ${name} yet: the first pass computes everything`);
    return stored;
  }

  /** Keeps a tensor beyond the scope it was made in. */
  #keep(name: Feature, feature: Tensor): void {
    this.#kept.get(name)?.dispose();
    this.#kept.set(name, detachFromScope(feature));
  }

  [Symbol.dispose](): void {
    for (const tensor of this.#kept.values()) tensor.dispose();
    this.#kept.clear();
  }
}

/** The `count` positions whose new features point elsewhere than the old ones: int64 [count] */
function mostTurned(now_1GD: Tensor, then_1GD: Tensor, count: number): Tensor {
  return cosineSimilarity(now_1GD, then_1GD).squeezeDim(0).topk(count, -1, false)[1];
}

/** Along the last dimension, each norm at least 1e-8, as torch.nn.functional has it. */
function cosineSimilarity(a: Tensor, b: Tensor): Tensor {
  const norm = (t: Tensor) => t.linalgVectorNorm(2, [-1], true).clamp(1e-8);
  return a
    .div(norm(a))
    .mul(b.div(norm(b)))
    .sum([-1]);
}
