/** Maximum, argmax and softmax sums of logits that come piece by piece, so that those of a whole vocabulary are never there
 *  at once (arXiv 1805.02867). R rows, C logits of a piece. */
import { zeros } from "../create.js";
import { native } from "../native.js";
import { scope } from "../scope.js";
import type { Tensor } from "../tensor.js";

/** What `onlineSoftmax_` begins with: float64 [4, R]; no row has seen a logit. */
export function onlineSoftmaxState(rows: number): Tensor {
  return scope(() => {
    const state = zeros([4, rows], { dtype: "float64" });
    state.narrow(0, 0, 1).fill_(Number.NEGATIVE_INFINITY);
    return state;
  });
}

/** Adds the logits of tokens `first`, `first + 1`, ...: float32 or bfloat16 [R, C], rows contiguous, on the CPU.
 *
 *  The rows of the state, with z = logit - largest and sums over all tokens but the likeliest:
 *  the largest logit; its token, the first of equal ones; sum of e^z; sum of z e^z. What is not a number stays: the
 *  largest is NaN then. Pieces may come in any order if no two logits are equal, else in that of the tokens.
 *  @param precise whether e^z is float64 rather than float32; sums always are
 *  @param kernel one of `fusedKernels`, to compare them; default the best. All give the same bits. */
export function onlineSoftmax_(state: Tensor, logits: Tensor, first: number, precise = false, kernel?: string): Tensor {
  native.onlineSoftmax_(state.slot, logits.slot, first, precise, kernel);
  return state;
}
