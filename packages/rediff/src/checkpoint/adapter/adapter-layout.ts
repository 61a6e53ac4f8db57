/** What an adapter's files hold, by the names and shapes of their tensors alone: which weights of the base they correct,
 *  and which they stand in place of. Names, behind `base_model.model.`, of a module M:
 *
 *      M.lora_A.weight, M.lora_B.weight               W + scale B A; the adapter's name may follow: lora_A.default.weight
 *      M.lora_embedding_A, M.lora_embedding_B         the same for the transposed weight of an embedding
 *      M.weight, M.bias                               in place of the base's (modules_to_save, trained biases) */
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { UserError } from "../../errors.js";
import { originalName, renameOriginal, type Shapes, TOWER_PREFIX } from "../tensor-names.js";
import { type AdapterConfig, isTarget, type Strength } from "./adapter-config.js";

export const ADAPTER_WEIGHTS = "adapter_model.safetensors";

/** How PEFT wraps the base's names. */
export const PEFT_PREFIX = "base_model.model.";

/** The two matrices of a correction, by their names in the file. */
export interface Pair extends Strength {
  A: string;
  B: string;
  /** The matrices are those of the transposed weight. */
  embedding: boolean;
  /** The corrected module as the adapter calls it: its base may be LLaDA in the original naming. */
  module: string;
  /** Of the product: [outputs, inputs], as the weight has it. */
  shape: [number, number];
}

/** Keys are names in the base. */
export interface AdapterLayout {
  pairs: Map<string, Pair>;
  /** Names in the file. */
  whole: Map<string, { name: string; shape: readonly number[] }>;
}

/** The adapter's weights: adapter_model.safetensors or .bin, as PEFT writes it, and non_lora_trainables, in which LLaVA's
 *  finetuning keeps what it trained as a whole. Paths.
 *  @throws UserError when there are none */
export function adapterFiles(folder: string): string[] {
  const firstOf = (name: string) =>
    [`${name}.safetensors`, `${name}.bin`].map((file) => join(folder, file)).find((path) => existsSync(path));
  const main = firstOf("adapter_model");
  if (main === undefined)
    throw new UserError(
      `${folder} has adapter_config.json and no ${ADAPTER_WEIGHTS} (or adapter_model.bin)`,
      "The adapter is not complete; get it again.",
    );
  return [main, firstOf("non_lora_trainables")].filter((path) => path !== undefined);
}

/** @param shapes of all tensors, by their names in the files
 *  @throws UserError for what is no part of a plain LoRA adapter, or does not fit adapter_config.json */
export function adapterLayout(
  folder: string,
  config: AdapterConfig,
  shapes: ReadonlyMap<string, readonly number[]>,
): AdapterLayout {
  const whole: AdapterLayout["whole"] = new Map();
  const halves = new Map<string, { A?: string; B?: string; embedding: boolean; module: string }>();
  for (const [name, shape] of shapes) {
    if (name.includes(".original_module.")) continue; // the base's own, which a module of modules_to_save stands for
    const part = readName(name);
    if (part === undefined) throw foreignTensor(folder, name);
    const { kind, embedding, module } = part;
    const weight = ours(part.tensor);
    if (kind === "whole") whole.set(weight, { name, shape });
    else halves.set(weight, { ...halves.get(weight), [kind]: name, embedding, module });
  }
  const pairs: AdapterLayout["pairs"] = new Map();
  for (const [weight, { A, B, embedding, module }] of halves) {
    if (A === undefined || B === undefined)
      throw new UserError(
        `${folder}: ${module} has lora_${A === undefined ? "B" : "A"} and no lora_${A === undefined ? "A" : "B"}`,
        "The adapter is not complete; get it again.",
      );
    const [down = [], up = []] = [shapes.get(A), shapes.get(B)];
    const strength = strengthOf(folder, config, module, { down, up });
    const [outputs = 0, inputs = 0] = [up[0], down[1]];
    pairs.set(weight, {
      A,
      B,
      embedding,
      module,
      shape: embedding ? [inputs, outputs] : [outputs, inputs],
      ...strength,
    });
  }
  if (pairs.size === 0 && whole.size === 0)
    throw new UserError(`${adapterFiles(folder).join(", ")}: there is no tensor in it`, "Get the adapter again.");
  return { pairs, whole };
}

type TwoShapes = Record<"down" | "up", readonly number[]>;

function strengthOf(folder: string, config: AdapterConfig, module: string, { down, up }: TwoShapes): Strength {
  const strength = config.strength(module);
  const { rank } = strength;
  if (down.length !== 2 || up.length !== 2 || down[0] !== rank || up[1] !== rank)
    throw new UserError(
      `${folder}: ${module} has lora_A [${down.join(", ")}] and lora_B [${up.join(", ")}], and adapter_config.json says rank ${rank}`,
      "Weights and adapter_config.json belong to different adapters.",
    );
  if (isTarget(config.targets, module) === false)
    throw new UserError(
      `${folder} corrects ${module}, which target_modules in ${basename(config.path)} does not name`,
      "Weights and adapter_config.json belong to different adapters.",
    );
  return strength;
}

function foreignTensor(folder: string, name: string): UserError {
  const special = /lora_magnitude_vector/.test(name) ? "a part of DoRA" : "no part of a LoRA adapter";
  return new UserError(
    `${folder}: ${name} is ${special}, and plain LoRA adapters are supported`,
    "Merge it into its base in Python (merge_and_unload), and use the merged model.",
  );
}

/** @throws UserError listing what has no place in the model, or another shape there */
export function assertFits(folder: string, { pairs, whole }: AdapterLayout, model: Shapes): void {
  const wrong: string[] = [];
  for (const [weight, { shape }] of pairs) {
    const expected = model.get(weight);
    if (expected === undefined) {
      if (!isUnused(weight, model)) wrong.push(`${moduleOf(weight)} is no module of it`);
    } else if (expected.length !== 2) wrong.push(`${moduleOf(weight)} is no linear weight`);
    else if (expected.join() !== shape.join())
      wrong.push(`${moduleOf(weight)} is corrected as [${shape.join(", ")}], and it is [${expected.join(", ")}]`);
  }
  for (const [name, { shape }] of whole) {
    const expected = model.get(name);
    if (expected === undefined) {
      if (!isUnused(name, model)) wrong.push(`${name} is no tensor of it`);
    } else if (expected.join() !== shape.join())
      wrong.push(`${name} is [${shape.join(", ")}], expected [${expected.join(", ")}]`);
  }
  if (wrong.length === 0) return;
  const shown = wrong.slice(0, 6).join("; ");
  throw new UserError(
    `the adapter ${folder} does not fit its base: ${shown}${wrong.length > 6 ? `; and ${wrong.length - 6} more` : ""}`,
    "Is it of another model? Name its base with --base (`base` in the library and in recipes).",
  );
}

/** Modules of the language model's blocks that adapter_config.json names and the files have nothing of: an adapter that was
 *  saved or copied in part. Not told of the tower, whose layers share the names and mostly are not meant. */
export function missingTargets(config: AdapterConfig, { pairs, whole }: AdapterLayout, model: Shapes): string[] {
  if (config.isSelective || config.targets === undefined) return [];
  const isOriginal = [...pairs].some(([weight, { module }]) => moduleOf(weight) !== module);
  return [...model]
    .filter(([weight, shape]) => weight.startsWith("model.layers.") && shape.length === 2)
    .filter(([weight]) => !pairs.has(weight) && !whole.has(weight))
    .map(([weight]) => moduleOf((isOriginal ? originalName(weight) : undefined) ?? weight))
    .filter((module) => isTarget(config.targets, module) === true);
}

/** @param missing as `missingTargets` finds it */
export function incompleteText(folder: string, missing: readonly string[]): string | undefined {
  if (missing.length === 0) return undefined;
  const shown = missing.slice(0, 3).join(", ");
  const more = missing.length > 3 ? ` and ${missing.length - 3} more` : "";
  return `the adapter ${folder} has no correction of ${shown}${more}, which its target_modules names: they stay the base's`;
}

const moduleOf = (weight: string): string => weight.replace(/\.weight$/, "");

interface Part {
  kind: "A" | "B" | "whole";
  /** The base's module, and its tensor, as the adapter calls them. */
  module: string;
  tensor: string;
  embedding: boolean;
}

/** What a name in an adapter's file stands for; undefined when it is nothing that plain LoRA has. */
function readName(stored: string): Part | undefined {
  const name = baseName(stored);
  const pair =
    /^(.+)\.lora_([AB])(?:\.[^.]+)?\.weight$/.exec(name) ?? /^(.+)\.lora_embedding_([AB])(?:\.[^.]+)?$/.exec(name);
  if (pair !== null) {
    const module = pair[1] as string;
    const embedding = name.includes(".lora_embedding_");
    return { kind: pair[2] as "A" | "B", module, tensor: `${module}.weight`, embedding };
  }
  if (/\.(lora_|token_adapter\.)/.test(name)) return undefined;
  // Where a module is replaced, or an embedding saved beside its correction, PEFT's wrappers show in the name.
  const whole = name.replace(/\.modules_to_save\.[^.]+(?=\.)/, "").replace(/\.base_layer(?=\.)/, "");
  return { kind: "whole", module: moduleOf(whole), tensor: whole, embedding: false };
}

/** Without what PEFT and LLaVA's finetuning put before it. */
function baseName(name: string): string {
  const bare = name.startsWith(PEFT_PREFIX) ? name.slice(PEFT_PREFIX.length) : name.replace(/^base_model\./, "");
  return bare.replace(/^model\.(?=model\.|lm_head\.)/, "");
}

const ours = (name: string): string => renameOriginal(name) ?? name;

/** Of the tower: its last layer and its pooling head, which nothing reads. */
function isUnused(name: string, shapes: Shapes): boolean {
  if (!name.startsWith(`${TOWER_PREFIX}vision_model.`)) return false;
  const layer = /\.encoder\.layers\.(\d+)\./.exec(name)?.[1];
  if (layer === undefined) return name.startsWith(`${TOWER_PREFIX}vision_model.head.`);
  return shapes.has(`${TOWER_PREFIX}vision_model.encoder.layers.${Number(layer) - 1}.mlp.fc1.weight`);
}
