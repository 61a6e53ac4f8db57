/** From logits to tokens and confidences, without leaving the device.
 *  R rows, V vocabulary. */
import { fromBuffer, scope, stack, type Tensor, where } from "@rediff/torch";
import type { DecodeOptions } from "./decode-options.js";

/** Uniform random numbers in [0, 1) for one sequence. */
export interface Noise {
  /** float64, for Gumbel noise: one for each row and token */
  perToken(rows: number, vocabulary: number): Tensor;
  /** float32, for random remasking: one for each row */
  perRow(rows: number): Tensor;
}

/** exp(logit) / (-ln u)^temperature, whose argmax is a sample (Gumbel-max, written multiplicatively); float64.
 *  Low-precision Gumbel noise harms masked diffusion models (arXiv 2409.02908). */
export function addGumbelNoise(logits: Tensor, temperature: number, uniform: Tensor): Tensor {
  const wide = logits.to({ dtype: "float64" });
  return temperature === 0 ? wide : wide.exp().div(uniform.log().neg().pow(temperature));
}

/** -inf for tokens that may not be written, in the rows where that holds: all with `revise`, masks otherwise.
 *  Writes into the logits. */
export function forbid(
  logits_RV: Tensor,
  forbidden: Tensor,
  masked: readonly boolean[],
  options: Pick<DecodeOptions, "revise">,
): Tensor {
  if (options.revise || masked.every(Boolean)) return logits_RV.indexFill_(1, forbidden, Number.NEGATIVE_INFINITY);
  const rows = fromBuffer(Uint8Array.from(masked, Number), [masked.length, 1], "bool").to({ device: logits_RV.device });
  return where(rows, logits_RV.clone().indexFill_(1, forbidden, Number.NEGATIVE_INFINITY), logits_RV);
}

/** Tokens that may not be written, on the device. */
export interface TokenBan {
  /** bool, true for a banned token: [1, V] */
  ids_1V: Tensor;
  /** Of the answer; undefined is all of them. */
  positions: ReadonlySet<number> | undefined;
}

/** -inf for banned tokens.
 *  @param positions of the rows in the answer: [R] */
export function ban(logits_RV: Tensor, bans: readonly TokenBan[], positions: readonly number[]): Tensor {
  return bans.reduce((logits, { ids_1V, positions: where }) => {
    const isHit = positions.map((position) => where?.has(position) ?? true);
    if (!isHit.includes(true)) return logits;
    if (!isHit.includes(false)) return logits.maskedFill(ids_1V, Number.NEGATIVE_INFINITY);
    const rows_R1 = fromBuffer(Uint8Array.from(isHit, Number), [isHit.length, 1], "bool").to({
      device: logits.device,
    });
    return logits.maskedFill(rows_R1.logicalAnd(ids_1V), Number.NEGATIVE_INFINITY);
  }, logits_RV);
}

/** Tokens and their confidences as float64 [2, R]: one tensor, so that the host reads once.
 *
 *  Confidence is the softmax probability without noise, after `forbid`. By default from float32 sums of what all other
 *  tokens weigh beside the likeliest, so that 1 - 1e-9 and 1 - 1e-10 stay apart, as in float64; `compat` takes the
 *  reference's float64 softmax over the whole vocabulary. */
export function candidates(logits_RV: Tensor, options: DecodeOptions, noise: Noise): Tensor {
  return scope(() => {
    const rows = logits_RV.size(0);
    const vocabulary = logits_RV.size(1);
    const sampled = options.temperature > 0;
    const scores = sampled
      ? addGumbelNoise(logits_RV, options.temperature, noise.perToken(rows, vocabulary))
      : logits_RV;
    const [best, tokens] = scores.maxDim(1, true);
    const confidence = (): Tensor => {
      // best - best is 0, but NaN for what is no number: that must not hide behind a random confidence.
      if (options.remasking === "random") return noise.perRow(rows).add(best.sub(best).squeezeDim(1));
      if (options.compat) return logits_RV.to({ dtype: "float64" }).softmax(1).gather(1, tokens).squeezeDim(1);
      const [top, topToken] = sampled ? logits_RV.maxDim(1, true) : [best, tokens];
      const others = logits_RV.sub(top).scatter_(1, topToken, Number.NEGATIVE_INFINITY).exp_().sum([1], true);
      const wide = (t: Tensor) => t.to({ dtype: "float64" });
      const chosen = wide(logits_RV.gather(1, tokens)).sub(wide(top)).exp();
      return chosen.div(wide(others).add(1)).squeezeDim(1);
    };
    return stack([tokens.squeezeDim(1).to({ dtype: "float64" }), confidence().to({ dtype: "float64" })]);
  });
}
