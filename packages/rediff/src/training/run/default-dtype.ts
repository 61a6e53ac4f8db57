/** The dtype of a run whose recipe names none: bfloat16 on GPUs that multiply it and on CPUs that multiply
 *  matrices faster in it, as measured (AVX-512 BF16, AMX, Arm's BF16); float32 elsewhere, where every product is converted.
 *
 *  A run that goes on keeps the dtype that its checkpoint says, on whatever machine. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { availableDevices, computeCapability, type Device } from "@rediff/torch";
import { bfloat16Rate } from "../../models/measured/kernel-choice.js";
import { bfloat16Problem } from "../../models/measured/usual-dtype.js";
import { findCheckpoint, readState, STATE_FILE } from "../checkpoint/training-checkpoint.js";
import type { RecipeKeys } from "../recipe/recipe.js";

export type TrainingDType = NonNullable<RecipeKeys["dtype"]>;

/** A recipe of which nothing is open any more. */
export type SettledRecipe = RecipeKeys & { dtype: TrainingDType };

export interface DTypeChoice {
  dtype: TrainingDType;
  /** Why, in words. */
  because: string;
}

/** How many times as fast as float32 bfloat16 has to be: it is less exact. */
const WORTHWHILE = 1.2;

/** @param device default: the best there is
 *  @param rate of products in bfloat16, in times that of float32 */
export function defaultDtype(
  device?: string,
  rate: () => number = bfloat16Rate,
  capabilityOf = computeCapability,
): DTypeChoice {
  const chosen = device ?? availableDevices()[0] ?? "cpu";
  if (chosen !== "cpu") {
    // Not float16: its gradients would have to be scaled.
    const problem = bfloat16Problem(chosen as Device, capabilityOf);
    if (problem !== undefined) return { dtype: "float32", because: problem };
    return { dtype: "bfloat16", because: `the device is ${chosen}` };
  }
  const times = rate();
  return {
    dtype: times >= WORTHWHILE ? "bfloat16" : "float32",
    because: `this CPU multiplies matrices in bfloat16 at ${times.toFixed(times < 0.995 ? 2 : 1)} times the rate of float32`,
  };
}

/** The recipe with its dtype, for a run that begins or goes on.
 *  @param onNote hears what was chosen, and why
 *  @throws UserError when a checkpoint in the output folder cannot be read */
export function settleDtype(
  recipe: RecipeKeys,
  onNote?: (line: string) => void,
  choose: (device?: string) => DTypeChoice = defaultDtype,
): SettledRecipe {
  if (recipe.dtype !== undefined) return { ...recipe, dtype: recipe.dtype };
  const choice = choose(recipe.device);
  const earlier = existsSync(join(recipe.output, STATE_FILE)) ? recipe.output : findCheckpoint(recipe.output);
  const dtype = earlier === undefined ? undefined : readState(earlier).recipe.dtype;
  if (dtype === undefined) {
    onNote?.(`dtype ${choice.dtype}: ${choice.because} (dtype in the recipe decides otherwise)`);
    return { ...recipe, dtype: choice.dtype };
  }
  const differs = dtype === choice.dtype ? "" : `; a new run would take ${choice.dtype} here: ${choice.because}`;
  onNote?.(`dtype ${dtype}, as in ${earlier}${differs}`);
  return { ...recipe, dtype };
}
