/** A rounded weight of either kind: in whole numbers, which have kernels of ours (int8, int4), or in float8, which libtorch
 *  multiplies. */
import {
  Float8Weight,
  float8Shapes,
  type QuantizedBits,
  type QuantizedGroup,
  type QuantizedShapes,
  QuantizedWeight,
  quantizedShapes,
  quantizeWeight,
  roundToFloat8,
  type Tensor,
} from "@rediff/torch";
import type { Quantization, QuantizationScheme, RoundedWeight } from "../../models/quantization.js";

/** Inputs that share a scale, of formats that have such groups. */
type Group = QuantizationScheme["group"];

const BITS: Record<Exclude<Quantization, "float8">, QuantizedBits> = { int8: 8, int4: 4 };
/** Of the formats that have such groups. */
export const DEFAULT_GROUP: QuantizedGroup = 128;

/** How a weight [O, I] lies in memory and in files. */
export function roundedShapes(format: Quantization, shape: readonly [number, number], group: Group): QuantizedShapes {
  return format === "float8" ? float8Shapes(shape) : quantizedShapes(shape, BITS[format], group ?? DEFAULT_GROUP);
}

/** A weight of such tensors, which are its own from then on. */
export function roundedOf(
  format: Quantization,
  [packed, scales]: readonly [Tensor, Tensor],
  shape: readonly [number, number],
): RoundedWeight {
  return new (format === "float8" ? Float8Weight : QuantizedWeight)(packed, scales, shape);
}

/** Of any floating-point dtype, on the CPU. @throws for values that are not finite */
export function roundWeight(format: Quantization, weight: Tensor, group: Group): RoundedWeight {
  const isReadable = weight.dtype === "float32" || weight.dtype === "bfloat16";
  const readable = isReadable ? weight : weight.to({ dtype: "float32" });
  try {
    return format === "float8"
      ? roundToFloat8(readable)
      : quantizeWeight(readable, BITS[format], group ?? DEFAULT_GROUP);
  } finally {
    if (!isReadable) readable.dispose();
  }
}

/** Its tensors, to hand on. */
export function partsOf(weight: RoundedWeight): Tensor[] {
  const rotation = weight instanceof QuantizedWeight ? weight.rotation : undefined;
  return [weight.packed, weight.scales, ...(rotation === undefined ? [] : [rotation])];
}
