/** What answers are made of, taken off the logits piece by piece of the vocabulary: the likeliest token, and what all others
 *  weigh beside it.
 *  R rows, C tokens of a piece.
 *
 *  Sums are those of `onlineSoftmax_`, float64 [4, R]: the largest logit, its token, and with z = logit - largest over all
 *  tokens but the likeliest, sum of e^z and sum of z e^z. */
import {
  hasFastFusedKernels,
  maximum,
  minimum,
  onlineSoftmax_,
  onlineSoftmaxState,
  scope,
  stack,
  type Tensor,
  where,
} from "@rediff/torch";
import type { DecodeOptions } from "../decode-options.js";
import type { Noise } from "./token-candidates.js";

/** Sums with the logits of tokens `first`, `first + 1`, ... added; `sums` are used up.
 *  On a CPU float32 and bfloat16 have a kernel of their own, which reads them once (not on x86 without AVX2); all else goes by
 *  libtorch's operators.
 *  @param sums of the tokens before; undefined is none
 *  @param precise whether e^z is float64 */
export function addLogits(sums: Tensor | undefined, logits_RC: Tensor, first: number, precise: boolean): Tensor {
  const isKnown = logits_RC.dtype === "float32" || logits_RC.dtype === "bfloat16";
  if (logits_RC.device !== "cpu" || !isKnown || !hasFastFusedKernels())
    return addLogitsByOperators(sums, logits_RC, first, precise);
  return onlineSoftmax_(sums ?? onlineSoftmaxState(logits_RC.size(0)), logits_RC, first, precise);
}

/** The same on any device and for any dtype. */
export function addLogitsByOperators(
  sums: Tensor | undefined,
  logits_RC: Tensor,
  first: number,
  precise: boolean,
): Tensor {
  return scope(() => {
    const wide_RC = logits_RC.to({ dtype: precise ? "float64" : "float32" });
    const [top_R1, index_R1] = wide_RC.maxDim(1, true);
    // Of -inf, 0 e^z is no number; from far above it, e^z is 0 already. The likeliest token is among the 0.
    const z_RC = wide_RC.sub(finite(top_R1)).scatter_(1, index_R1, NOTHING).clamp(NOTHING);
    const weights_RC = z_RC.exp();
    const parts = [
      top_R1.squeezeDim(1),
      index_R1.squeezeDim(1).add(first),
      weights_RC.sum([1]),
      weights_RC.mul(z_RC).sum([1]),
    ];
    const found = stack(parts.map((part) => part.to({ dtype: "float64" })));
    if (sums === undefined) return found;
    const both = together(sums, found);
    sums.dispose();
    return both;
  });
}

/** e to this is 0 in float32 and float64. */
const NOTHING = -1000;

/** Minus infinity as a number that can be subtracted; NaN stays. */
const finite = (values: Tensor): Tensor => values.clamp(-3.4028234663852886e38);

/** Sums of all tokens, of those of some and those of later ones. */
function together(earlier: Tensor, later: Tensor): Tensor {
  const [topA, tokenA, othersA, surpriseA] = earlier.unbind(0) as [Tensor, Tensor, Tensor, Tensor];
  const [topB, tokenB, othersB, surpriseB] = later.unbind(0) as [Tensor, Tensor, Tensor, Tensor];
  const isLater = topB.gt(topA); // of equal ones the first stays
  const less = minimum(finite(topA), finite(topB)).sub(maximum(finite(topA), finite(topB)));
  // The one's likeliest token is among the others of the other.
  const beaten = where(isLater, othersA, othersB).add(1);
  const scale = less.exp();
  return stack([
    maximum(topA, topB),
    where(isLater, tokenB, tokenA),
    where(isLater, othersB, othersA).add(scale.mul(beaten)),
    where(isLater, surpriseB, surpriseA).add(scale.mul(where(isLater, surpriseA, surpriseB).add(less.mul(beaten)))),
  ]);
}

export interface AnswerOptions extends Pick<DecodeOptions, "remasking"> {
  entropy: boolean;
}

/** Tokens, confidences and, where wanted, entropies, as `candidates` has them: float64 [2, R] or [3, R]
 *  @param all the sums before tokens were forbidden, where confidences are shares of all of them */
export function answersOf(sums: Tensor, all: Tensor | undefined, options: AnswerOptions, noise: Noise): Tensor {
  return scope(() => {
    const [top_R, tokens_R, others_R, surprise_R] = sums.unbind(0) as [Tensor, Tensor, Tensor, Tensor];
    const total_R = others_R.add(1);
    // 0, but NaN for what is no number: that must not hide behind a confidence.
    const nothing_R = top_R.sub(top_R);
    const isRandom = options.remasking === "random";
    const ofAllowed_R = isRandom ? noise.perRow(sums.size(1)).to({ dtype: "float64" }) : total_R.reciprocal();
    const logShare_R = all === undefined ? undefined : logWeightOf(sums).sub(logWeightOf(all));
    const confidence_R = logShare_R === undefined ? ofAllowed_R : ofAllowed_R.mul(logShare_R.exp());
    const answers = [tokens_R, confidence_R.add(nothing_R)];
    if (options.entropy) {
      const entropy_R = others_R.log1p().sub(surprise_R.div(total_R));
      answers.push(logShare_R === undefined ? entropy_R : entropy_R.sub(logShare_R));
    }
    return stack(answers);
  });
}

/** The log of what all tokens weigh together: [R] */
export function logWeightOf(sums: Tensor): Tensor {
  return scope(() => sums.select(0, 0).add(sums.select(0, 2).log1p()));
}
