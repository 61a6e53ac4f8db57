/** The dtype of a run whose recipe names none: bfloat16 on GPUs and on CPUs that multiply matrices in it (AVX-512 BF16,
 *  AMX, Arm's BF16), float32 on other CPUs, where every product would be converted and bfloat16 takes longer.
 *
 *  A run that goes on keeps the dtype that its checkpoint says, on whatever machine. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { availableDevices } from "@rediff/torch";
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

/** @param device default: the best there is */
export function defaultDtype(device?: string, hasProducts: () => boolean = hasBfloat16Products): DTypeChoice {
  const chosen = device ?? availableDevices()[0] ?? "cpu";
  if (chosen !== "cpu") return { dtype: "bfloat16", because: `the device is ${chosen}` };
  return hasProducts()
    ? { dtype: "bfloat16", because: "this CPU multiplies matrices in bfloat16" }
    : { dtype: "float32", because: "this CPU does not multiply matrices in bfloat16" };
}

let hasProductsHere: boolean | undefined;

/** Whether this CPU does, as far as the system tells; false where it does not. */
function hasBfloat16Products(): boolean {
  hasProductsHere ??= process.platform === "linux" && namesBfloat16(cpuinfo());
  return hasProductsHere;
}

function cpuinfo(): string {
  try {
    return readFileSync("/proc/cpuinfo", "utf8");
  } catch {
    return "";
  }
}

/** @param text of /proc/cpuinfo */
export function namesBfloat16(text: string): boolean {
  const flags = /^(?:flags|Features)\s*:(.*)$/m.exec(text)?.[1]?.split(" ") ?? [];
  return flags.some((flag) => flag === "avx512_bf16" || flag === "amx_bf16" || flag === "bf16");
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
