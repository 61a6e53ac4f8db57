/** What the linear weights of a model's blocks may be rounded to (docs/quantize.md). */
import type { QuantizedGroup } from "@rediff/torch";

export type Quantization = "int8" | "int4";
export const quantizations = ["int8", "int4"] as const satisfies readonly Quantization[];

export interface QuantizationScheme {
  weights: Quantization;
  /** Inputs that share a scale, and are rotated together. */
  group: QuantizedGroup;
}
