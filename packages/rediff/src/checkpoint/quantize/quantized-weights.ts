/** A model's weights for reading where some are in 8 or 4 bits: stored so, or rounded while they are read. */
import { type Device, detachFromScope, scope, type Tensor } from "@rediff/torch";
import { UserError } from "../../errors.js";
import type { QuantizationScheme, RoundedWeight } from "../../models/quantization.js";
import type { Checkpoint } from "../weights.js";
import { partsOf, roundedOf, roundWeight } from "./rounded-weight.js";
import { formatOf, quantizedNames, type StoredEntry } from "./stored-format.js";

/** A linear weight that is rounded, undefined for one that is not; the caller owns it. */
export type LinearSource = (name: string, shape: readonly number[]) => RoundedWeight | undefined;

/** Packed weights, on the CPU mapped from the files: they lie there as kernels read them. */
export function storedQuantized(
  checkpoint: Checkpoint,
  { scheme, layers, device }: { scheme: QuantizationScheme; layers: number; device: Device },
): LinearSource {
  return (name, [outputs = 0, inputs = 0]) => {
    const format = formatOf(name, scheme, layers);
    if (format === undefined) return undefined;
    const names = quantizedNames(name, format);
    const stored = [checkpoint.get(names.packed), checkpoint.get(names.scales)] as const;
    return placed(roundedOf(format, stored, [outputs, inputs]), device);
  };
}

/** The same on the device; the caller owns it, and no longer what was given. */
function placed(weight: RoundedWeight, device: Device): RoundedWeight {
  if (device === "cpu") return weight;
  using onHost = weight;
  return scope(() => kept(onHost.to(device)));
}

function kept<W extends RoundedWeight>(weight: W): W {
  for (const tensor of partsOf(weight)) detachFromScope(tensor);
  return weight;
}

/** Rounds each weight as it is read: memory holds one that is not rounded at a time.
 *  @param read the weight as it is in the file, or merged, on the CPU; the caller owns it */
export function roundedWhileRead(
  read: (name: string) => Tensor,
  { scheme, layers, device }: { scheme: QuantizationScheme; layers: number; device: Device },
): LinearSource {
  return (name) => {
    const format = formatOf(name, scheme, layers);
    if (format === undefined) return undefined;
    const rounded = scope(() => {
      using stored = read(name);
      return kept(roundWeight(format, stored, scheme.group));
    });
    return placed(rounded, device);
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
