/** What stands between the products of a transformer, each in one pass over memory: float32 or bfloat16 on the CPU, for
 *  inference. Results round where libtorch's operators, one by one, would; without gradients.
 *  D width, B batch, N heads, L positions, H head width. */
import { native } from "../native.js";
import { type Tensor, wrap } from "../tensor.js";

/** x / sqrt(mean(x^2) + eps) * weight: [..., D] and [D] of the same dtype.
 *
 *  The mean is summed in float64; in bfloat16 the quotient is rounded before it is multiplied by the weight, unlike in
 *  libtorch's `rmsNorm`.
 *  @param kernel one of `fusedKernels`, to compare them; default the best. All give the same bits. */
export function fusedRmsNorm(x: Tensor, weight: Tensor, eps: number, kernel?: string): Tensor {
  return wrap(native.fusedRmsNorm(x.slot, weight.slot, eps, kernel));
}

/** silu(gate) * up in the place of `gate`, which is contiguous. */
export function siluMul_(gate: Tensor, up: Tensor, kernel?: string): Tensor {
  native.siluMul_(gate.slot, up.slot, kernel);
  return gate;
}

/** Pairs (x_j, x_{j + H/2}) turned by their angles, in place: (x cos - y sin, y cos + x sin). The same bits as operators
 *  one by one.
 *  @param x [B, N, L, H], without gaps in memory, in whatever order of the dimensions but the last
 *  @param cos [B or 1, 1, L, H], as `sin` */
export function rotateHalves_(x: Tensor, cos: Tensor, sin: Tensor, kernel?: string): Tensor {
  native.rotateHalves_(x.slot, cos.slot, sin.slot, kernel);
  return x;
}

/** Names of the kernels that this processor can run, the one in use first; "plain", the last, is their yardstick. */
export const fusedKernels = (): string[] => native.fusedKernels();

let areFast: boolean | undefined;

/** Whether they are worth it here: an x86 processor without AVX2 and FMA, for one, multiplies and adds in one operation by a
 *  call of a function. */
export function hasFastFusedKernels(): boolean {
  areFast ??= fusedKernels()[0] !== "plain" || process.arch !== "x64";
  return areFast;
}
