/** From logits to tokens and confidences, without leaving the device.
 *  R rows of logits, one for each position that was asked for; V vocabulary. */
import { scope, stack, type Tensor, where } from "@rediff/torch";
import { rowMask } from "../../models/ids.js";
import type { DecodeOptions } from "../decode-options.js";
import type { ConfidenceRule } from "../rules.js";

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
  const rows = rowMask(masked, logits_RV.device);
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
    const rows_R1 = rowMask(isHit, logits.device);
    return logits.maskedFill(rows_R1.logicalAnd(ids_1V), Number.NEGATIVE_INFINITY);
  }, logits_RV);
}

/** The log of what all tokens weigh together, before some are forbidden: float64 [R] */
export function logWeight(logits_RV: Tensor): Tensor {
  return logits_RV.to({ dtype: "float64" }).logsumexp([1]);
}

/** Confidences as shares of the whole vocabulary. An entropy grows by the surprise at an allowed token: the mean surprise
 *  at one drawn from the allowed, had it been drawn from all.
 *  @param answers of `candidates`, which are shares of the tokens that are allowed; [2, R], [3, R] with entropies
 *  @param allowed_RV the logits that they are of
 *  @param all_R `logWeight` of the logits before */
export function amongAll(answers: Tensor, allowed_RV: Tensor, all_R: Tensor): Tensor {
  const logShare_R = logWeight(allowed_RV).sub(all_R);
  const share_R = logShare_R.exp();
  const one_R = share_R.mul(0).add(1);
  if (answers.size(0) === 2) return answers.mul(stack([one_R, share_R]));
  const none_R = one_R.sub(1);
  return answers.mul(stack([one_R, share_R, one_R])).sub(stack([none_R, none_R, logShare_R]));
}

export interface CandidateOptions extends Pick<DecodeOptions, "temperature" | "remasking"> {
  /** How the confidence of remasking "low_confidence" is computed. */
  confidence: ConfidenceRule;
  /** Whether entropies are wanted, too. */
  entropy?: boolean;
}

/** Tokens and their confidences as float64 [2, R], with entropies [3, R]: one tensor, so that the host reads once.
 *  @param logits_RV after `forbid` and `ban`; confidence is the probability that they give, without noise */
export function candidates(logits_RV: Tensor, options: CandidateOptions, noise: Noise): Tensor {
  return scope(() => {
    const rows = logits_RV.size(0);
    const vocabulary = logits_RV.size(1);
    const isSampled = options.temperature > 0;
    const scores_RV = isSampled
      ? addGumbelNoise(logits_RV, options.temperature, noise.perToken(rows, vocabulary))
      : logits_RV;
    const best = scores_RV.maxDim(1, true);
    const [best_R1, tokens_R1] = best;
    const confidence = (): Tensor => {
      // best - best is 0, but NaN for what is no number: that must not hide behind a random confidence.
      if (options.remasking === "random") return noise.perRow(rows).add(best_R1.sub(best_R1).squeezeDim(1));
      if (options.confidence === "float64_softmax") return softmaxOf(logits_RV, tokens_R1).squeezeDim(1);
      return weightBesideOthers(logits_RV, tokens_R1, isSampled ? logits_RV.maxDim(1, true) : best).squeezeDim(1);
    };
    const answers = [tokens_R1.squeezeDim(1), confidence()];
    if (options.entropy) answers.push(entropyOf(logits_RV).squeezeDim(1));
    return stack(answers.map((values) => values.to({ dtype: "float64" })));
  });
}

/** The probabilities of these tokens, exact to float64: [R, 1] */
function softmaxOf(logits_RV: Tensor, tokens_R1: Tensor): Tensor {
  return logits_RV.to({ dtype: "float64" }).softmax(1).gather(1, tokens_R1);
}

/** The same from float32 sums of what all other tokens weigh beside the likeliest one: float64 [R, 1] */
function weightBesideOthers(logits_RV: Tensor, tokens_R1: Tensor, likeliest: readonly [Tensor, Tensor]): Tensor {
  const [top_R1, topToken_R1] = likeliest;
  const wide = (values: Tensor): Tensor => values.to({ dtype: "float64" });
  const others_RV = logits_RV.sub(top_R1).scatter_(1, topToken_R1, Number.NEGATIVE_INFINITY).exp_();
  const chosen_R1 = wide(logits_RV.gather(1, tokens_R1)).sub(wide(top_R1)).exp();
  return chosen_R1.div(wide(others_RV.sum([1], true)).add(1));
}

/** The entropies of the distributions in nats, from float32 sums beside the likeliest token, so that those of nearly certain
 *  tokens stay apart. With z as logits less the likeliest one's, and S = sum of e^z over the others:
 *  H = log(1 + S) - (sum of z e^z) / (1 + S); float64 [R, 1] */
function entropyOf(logits_RV: Tensor): Tensor {
  const [top_R1, topToken_R1] = logits_RV.maxDim(1, true);
  const wide = (values: Tensor): Tensor => values.to({ dtype: "float64" });
  // Of -inf, 0 e^z is no number; from far above it, e^z is 0 already. The likeliest token is among the 0.
  const z_RV = logits_RV.sub(top_R1).scatter_(1, topToken_R1, NOTHING).clamp(NOTHING);
  const weights_RV = z_RV.exp();
  const others_R1 = wide(weights_RV.sum([1], true));
  const surprise_R1 = wide(weights_RV.mul(z_RV).sum([1], true));
  return others_R1.log1p().sub(surprise_R1.div(others_R1.add(1)));
}

/** e to this is 0 in float32 and float64. */
const NOTHING = -1000;
