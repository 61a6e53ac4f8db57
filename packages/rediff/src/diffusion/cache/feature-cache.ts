/** dLLM-Cache (arXiv 2506.06295), as LLaDA-V's demo uses it: between refreshes, features of earlier forward passes
 *  stand in for new ones. Approximate: tokens differ from those without it.
 *  L positions, the first P of them the prompt, G after it (answer and suffix), D width, s forward pass, from 1.
 *
 *  A layer keeps keys (rotated) and values, the attention's output and the feed-forward's output. At pass s the
 *  prompt is refreshed when (s - 1) mod Kp = 0, the answer when (s - 1) mod Kr = 0. An answer that is not refreshed
 *  still gets its floor(rho G) positions anew whose values have turned most (lowest cosine). What is not due keeps the
 *  features that it has.
 *
 *  The network is the one of models/llada; this file only says which positions are due, and remembers.
 *  Departure from the reference: grouped-query attention works. */
import { arange, cat, detachFromScope, type Tensor } from "@rediff/torch";
import { mergeHeads } from "../../models/heads.js";
import { linear } from "../../models/kernels.js";
import type { KeyValues } from "../../models/llada/attend.js";
import type { BlockOutput } from "../../models/llada/llada.js";
import type { FeatureCacheOptions } from "./cache-options.js";
import { KeptPart } from "./kept-together.js";
import type { SegmentFeatures } from "./packed-features.js";
import type { PassPlan, PassPlanner } from "./pass-plan.js";

/** What is computed anew in a forward pass, whatever the values say. */
interface Refresh {
  prompt: boolean;
  answer: boolean;
}

/** Features of one sequence over its forward passes. */
export class FeatureCache implements PassPlanner, Disposable {
  readonly layers: readonly LayerFeatures[];
  readonly #options: FeatureCacheOptions;
  readonly #promptLength: number;
  readonly #length: number;
  #passes = 0;

  constructor(options: FeatureCacheOptions, sequence: { promptLength: number; length: number; layers: number }) {
    this.#options = options;
    const { promptLength, length, layers } = sequence;
    this.#promptLength = promptLength;
    this.#length = length;
    this.layers = Array.from({ length: layers }, () => new LayerFeatures(promptLength, options.transferRatio));
  }

  /** Of the next pass. */
  get #refresh(): Refresh {
    const { promptInterval, genInterval } = this.#options;
    return { prompt: this.#passes % promptInterval === 0, answer: this.#passes % genInterval === 0 };
  }

  plan(): PassPlan {
    const { prompt, answer } = this.#refresh;
    const inAnswer = this.#length - this.#promptLength;
    const computed =
      (prompt ? this.#promptLength : 0) + (answer ? inAnswer : Math.floor(inAnswer * this.#options.transferRatio));
    return { rows: undefined, isFull: prompt && answer, computed };
  }

  /** The values say what has changed. */
  wrote(): void {}

  /** Begins a forward pass, again if the one before was not done. */
  begin(): void {
    for (const layer of this.layers) layer.begin(this.#refresh);
  }

  done(): void {
    this.#passes++;
  }

  [Symbol.dispose](): void {
    for (const layer of this.layers) layer[Symbol.dispose]();
  }
}

class LayerFeatures implements SegmentFeatures, Disposable {
  readonly keepsOutputs = true;
  readonly #promptLength: number;
  readonly #transferRatio: number;
  readonly part = new KeptPart(() => this.isWhole);
  /** Of all positions: [1, L, D] */
  readonly #outputs = new Map<BlockOutput, Tensor>();
  #refresh: Refresh = { prompt: true, answer: true };
  /** Of the pass under way; undefined is all. */
  #due: Tensor | undefined;

  constructor(promptLength: number, transferRatio: number) {
    this.#promptLength = promptLength;
    this.#transferRatio = transferRatio;
  }

  get isWhole(): boolean {
    return this.#refresh.prompt && this.#refresh.answer;
  }

  begin(refresh: Refresh): void {
    this.#refresh = refresh;
  }

  due(h_1LD: Tensor, w: Parameters<SegmentFeatures["due"]>[1]): Tensor | undefined {
    this.#due = this.isWhole ? undefined : this.#choose(h_1LD, w);
    return this.#due;
  }

  seen(due: KeyValues): KeyValues {
    this.part.goOnAlone();
    if (this.#due !== undefined) return this.part.write(due, this.#due);
    this.part.keep(due);
    return due;
  }

  output(name: BlockOutput, due_1RD: Tensor | undefined): Tensor {
    const kept = this.#outputs.get(name);
    if (this.#due === undefined) {
      const all_1LD = due_1RD as Tensor;
      if (kept === undefined) this.#outputs.set(name, detachFromScope(all_1LD.clone()));
      else kept.copy_(all_1LD);
      return all_1LD;
    }
    if (kept === undefined) throw new Error(`the cache has no ${name} yet: the first pass computes everything`);
    if (due_1RD !== undefined) kept.indexCopy_(1, this.#due, due_1RD);
    return kept;
  }

  #choose(h_1LD: Tensor, w: Parameters<SegmentFeatures["due"]>[1]): Tensor {
    const length = h_1LD.size(1);
    const first = this.#promptLength;
    const range = (from: number, to: number) => arange(from, to, 1, { device: h_1LD.device });
    const parts: Tensor[] = [];
    if (this.#refresh.prompt) parts.push(range(0, first));
    if (this.#refresh.answer) parts.push(range(first, length));
    else {
      const count = Math.floor((length - first) * this.#transferRatio);
      if (count > 0) {
        const now_1GD = linear(h_1LD.narrow(1, first, length - first), w.value);
        const then_1GD = mergeHeads(this.part.kept.values.narrow(2, first, length - first));
        parts.push(mostTurned(now_1GD, then_1GD, count).add(first));
      }
    }
    return parts.length === 0 ? range(0, 0) : cat(parts, 0);
  }

  [Symbol.dispose](): void {
    this.part[Symbol.dispose]();
    for (const tensor of this.#outputs.values()) tensor.dispose();
    this.#outputs.clear();
  }
}

/** The `count` positions whose new features point elsewhere than the old ones: int64 [count]. In float32 at most: beyond that,
 *  what has not changed at all would be told apart by the order of sums. */
function mostTurned(now_1GD: Tensor, then_1GD: Tensor, count: number): Tensor {
  return cosineSimilarity(now_1GD, then_1GD).to({ dtype: "float32" }).squeezeDim(0).topk(count, -1, false)[1];
}

/** Along the last dimension, each norm at least 1e-8, as torch.nn.functional has it. */
function cosineSimilarity(a: Tensor, b: Tensor): Tensor {
  const norm = (t: Tensor) => t.linalgVectorNorm(2, [-1], true).clamp(1e-8);
  return a
    .div(norm(a))
    .mul(b.div(norm(b)))
    .sum([-1]);
}
