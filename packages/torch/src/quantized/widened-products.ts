/** Products with weights of 8 or 4 bits on devices that have no kernels for them: the weight is widened when it is needed, by
 *  libtorch's operators. It takes the memory of its bits, and no less time than a product with what it was made of. */
import { call } from "../call.js";
import { fromBuffer } from "../create.js";
import type { Device } from "../device.js";
import type { DType } from "../dtype.js";
import { bitwiseAnd, linear, stack } from "../generated/ops.generated.js";
import { scope } from "../scope.js";
import type { Tensor } from "../tensor.js";

/** Where a rounded weight lies, as QuantizedWeight has it. */
export interface Elsewhere {
  packed: Tensor;
  scales: Tensor;
  /** [group, group], see hadamard. */
  rotation: Tensor;
  outputs: number;
}

/** The Hadamard matrix of `size`, a power of two: bfloat16 [size, size] of 1 and -1, by sqrt(size) orthogonal and its own
 *  inverse. */
export function hadamard(size: number, device: Device): Tensor {
  const signs = Float32Array.from({ length: size * size }, (_, at) => {
    let common = Math.floor(at / size) & (at % size);
    let sign = 1;
    for (; common !== 0; common &= common - 1) sign = -sign;
    return sign;
  });
  return scope(() => fromBuffer(signs, [size, size]).to({ dtype: "bfloat16" }).to({ device }));
}

/** x w^T + b: [..., I] -> [..., O], computed in x's dtype. */
export function linearElsewhere(x: Tensor, weight: Elsewhere, bias: Tensor | undefined): Tensor {
  return scope(() => linear(rotated(x, weight), widened(weight, x.dtype), bias));
}

/** Groups of the last dimension, padded with zeros, times the matrix: [..., K]. */
function rotated(x: Tensor, { rotation, scales }: Elsewhere): Tensor {
  const [group, inputs] = [rotation.size(0), x.size(-1)];
  const [groups, leading] = [scales.size(1), x.shape.slice(0, -1)];
  const whole = inputs === groups * group ? x : x.constantPadNd([0, groups * group - inputs]);
  const turned = whole.reshape([...leading, groups, group]).matmul(rotation.to({ dtype: x.dtype }));
  return turned.reshape([...leading, groups * group]);
}

/** [O, K], as it was rotated: step x scale, over the square root that `rotated` leaves out. */
function widened({ packed, scales, rotation, outputs }: Elsewhere, dtype: DType): Tensor {
  const [panels, groups, group] = [scales.size(0), scales.size(1), rotation.size(0)];
  const rows = panels * 16;
  const steps = (packed.dtype === "int8" ? bytes(packed) : halves(packed)).reshape([rows, groups, group]);
  const each = scales.permute([0, 2, 1]).reshape([rows, groups, 1]).div(Math.sqrt(group));
  return steps
    .to({ dtype: "float32" })
    .mul(each)
    .to({ dtype })
    .view([rows, groups * group])
    .narrow(0, 0, outputs);
}

/** [O/16, K/4, 16, 4] -> [O/16, 16, K/4, 4] */
const bytes = (packed: Tensor): Tensor => packed.permute([0, 2, 1, 3]);

/** [O/16, K/8, 16, 4], whose bytes have steps + 8 of the quads 2i and 2i + 1 -> [O/16, 16, K/8, 2, 4] */
function halves(packed: Tensor): Tensor {
  const low = bitwiseAnd(packed, 15);
  const high = call("aten::bitwise_right_shift.Tensor_Scalar", packed, 4) as Tensor;
  return stack([low, high], 2).to({ dtype: "int8" }).sub(8).permute([0, 3, 1, 2, 4]);
}
