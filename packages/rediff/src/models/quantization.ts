/** What the linear weights of a model's blocks may be rounded to, and its head with them (docs/quantize.md). */
import type { QuantizedGroup } from "@rediff/torch";

export type Quantization = "int8" | "int4";
export const quantizations = ["int8", "int4"] as const satisfies readonly Quantization[];

export interface QuantizationScheme {
  weights: Quantization;
  /** Inputs that share a scale, and are rotated together. */
  group: QuantizedGroup;
  /** The head is int8, whatever the blocks are; else it is as the model has it, as in folders of the first version. */
  head: boolean;
}
