/** LLaDA: a Llama-shaped transformer in which every position sees every other (arXiv 2502.09992, section 2).
 *  B batch, L positions, D width, N query heads, K key-value heads, H head width, F feed-forward width, V vocabulary,
 *  R rows that somebody asks for.
 *
 *  - Pre-norm, RMSNorm, rotary positions, SwiGLU, no biases, untied head, no causal mask, no cache.
 *  - The norm multiplies by its weight after the cast back to the activations' dtype, as LLaDA-V does.
 *  - Without padding no mask is passed at all, not even one of zeros: that would rule out the flash kernel. */
import { cat, scaledDotProductAttention, scope, type Tensor } from "@rediff/torch";
import type { LladaConfig } from "../../checkpoint/config.js";
import { type LinearWeight, linear, productOf, siluOf, sumOf } from "../kernels.js";
import { type RotaryTables, rotate } from "../rotary.js";

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

export interface LladaWeights {
  embedTokens: Tensor; // [V, D]
  blocks: readonly BlockWeights[];
  norm: Tensor; // [D]
  head: Tensor; // [V, D]
}

export interface Llada {
  config: LladaConfig;
  weights: LladaWeights;
}

/** Who sees whom.
 *  - nothing given: every row of a sequence sees every other;
 *  - `segments`: the L rows are independent sequences of these lengths, laid end to end (B must be 1);
 *  - `mask`: added to the scores, [B, 1, L or 1, L]. */
export interface Visibility {
  segments?: readonly number[] | undefined;
  mask?: Tensor | undefined;
}

/** x / sqrt(mean(x^2) + eps) in float32, cast back, then times the weight. */
export function rmsNorm(x_BLD: Tensor, weight_D: Tensor, eps: number): Tensor {
  const dtype = x_BLD.dtype;
  const x = dtype === "float32" || dtype === "float64" ? x_BLD : x_BLD.to({ dtype: "float32" });
  const normed = x.mul(x.square().mean([-1], true).add(eps).rsqrt());
  return productOf(normed.dtype === dtype ? normed : normed.to({ dtype }), weight_D);
}

/** [B, L, heads*H] -> [B, heads, L, H] */
export function splitHeads(x: Tensor, headDim: number): Tensor {
  const [batch = 1, length = 0] = x.shape;
  return x.view([batch, length, -1, headDim]).transpose(1, 2);
}

/** [B, N, L, H] -> [B, L, N*H] */
export function mergeHeads(x: Tensor): Tensor {
  const [batch = 1, , length = 0] = x.shape;
  return x.transpose(1, 2).reshape([batch, length, -1]);
}

/** Gives every query head its key-value head: [B, K, L, H] -> [B, N, L, H] */
export function repeatHeads(x_BKLH: Tensor, times: number): Tensor {
  if (times === 1) return x_BKLH;
  const [batch = 1, heads = 1, length = 0, width = 0] = x_BKLH.shape;
  return x_BKLH
    .unsqueeze(2)
    .expand([batch, heads, times, length, width])
    .reshape([batch, heads * times, length, width]);
}

/** Segments of one length: [1, N, S*L, H] -> [S, N, L, H]; as `splitHeads` lays heads out, without a copy. */
function segmentsAsBatch(x: Tensor, length: number): Tensor {
  const [, heads = 1, , width = 0] = x.shape;
  return x.reshape([heads, -1, length, width]).transpose(0, 1);
}

/** softmax(q k^T / sqrt(H) + mask) v, segment by segment: [B, N, Rq, H] */
function attend(q: Tensor, k: Tensor, v: Tensor, visible: Visibility, queries: readonly number[]): Tensor {
  const { segments, mask } = visible;
  if (segments === undefined || segments.length === 1) return scaledDotProductAttention(q, k, v, mask);
  const length = segments[0] as number;
  if (segments.every((own, i) => own === length && queries[i] === length)) {
    const own = (x: Tensor) => segmentsAsBatch(x, length);
    const attended = scaledDotProductAttention(own(q), own(k), own(v)).transpose(0, 1);
    return attended.reshape([1, q.size(1), q.size(2), q.size(3)]);
  }
  // Cut all at once, so that gradients are joined all at once.
  const [qs, ks, vs] = [q.splitWithSizes(queries, 2), k.splitWithSizes(segments, 2), v.splitWithSizes(segments, 2)];
  const asked = [...segments.keys()].filter((i) => (queries[i] ?? 0) > 0);
  return cat(
    asked.map((i) => scaledDotProductAttention(qs[i] as Tensor, ks[i] as Tensor, vs[i] as Tensor)),
    2,
  );
}

/** Rows of the last block that somebody asks for; the others matter only as keys and values.
 *  `perSegment[i]` of them lie in segment i, and `index` lists them in order. */
export interface Rows {
  index: Tensor; // int64 [R]
  perSegment: readonly number[];
}

export function attention(
  w: BlockWeights<LinearWeight>,
  x_BLD: Tensor,
  rotary: RotaryTables,
  visible: Visibility,
  config: LladaConfig,
  rows?: Rows,
): Tensor {
  const asked = rows === undefined ? x_BLD : x_BLD.indexSelect(1, rows.index);
  const tables =
    rows === undefined
      ? rotary
      : { cos: rotary.cos.indexSelect(2, rows.index), sin: rotary.sin.indexSelect(2, rows.index) };
  const groups = config.heads / config.kvHeads;
  const q_BNRH = rotate(splitHeads(linear(asked, w.query), config.headDim), tables);
  const k_BNLH = repeatHeads(rotate(splitHeads(linear(x_BLD, w.key), config.headDim), rotary), groups);
  const v_BNLH = repeatHeads(splitHeads(linear(x_BLD, w.value), config.headDim), groups);
  const queries = rows?.perSegment ?? visible.segments ?? [];
  return linear(mergeHeads(attend(q_BNRH, k_BNLH, v_BNLH, visible, queries)), w.output);
}

/** down(silu(gate x) * up x) */
export function feedForward(w: BlockWeights<LinearWeight>, x_BLD: Tensor): Tensor {
  return linear(productOf(siluOf(linear(x_BLD, w.gate)), linear(x_BLD, w.up)), w.down);
}

/** One layer. With `rows`, only these come out: [B, R, D] instead of [B, L, D]. */
export function block(
  w: BlockWeights<LinearWeight>,
  x_BLD: Tensor,
  rotary: RotaryTables,
  visible: Visibility,
  config: LladaConfig,
  rows?: Rows,
): Tensor {
  return scope(() => {
    const residual = rows === undefined ? x_BLD : x_BLD.indexSelect(1, rows.index);
    const attended = attention(w, rmsNorm(x_BLD, w.inputNorm, config.rmsNormEps), rotary, visible, config, rows);
    const y = sumOf(attended, residual);
    return sumOf(feedForward(w, rmsNorm(y, w.postAttentionNorm, config.rmsNormEps)), y);
  });
}

/** Token ids to rows: int64 [...] -> [..., D] */
export function embed(model: Llada, ids: Tensor): Tensor {
  return scope(() =>
    model.weights.embedTokens.indexSelect(0, ids.reshape([-1])).view([...ids.shape, model.config.hiddenSize]),
  );
}

export interface ForwardOptions {
  rotary: RotaryTables;
  visible?: Visibility;
  rows?: Rows;
  /** Called with the input of every block, and with the output of the final norm: for tests of parity. */
  onHidden?: (layer: number, hidden: Tensor) => void;
}

/** Embeddings to final hidden states after the last norm: [B, L, D], or [B, R, D] with `rows`. */
export function hiddenStates(model: Llada, embeds_BLD: Tensor, options: ForwardOptions): Tensor {
  const { rotary, visible = {}, rows, onHidden } = options;
  const { blocks, norm } = model.weights;
  return scope(() => {
    let x = embeds_BLD;
    for (const [i, weights] of blocks.entries()) {
      onHidden?.(i, x);
      const next = block(weights, x, rotary, visible, model.config, i === blocks.length - 1 ? rows : undefined);
      if (i > 0) x.dispose();
      x = next;
    }
    const normed = rmsNorm(x, norm, model.config.rmsNormEps);
    onHidden?.(blocks.length, normed);
    return normed;
  });
}

/** Hidden states to float32 logits over the first `vocabulary` tokens (all by default): [..., V] */
export function logits(model: Llada, hidden: Tensor, vocabulary = model.config.vocabSize): Tensor {
  const { head } = model.weights;
  return scope(() =>
    linear(hidden, vocabulary < head.size(0) ? head.narrow(0, 0, vocabulary) : head).to({ dtype: "float32" }),
  );
}

/** A 2-D padding mask as something to add to the scores: 0 where a key may be seen, the dtype's minimum elsewhere.
 *  Adding the minimum (and not -inf) makes a row without any visible key attend evenly, as in the reference.
 *  bool [B, L] -> [B, 1, 1, L] */
export function keyMask(visible_BL: Tensor, like: Tensor): Tensor {
  return additiveMask(visible_BL.unsqueeze(1).unsqueeze(1), like);
}

const MINIMUM = { float32: -3.4028234663852886e38, float64: -Number.MAX_VALUE, bfloat16: -3.3895313892515355e38 };

/** true -> 0, false -> the minimum of `like`'s dtype. */
export function additiveMask(visible: Tensor, like: Tensor): Tensor {
  const dtype = like.dtype;
  const minimum = dtype === "float16" ? -65504 : (MINIMUM[dtype as keyof typeof MINIMUM] ?? MINIMUM.float32);
  return visible.logicalNot().to({ dtype, device: like.device }).mul(minimum);
}
