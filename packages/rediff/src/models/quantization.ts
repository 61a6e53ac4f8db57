/** What the linear weights of a model's blocks may be rounded to, and its head with them (docs/quantize.md). */
import type { Float8Weight, QuantizedGroup, QuantizedWeight } from "@rediff/torch";

export type Quantization = "int8" | "int4" | "float8";
export const quantizations = ["int8", "int4", "float8"] as const satisfies readonly Quantization[];

/** Those that are worth taking on a CPU. */
export const cpuQuantizations = ["int8", "int4"] as const satisfies readonly Quantization[];

export interface QuantizationScheme {
  weights: Quantization;
  /** Inputs that share a scale, and are rotated together; float8 has one scale for all inputs of an output. */
  group?: QuantizedGroup | undefined;
  /** The head is int8, whatever the blocks are; else it is as the model has it: with float8, and in folders of the first
   *  version. */
  head: boolean;
}

export type RoundedWeight = QuantizedWeight | Float8Weight;
