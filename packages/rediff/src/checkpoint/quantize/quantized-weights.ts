/** A model's weights for reading where some are in 8 or 4 bits: stored so, or rounded while they are read. */
import { detachFromScope, QuantizedWeight, quantizeWeight, scope, type Tensor } from "@rediff/torch";
import { UserError } from "../../errors.js";
import type { QuantizationScheme } from "../../models/quantization.js";
import type { Checkpoint } from "../weights.js";
import { bitsOf, quantizedNames, type StoredEntry } from "./stored-format.js";

/** Where a linear weight of a block comes from; the caller owns it. */
export type LinearSource = (name: string, shape: readonly number[]) => Tensor | QuantizedWeight;

/** Packed weights, mapped from the files: they lie there as kernels read them. */
export function storedQuantized(checkpoint: Checkpoint, scheme: QuantizationScheme, layers: number): LinearSource {
  return (name, [outputs = 0, inputs = 0]) => {
    const names = quantizedNames(name, bitsOf(name, scheme.weights, layers) ?? 8);
    return new QuantizedWeight(checkpoint.get(names.packed), checkpoint.get(names.scales), [outputs, inputs]);
  };
}

/** Rounds each weight as it is read: memory holds one that is not rounded at a time.
 *  @param read the weight as it is in the file, or merged; the caller owns it */
export function roundedWhileRead(
  read: (name: string) => Tensor,
  scheme: QuantizationScheme,
  layers: number,
): LinearSource {
  return (name) => {
    const bits = bitsOf(name, scheme.weights, layers) ?? 8;
    return scope(() => {
      using stored = read(name);
      const weight = ["float32", "bfloat16"].includes(stored.dtype) ? stored : stored.to({ dtype: "float32" });
      const rounded = quantizeWeight(weight, bits, scheme.group);
      detachFromScope(rounded.packed);
      detachFromScope(rounded.scales);
      return rounded;
    });
  };
}

/** @throws UserError for rounded weights that are of other types than the format has */
export function assertPacked(folder: string, checkpoint: Checkpoint, entries: readonly StoredEntry[]): void {
  for (const { name, dtype } of entries)
    if (dtype !== undefined && checkpoint.has(name) && checkpoint.info(name).dtype !== dtype)
      throw new UserError(
        `${folder}: ${name} is ${checkpoint.info(name).dtype}, and the format has ${dtype}`,
        "Convert the model again.",
      );
}
