/** What a model's floating-point weights are computed in where nobody says so. */
import { computeCapability, type Device, type DType } from "@rediff/torch";

export interface UsualDtype {
  dtype: DType;
  /** Where it is another one than on most devices of its kind: why, and what else there is. */
  note?: string;
}

/** The first generation of NVIDIA's GPUs that multiplies bfloat16 (Ampere). Older ones convert every operand. */
const BFLOAT16_FROM = 8;

/** Why bfloat16 is nothing for a GPU; undefined where it is, and of other devices. */
export function bfloat16Problem(device: Device, capabilityOf = computeCapability): string | undefined {
  const capability = capabilityOf(device);
  if (capability === undefined || capability.major >= BFLOAT16_FROM) return undefined;
  return `${device} does not multiply bfloat16 (compute capability ${capability.major}.${capability.minor})`;
}

/** float32 on a CPU, where it is exact and nothing less is much faster everywhere; bfloat16 on other devices, which have units
 *  for it; on GPUs that have none float16, or float32 beside rounded weights, which do not go with float16.
 *  @param isRounded whether weights are in whole numbers or float8 */
export function usualDtype(device: Device, isRounded: boolean, capabilityOf = computeCapability): UsualDtype {
  if (device === "cpu") return { dtype: "float32" };
  const problem = bfloat16Problem(device, capabilityOf);
  if (problem === undefined) return { dtype: "bfloat16" };
  if (isRounded) return { dtype: "float32", note: `${problem}, and rounded weights do not go with float16: float32` };
  return {
    dtype: "float16",
    note: `${problem}: float16, whose numbers end at 65,504; dtype float32 is safe, and slower`,
  };
}
