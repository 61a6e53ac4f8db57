/** Linear layers with weights of 8 or 4 bits, for inference: on the CPU by kernels of their own, elsewhere see
 *  widened-products.ts.
 *  O outputs, I inputs, K inputs padded to whole groups.
 *
 *  A weight is rotated in groups of its inputs by a Hadamard matrix and rounded with one scale per output and group; what
 *  is multiplied with it is rotated alike, so that the product is the same, and rounded to 8 bits with one scale per row
 *  and group. Sums within a group are exact whole numbers: every kernel gives the same bits. */

import type { Device } from "../device.js";
import type { DType } from "../dtype.js";
import { native } from "../native.js";
import { type Tensor, wrap } from "../tensor.js";
import { hadamard, linearElsewhere } from "./widened-products.js";

export type QuantizedBits = 8 | 4;

/** Inputs that share a scale and are rotated together. */
export type QuantizedGroup = 32 | 64 | 128;

/** Outputs that lie side by side. */
const PANEL = 16;

export interface QuantizedShapes {
  /** [O/16, K/4, 16, 4] int8, or [O/16, K/8, 16, 4] uint8 with two values a byte. */
  packed: { dtype: DType; shape: number[] };
  /** [O/16, K/group, 16] float32. */
  scales: { dtype: DType; shape: number[] };
}

/** How a weight [O, I] is laid out in memory and in files; the same on every processor. */
export function quantizedShapes(
  [outputs, inputs]: readonly [outputs: number, inputs: number],
  bits: QuantizedBits,
  group: QuantizedGroup,
): QuantizedShapes {
  const panels = Math.ceil(outputs / PANEL);
  const groups = Math.ceil(inputs / group);
  const rows = (groups * group * bits) / 32;
  return {
    packed: { dtype: bits === 8 ? "int8" : "uint8", shape: [panels, rows, PANEL, 4] },
    scales: { dtype: "float32", shape: [panels, groups, PANEL] },
  };
}

/** A weight [O, I]; owns its tensors. */
export class QuantizedWeight implements Disposable {
  readonly kind = "integers";
  readonly packed: Tensor;
  readonly scales: Tensor;
  readonly outputs: number;
  readonly inputs: number;
  /** On other devices than the CPU: the matrix of the rotation, [group, group]. */
  readonly rotation: Tensor | undefined;

  constructor(
    packed: Tensor,
    scales: Tensor,
    [outputs, inputs]: readonly [outputs: number, inputs: number],
    rotation?: Tensor,
  ) {
    this.packed = packed;
    this.scales = scales;
    this.outputs = outputs;
    this.inputs = inputs;
    this.rotation = rotation;
  }

  /** On another device; the caller owns it. */
  to(device: Device): QuantizedWeight {
    const group = (this.packed.size(1) * 32) / this.bits / this.scales.size(1);
    const moved = (tensor: Tensor) => tensor.to({ device, copy: true });
    const rotation = device === "cpu" ? undefined : hadamard(group, device);
    return new QuantizedWeight(moved(this.packed), moved(this.scales), [this.outputs, this.inputs], rotation);
  }

  get bits(): QuantizedBits {
    return this.packed.dtype === "int8" ? 8 : 4;
  }

  get shape(): [outputs: number, inputs: number] {
    return [this.outputs, this.inputs];
  }

  [Symbol.dispose](): void {
    this.packed.dispose();
    this.scales.dispose();
    this.rotation?.dispose();
  }
}

/** Rounds a weight: float32 or bfloat16 [O, I] on the CPU.
 *  @throws for values that are not finite */
export function quantizeWeight(weight: Tensor, bits: QuantizedBits, group: QuantizedGroup = 128): QuantizedWeight {
  const [packed, scales] = native.quantizeWeight(weight.slot, bits, group).map((slot) => wrap(slot));
  const [outputs = 0, inputs = 0] = weight.shape;
  return new QuantizedWeight(packed as Tensor, scales as Tensor, [outputs, inputs]);
}

/** What the rounded weight stands for, not rotated: float32 [O, I]. */
export function dequantizeWeight({ packed, scales, outputs, inputs }: QuantizedWeight): Tensor {
  return wrap(native.dequantizeWeight(packed.slot, scales.slot, outputs, inputs));
}

/** Outputs `first`, `first + 1`, ... of a weight, as a weight: a view, whose handles are its own.
 *  @throws where `first` is no multiple of 16, for outputs lie so many side by side */
export function quantizedRows(weight: QuantizedWeight, first: number, count: number): QuantizedWeight {
  const { packed, scales, rotation, outputs, inputs } = weight;
  if (first % PANEL !== 0 || first < 0 || count < 1 || first + count > outputs)
    throw new RangeError(
      `quantizedRows: ${count} outputs from ${first} on, of ${outputs}: they begin at a multiple of ${PANEL}`,
    );
  const part = (tensor: Tensor) => tensor.narrow(0, first / PANEL, Math.ceil(count / PANEL));
  return new QuantizedWeight(part(packed), part(scales), [count, inputs], rotation?.detach());
}

/** x w^T + b: float32 or bfloat16 [..., I] -> [..., O] in the same dtype.
 *  @param kernel one of `quantizedKernels`, to compare them; default the best. Of the CPU's only
 *  @throws where x is to have gradients */
export function quantizedLinear(x: Tensor, weight: QuantizedWeight, bias?: Tensor, kernel?: string): Tensor {
  if (x.shape.at(-1) !== weight.inputs)
    throw new Error(`quantizedLinear: x is [${x.shape.join(", ")}], and the weight has ${weight.inputs} inputs`);
  const { packed, scales, outputs, rotation } = weight;
  if (rotation !== undefined) return linearElsewhere(x, { packed, scales, outputs, rotation }, bias);
  return wrap(native.quantizedLinear(x.slot, packed.slot, scales.slot, outputs, bias?.slot, kernel));
}

/** Groups of the last dimension, padded with zeros, times the orthogonal Hadamard matrix: float32 [..., K]. Its own
 *  inverse. */
export function rotateBlocks(x: Tensor, group: QuantizedGroup = 128): Tensor {
  return wrap(native.rotateBlocks(x.slot, group));
}

/** Names of the kernels that this processor can run, the one in use first; "plain", the last, is their yardstick. With
 *  ATEN_CPU_CAPABILITY=avx2 or default those of a lesser one, as with libtorch's own. */
export const quantizedKernels = (): string[] => native.quantizedKernels();
