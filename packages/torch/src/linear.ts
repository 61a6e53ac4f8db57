/** Linear layers beside libtorch's own: through oneDNN, forwards and backwards, and of bfloat16 by way of float32. */
import { native } from "./native.js";
import { type Tensor, wrap } from "./tensor.js";

/** x w^T + b: [..., I] and [O, I] -> [..., O], by oneDNN's float32 product, also in the gradients of all three.
 *
 *  The same sums as `linear`, in another order. Worth it where libtorch's own product (MKL's) is slow: on processors that
 *  are not Intel's. Float32 on the CPU only.
 *  @throws when libtorch was built without oneDNN (`schemaOf("mkldnn::_linear_pointwise")` tells) */
export function oneDnnLinear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  return wrap(native.oneDnnLinear(x.slot, weight.slot, bias?.slot));
}

/** x w^T + b in bfloat16: [..., I] and [O, I] -> [..., O], without gradients, on the CPU.
 *
 *  Operands become float32 exactly, are multiplied and added up in float32, bias included, and the result is rounded once.
 *  Weights are widened a tile at a time and are never there in float32 as a whole. A row of the result depends on that row
 *  and the weight alone, to the bit, whatever the other rows, the threads and the processor are.
 *  @param kernel one of `widenedKernels`, to compare them; default the first. All give the same bits. */
export function widenedLinear(x: Tensor, weight: Tensor, bias?: Tensor, kernel?: string): Tensor {
  return wrap(native.widenedLinear(x.slot, weight.slot, bias?.slot, kernel));
}

/** Names of the kernels that this processor can run, the one in use first; "plain", the last, is their yardstick. */
export const widenedKernels = (): string[] => native.widenedKernels();
