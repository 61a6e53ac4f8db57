/** adapter_config.json of a low-rank adapter, as PEFT writes it: which base it corrects, how strongly, and whether it is
 *  an adapter of the kind that is read here. Keys that would change the mathematics are refused by name. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../../errors.js";
import { readJson } from "../config.js";
import { firstMatch, isPattern } from "./stranger-pattern.js";

export const ADAPTER_CONFIG = "adapter_config.json";

export interface AdapterConfig {
  /** The file. */
  path: string;
  /** A folder or a hub id; undefined where the file has none. */
  base: string | undefined;
  revision: string | undefined;
  rank: number;
  alpha: number;
  /** Last parts of module names, or a pattern for whole ones. */
  targets: string[] | string | undefined;
  /** Only in some layers, or not in all modules that `targets` names. */
  isSelective: boolean;
  /** Modules of which the file has all weights in place of a correction. */
  modulesToSave: string[];
  bias: "none" | "all" | "lora_only";
  rslora: boolean;
  /** Of a module, by its name in the base: `model.layers.0.self_attn.q_proj`. */
  strength(module: string): Strength;
}

/** The correction of a weight is `scale` times the product of two matrices of rank `rank`. */
export interface Strength {
  rank: number;
  scale: number;
}

/** How A and B were made at first. What is not here changed the base as well (PiSSA, OLoRA, CorDA, LoftQ): its adapters
 *  are relative to another model than the one they name. */
const INITIALS: readonly unknown[] = [true, false, "gaussian", "eva", "orthogonal"];

/** Keys that say nothing about what the adapter computes: where modules are is told by the tensors' names. */
const WITHOUT_EFFECT = new Set([
  "alpha_pattern",
  "auto_mapping",
  "base_model_name_or_path",
  "bias",
  "corda_config",
  "ensure_weight_tying",
  "eva_config",
  "exclude_modules",
  "fan_in_fan_out", // of Conv1D, which these models have none of: PEFT itself drops it for linear layers
  "inference_mode",
  "init_lora_weights",
  "layers_pattern",
  "layers_to_transform",
  "loftq_config",
  "lora_alpha",
  "lora_dropout",
  "lora_ga_config",
  "megatron_core",
  "modules_to_save",
  "peft_type",
  "peft_version",
  "qalora_group_size",
  "r",
  "rank_pattern",
  "revision",
  "target_modules",
  "task_type",
  "use_rslora",
]);

const pattern = z.record(z.string(), z.number()).nullish();
const schema = z.looseObject({
  peft_type: z.string(),
  base_model_name_or_path: z.string().nullish(),
  revision: z.string().nullish(),
  r: z.int().positive(),
  lora_alpha: z.number().nullish(),
  target_modules: z.union([z.string(), z.array(z.string())]).nullish(),
  modules_to_save: z.array(z.string()).nullish(),
  bias: z.enum(["none", "all", "lora_only"]).nullish(),
  init_lora_weights: z.unknown().optional(),
  rank_pattern: pattern,
  alpha_pattern: pattern,
  use_rslora: z.boolean().nullish(),
});

export const isAdapterFolder = (folder: string): boolean => existsSync(join(folder, ADAPTER_CONFIG));

/** @throws UserError when it is not there, damaged, or of another kind of adapter */
export async function readAdapterConfig(folder: string): Promise<AdapterConfig> {
  const path = join(folder, ADAPTER_CONFIG);
  const raw = await readJson(path);
  if (raw === undefined) throw new UserError(`${folder} has no ${ADAPTER_CONFIG}`, "Give the folder of an adapter.");
  return parseAdapterConfig(raw, path);
}

export function parseAdapterConfig(raw: unknown, path: string): AdapterConfig {
  const kind = z.looseObject({ peft_type: z.string() }).safeParse(raw).data?.peft_type;
  if (kind !== undefined && kind !== "LORA")
    throw new UserError(
      `${path}: this is an adapter of type ${kind.slice(0, 100)}, and low-rank ones (LORA) are supported`,
      `Merge it into its base in Python (merge_and_unload), and use the merged model.`,
    );
  const parsed = schema.safeParse(raw);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new UserError(
      `${path}: ${issue?.path.join(".") || "the whole file"}: ${issue?.message}`,
      "Expected what PEFT writes for a LoRA adapter.",
    );
  }
  const c = parsed.data;
  refuseOthers(c, path);
  for (const [key, entries] of Object.entries({ rank_pattern: c.rank_pattern, alpha_pattern: c.alpha_pattern }))
    for (const pattern of Object.keys(entries ?? {}))
      if (!isPattern(pattern))
        throw new UserError(
          `${path}: ${key} has ${JSON.stringify(pattern.slice(0, 100))}, which is no pattern that is read here`,
        );
  const { r: rank, use_rslora } = c;
  const alpha = c.lora_alpha ?? 8; // PEFT's default
  const rslora = use_rslora ?? false;
  return {
    path,
    base: c.base_model_name_or_path || undefined,
    revision: c.revision ?? undefined,
    rank,
    alpha,
    targets: c.target_modules ?? undefined,
    isSelective: isSet(c.layers_to_transform) || isSet(c.exclude_modules),
    modulesToSave: c.modules_to_save ?? [],
    bias: c.bias ?? "none",
    rslora,
    strength(module) {
      const ownRank = matching(c.rank_pattern, module) ?? rank;
      const ownAlpha = matching(c.alpha_pattern, module) ?? alpha;
      return { rank: ownRank, scale: ownAlpha / (rslora ? Math.sqrt(ownRank) : ownRank) };
    },
  };
}

function refuseOthers(c: Record<string, unknown>, path: string): void {
  const hint = "Merge it into its base in Python (merge_and_unload), and use the merged model.";
  if (c.use_dora === true) throw new UserError(`${path}: use_dora is true: DoRA adapters are not supported`, hint);
  const initial = c.init_lora_weights ?? true;
  if (!INITIALS.includes(initial))
    throw new UserError(
      `${path}: init_lora_weights is ${told(initial)}: such adapters correct another model than their base`,
      "Save it in Python with path_initial_model_for_weight_conversion, or merge it there (merge_and_unload).",
    );
  for (const [key, value] of Object.entries(c))
    if (!WITHOUT_EFFECT.has(key) && isSet(value))
      throw new UserError(`${path}: ${key.slice(0, 100)} is ${told(value)}, which is not supported`, hint);
}

/** A value of a stranger's file, as far as it fits a line. */
function told(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 100 ? `${text.slice(0, 97)}...` : text;
}

/** PEFT writes false, null or an empty object for what is not used. */
function isSet(value: unknown): boolean {
  if (value === undefined || value === null || value === false) return false;
  return typeof value !== "object" || Object.keys(value).length > 0;
}

/** The first entry whose key is the module's name, or its end, behind a dot; keys are regular expressions. */
function matching(entries: Record<string, number> | null | undefined, module: string): number | undefined {
  const all = Object.entries(entries ?? {});
  if (all.length === 0) return undefined;
  const found = firstMatch(
    all.map(([key]) => `^(.*\\.)?(${key})$`),
    module,
  );
  return all[found]?.[1];
}

/** Whether `target_modules` names a module. undefined where it is a pattern that only Python reads. */
export function isTarget(targets: string[] | string | undefined, module: string): boolean | undefined {
  if (targets === undefined) return undefined;
  if (typeof targets !== "string") return targets.some((name) => module === name || module.endsWith(`.${name}`));
  if (targets === "all-linear") return true;
  try {
    return firstMatch([`^(?:${targets.replaceAll("(?P<", "(?<")})$`], module) === 0;
  } catch (error) {
    if (error instanceof UserError) throw error;
    return undefined;
  }
}
