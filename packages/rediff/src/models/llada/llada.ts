/** LLaDA: a Llama-shaped transformer in which every position sees every other (arXiv 2502.09992, section 2).
 *  B batch, L positions, D width, N query heads, K key-value heads, H head width, F feed-forward width, V vocabulary,
 *  R positions that are asked for.
 *
 *  - Pre-norm, RMSNorm, rotary positions, SwiGLU, no biases, untied head, no causal mask.
 *  - The norm multiplies by its weight after the cast back to the activations' dtype, as LLaDA-V does.
 *
 *  The network is defined here once, as a chain of stages. What varies is given to it: who sees whom, which positions
 *  are asked for, where features of earlier passes come from, what a linear weight is. */
import { scope, Tensor } from "@rediff/torch";
import { chainPieces, type Pieces, runChain, type Stage, stage } from "../chain.js";
import { mergeHeads, repeatHeads, splitHeads } from "../heads.js";
import { add_, type LinearWeight, linear, mul_, type StoredWeight, silu_ } from "../kernels.js";
import { at, attend, type Positions } from "./attend.js";
import type { LladaConfig } from "./llada-config.js";
import { type RotaryTables, rotaryAt, rotate } from "./rotary.js";
import type { Visibility } from "./visibility.js";

/** `W` is Tensor in a model; while adapters are trained, some weights are pairs with one (kernels.ts). */
export interface BlockWeights<W extends LinearWeight = Tensor> {
  inputNorm: Tensor; // [D]
  query: W; // [N*H, D]
  key: W; // [K*H, D]
  value: W; // [K*H, D]
  output: W; // [D, N*H]
  postAttentionNorm: Tensor; // [D]
  gate: W; // [F, D]
  up: W; // [F, D]
  down: W; // [D, F]
}

export interface LladaWeights<W extends StoredWeight = StoredWeight> {
  embedTokens: Tensor; // [V, D]
  blocks: readonly BlockWeights<W>[];
  norm: Tensor; // [D]
  head: Tensor; // [V, D]
}

export interface Llada<W extends StoredWeight = StoredWeight> {
  config: LladaConfig;
  weights: LladaWeights<W>;
}

/** A model whose weights are tensors, as training needs it. @throws for rounded weights */
export function unrounded(model: Llada): Llada<Tensor> {
  const isPlain = (w: BlockWeights<StoredWeight>): w is BlockWeights =>
    Object.values(w).every((weight) => weight instanceof Tensor);
  const blocks = model.weights.blocks.filter(isPlain);
  if (blocks.length < model.weights.blocks.length)
    throw new Error("weights of 8 or 4 bits are not trained: they have no gradients");
  return { config: model.config, weights: { ...model.weights, blocks } };
}

/** Features of a block that a cache may keep over forward passes; keys before rotation. */
export type Feature = "key" | "value" | "attention" | "feedForward";

/** Where a block's features come from when not all of them are computed in this pass (diffusion/cache). */
export interface FeatureSource {
  /** The positions whose features are computed in this pass, by the block's normed input; undefined is all. */
  due(h_BLD: Tensor, w: BlockWeights<LinearWeight>): Positions | undefined;
  /** A feature of all positions, [B, L, width], the caller's own. `compute` makes it of those that are due; it is not
   *  called when none are. */
  feature(name: Feature, compute: () => Tensor): Tensor;
}

const computeAll: FeatureSource = { due: () => undefined, feature: (_, compute) => compute() };

export interface BlockContext {
  config: LladaConfig;
  rotary: RotaryTables;
  visible: Visibility;
  /** Positions that come out of the block; the others matter as keys and values only. Default all. */
  asked?: Positions | undefined;
  /** Default: everything is computed. Cannot be combined with `asked`, for the others' features would be lost. */
  source?: FeatureSource | undefined;
}

/** One layer: [B, L, D] -> [B, L, D], or [B, R, D] of the positions asked for. */
export function block(w: BlockWeights<LinearWeight>, x_BLD: Tensor, context: BlockContext): Tensor {
  const { asked, source = computeAll, config } = context;
  return scope(() => {
    const x_BRD = at(x_BLD, asked);
    const h_BLD = rmsNorm(x_BLD, w.inputNorm, config.rmsNormEps);
    const due = source.due(h_BLD, w);
    const attended_BRD = source.feature("attention", () => attention(w, h_BLD, context, due));
    const y_BRD = add_(attended_BRD, x_BRD);
    const fed_BRD = source.feature("feedForward", () =>
      feedForward(w, rmsNorm(at(y_BRD, due), w.postAttentionNorm, config.rmsNormEps)),
    );
    return add_(fed_BRD, y_BRD);
  });
}

/** @param h_BLD normed input
 *  @param due positions whose keys and values are new; the others' come from the context's source */
function attention(
  w: BlockWeights<LinearWeight>,
  h_BLD: Tensor,
  { config, rotary, visible, asked, source = computeAll }: BlockContext,
  due: Positions | undefined,
): Tensor {
  const heads = (x: Tensor) => splitHeads(x, config.headDim);
  const asking = asked ?? due;
  const q_BNRH = rotate(heads(linear(at(h_BLD, asking), w.query)), rotaryAt(rotary, asking));
  const k_BKLH = rotate(heads(source.feature("key", () => linear(at(h_BLD, due), w.key))), rotary);
  const v_BKLH = heads(source.feature("value", () => linear(at(h_BLD, due), w.value)));
  const groups = config.heads / config.kvHeads;
  const attended_BNRH = attend(q_BNRH, repeatHeads(k_BKLH, groups), repeatHeads(v_BKLH, groups), visible, asking);
  return linear(mergeHeads(attended_BNRH), w.output);
}

/** down(silu(gate x) * up x) */
function feedForward(w: BlockWeights<LinearWeight>, x_BLD: Tensor): Tensor {
  return linear(mul_(silu_(linear(x_BLD, w.gate)), linear(x_BLD, w.up)), w.down);
}

/** x / sqrt(mean(x^2) + eps) in float32, cast back, then times the weight. */
export function rmsNorm(x_BLD: Tensor, weight_D: Tensor, eps: number): Tensor {
  const dtype = x_BLD.dtype;
  const wide_BLD = dtype === "float32" || dtype === "float64" ? x_BLD : x_BLD.to({ dtype: "float32" });
  const normed_BLD = wide_BLD.mul(wide_BLD.square().mean([-1], true).add(eps).rsqrt());
  return mul_(normed_BLD.dtype === dtype ? normed_BLD : normed_BLD.to({ dtype }), weight_D);
}

export interface LladaOptions {
  rotary: RotaryTables;
  visible?: Visibility;
  /** Positions whose hidden states are wanted; default all. */
  asked?: Positions | undefined;
  /** One for each layer; default: everything is computed. */
  sources?: readonly FeatureSource[] | undefined;
}

/** The network between embedding and head: all blocks, and with the last of them the final norm.
 *  Embeddings [B, L, D] -> hidden states [B, L, D], or [B, R, D] of the positions asked for. */
export function lladaStages({ config, weights }: Llada, options: LladaOptions): Stage[] {
  const { rotary, visible = {}, asked, sources } = options;
  const last = weights.blocks.length - 1;
  return weights.blocks.map((own, layer) => {
    const context: BlockContext = { config, rotary, visible, source: sources?.[layer] };
    if (layer < last) return stage(own, (w, x_BLD) => block(w, x_BLD, context));
    return stage({ block: own, norm: weights.norm }, (w, x_BLD) =>
      scope(() => {
        const x_BRD =
          sources === undefined
            ? block(w.block, x_BLD, { ...context, asked })
            : at(block(w.block, x_BLD, context), asked);
        return rmsNorm(x_BRD, w.norm, config.rmsNormEps);
      }),
    );
  });
}

/** Embeddings to final hidden states: `lladaStages`, forward only. */
export function hiddenStates(model: Llada, embeds_BLD: Tensor, options: LladaOptions): Tensor {
  return runChain(lladaStages(model, options), embeds_BLD);
}

/** The same in pieces, layer by layer. */
export function hiddenPieces(model: Llada, embeds_BLD: Tensor, options: LladaOptions): Pieces<Tensor> {
  return chainPieces(lladaStages(model, options), embeds_BLD, "language");
}

/** Token ids to embeddings: int64 [...] -> [..., D] */
export function embed(model: Llada, ids: Tensor): Tensor {
  return scope(() =>
    model.weights.embedTokens.indexSelect(0, ids.reshape([-1])).view([...ids.shape, model.config.hiddenSize]),
  );
}

/** Hidden states to float32 logits over the first `vocabulary` tokens (all by default): [..., V] */
export function logits(model: Llada, hidden: Tensor, vocabulary = model.config.vocabSize): Tensor {
  const { head } = model.weights;
  return scope(() =>
    linear(hidden, vocabulary < head.size(0) ? head.narrow(0, 0, vocabulary) : head).to({ dtype: "float32" }),
  );
}
