/** A linear layer through oneDNN, forwards and backwards. */
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
