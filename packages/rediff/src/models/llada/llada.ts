/** LLaDA: a Llama-shaped transformer in which every position sees every other (arXiv 2502.09992, section 2).
 *  B batch, L positions, D width, N query heads, K key-value heads, H head width, F feed-forward width, V vocabulary,
 *  R positions that are asked for.
 *
 *  - Pre-norm, RMSNorm, rotary positions, SwiGLU, no biases, untied head, no causal mask.
 *  - The norm multiplies by its weight after the cast back to the activations' dtype, as LLaDA-V does.
 *
 *  The network is defined here once, as a chain of stages. What varies is given to it: who sees whom, which positions
 *  are asked for, where features of earlier passes come from, what a linear weight is. */
import { type Float8Weight, QuantizedWeight, quantizedRows, scope, Tensor } from "@rediff/torch";
import { chainPieces, type Pieces, runChain, type Stage, stage } from "../chain.js";
import { mergeHeads, splitHeads } from "../heads.js";
import { add_, gated_, type LinearWeight, linear, linearPair, rmsNorm, type StoredWeight } from "../kernels.js";
import { at, attend, attendKept, type KeyValues, type Positions, type SeenKeyValues } from "./attend.js";
import type { LladaConfig } from "./llada-config.js";
import { type RotaryTables, rotaryAt, rotate_ } from "./rotary.js";
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
  head: HeadWeight<W>; // [V, D]
}

/** What the head may be: its confidences are made of its products, so it is never in float8 (docs/quantize.md). */
export type HeadWeight<W extends StoredWeight = StoredWeight> = Exclude<W, Float8Weight>;

export interface Llada<W extends StoredWeight = StoredWeight> {
  config: LladaConfig;
  weights: LladaWeights<W>;
}

/** A model whose weights are tensors, as training needs it. @throws for rounded weights */
export function unrounded(model: Llada): Llada<Tensor> {
  const isPlain = (w: BlockWeights<StoredWeight>): w is BlockWeights =>
    Object.values(w).every((weight) => weight instanceof Tensor);
  const blocks = model.weights.blocks.filter(isPlain);
  const { head } = model.weights;
  if (blocks.length < model.weights.blocks.length || head instanceof QuantizedWeight)
    throw new Error("weights of 8 or 4 bits are not trained: they have no gradients");
  return { config: model.config, weights: { ...model.weights, blocks, head } };
}

/** What a block adds to its input, in two parts. */
export type BlockOutput = "attention" | "feedForward";

/** Where a block's features come from when not all of them are computed in this pass (diffusion/cache). A pass may have
 *  fewer rows than its sequences have positions: what the others' keys and values were is the source's to know. */
export interface FeatureSource {
  /** Outputs of rows that are not due are kept, so rows that nobody asked for cannot be left out. */
  readonly keepsOutputs: boolean;
  /** The rows whose features are computed in this pass, by the block's normed input; undefined is all. */
  due(h_1RD: Tensor, w: BlockWeights<LinearWeight>): Positions | undefined;
  /** What the segments see, by the due rows' keys and values; undefined is just those. */
  seen(due: KeyValues): SeenKeyValues | undefined;
  /** An output of all rows, the caller's own. `compute` makes it of those that are due; it is not called when none are. */
  output(name: BlockOutput, compute: () => Tensor): Tensor;
}

const computeAll: FeatureSource = {
  keepsOutputs: false,
  due: () => undefined,
  seen: () => undefined,
  output: (_, compute) => compute(),
};

export interface BlockContext {
  config: LladaConfig;
  rotary: RotaryTables;
  visible: Visibility;
  /** Positions that come out of the block; the others matter as keys and values only. Default all. */
  asked?: Positions | undefined;
  /** Default: everything is computed. One that keeps outputs cannot be combined with `asked`. */
  source?: FeatureSource | undefined;
}

/** One layer: [B, L, D] -> [B, L, D], or [B, R, D] of the positions asked for. */
export function block(w: BlockWeights<LinearWeight>, x_BLD: Tensor, context: BlockContext): Tensor {
  const { asked, source = computeAll, config } = context;
  return scope(() => {
    const x_BRD = at(x_BLD, asked);
    const h_BLD = rmsNorm(x_BLD, w.inputNorm, config.rmsNormEps);
    const due = source.due(h_BLD, w);
    const attended_BRD = source.output("attention", () => attention(w, h_BLD, context, due));
    const y_BRD = add_(attended_BRD, x_BRD);
    const fed_BRD = source.output("feedForward", () =>
      feedForward(w, rmsNorm(at(y_BRD, due), w.postAttentionNorm, config.rmsNormEps)),
    );
    return add_(fed_BRD, y_BRD);
  });
}

/** @param h_BLD normed input
 *  @param due rows whose keys and values are new; the others' come from the context's source */
function attention(
  w: BlockWeights<LinearWeight>,
  h_BLD: Tensor,
  { config, rotary, visible, asked, source = computeAll }: BlockContext,
  due: Positions | undefined,
): Tensor {
  const heads = (x: Tensor) => splitHeads(x, config.headDim);
  const asking = asked ?? due;
  const q_BNRH = rotate_(heads(linear(at(h_BLD, asking), w.query)), rotaryAt(rotary, asking));
  const [keyed, valued] = linearPair(at(h_BLD, due), w.key, w.value);
  const keys = rotate_(heads(keyed), rotaryAt(rotary, due));
  const values = heads(valued);
  const seen = source.seen({ keys, values });
  const attended_BNRH =
    seen === undefined ? attend(q_BNRH, keys, values, visible, asking) : attendKept(q_BNRH, seen, visible, asking);
  return linear(mergeHeads(attended_BNRH), w.output);
}

/** down(silu(gate x) * up x) */
function feedForward(w: BlockWeights<LinearWeight>, x_BLD: Tensor): Tensor {
  const [gate, up] = linearPair(x_BLD, w.gate, w.up);
  return linear(gated_(gate, up), w.down);
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
          context.source?.keepsOutputs !== true
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
  return scope(() =>
    headLogits(model, hidden, 0, Math.min(vocabulary, outputsOf(model.weights.head))).to({ dtype: "float32" }),
  );
}

/** Those of `count` tokens from `first` on, in the weights' dtype; of a rounded head on the CPU in float32, which it adds
 *  up in anyhow: [..., count]
 *  @param first of a rounded head a multiple of 16 */
export function headLogits({ weights }: Llada, hidden: Tensor, first: number, count: number): Tensor {
  const { head } = weights;
  const isPart = count < outputsOf(head);
  return scope(() => {
    if (head instanceof Tensor) return linear(hidden, isPart ? head.narrow(0, first, count) : head);
    const rows = hidden.device === "cpu" ? hidden.to({ dtype: "float32" }) : hidden;
    return linear(rows, isPart ? quantizedRows(head, first, count) : head);
  });
}

const outputsOf = (weight: HeadWeight): number => (weight instanceof Tensor ? weight.size(0) : weight.outputs);
