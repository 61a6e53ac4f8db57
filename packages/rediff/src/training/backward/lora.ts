/** Low-rank adapters (LoRA, arXiv 2106.09685): beside a frozen linear weight W a product of two thin ones is trained,
 *
 *      y = x W^T + (alpha / rank) (x A^T) B^T        A [r, I] uniform as torch.nn.Linear's, B [O, r] zero
 *
 *  so that training starts from the model as it is. Saved in PEFT's layout (adapter_config.json, adapter_model.
 *  safetensors), which PEFT reads too; merged into W for every use but training.
 *  r rank, I inputs, O outputs */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  detachFromScope,
  empty,
  type Generator,
  noGrad,
  saveSafetensors,
  scope,
  type Tensor,
  type TensorSource,
  uniform_,
  zeros,
} from "@rediff/torch";
import { ADAPTER_CONFIG } from "../../checkpoint/adapter/adapter-config.js";
import { ADAPTER_WEIGHTS, PEFT_PREFIX } from "../../checkpoint/adapter/adapter-layout.js";
import { AdapterTensors } from "../../checkpoint/adapter/adapter-tensors.js";
import { merged } from "../../checkpoint/adapter/merged-weight.js";
import { modelShapes } from "../../checkpoint/tensor-names.js";
import type { Model } from "../../models/llava/llava.js";
import { type Adapter, type NamedTensor, namedTensors, type Parameter, type TrainableModel } from "./parameters.js";

/** The linear weights of a block that can be adapted, by the last part of their names. */
export const LORA_TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"] as const;
export type LoraTarget = (typeof LORA_TARGETS)[number];

export interface LoraOptions {
  rank: number;
  alpha: number;
  targets: readonly LoraTarget[] | "all-linear";
}

/** New adapters for the blocks of a model, in its dtype and on its device, keyed by the weight that they correct. The
 *  caller owns them. */
export function createAdapters(model: Model, options: LoraOptions, generator: Generator): Map<string, Adapter> {
  const { rank, alpha } = options;
  const adapters = new Map<string, Adapter>();
  for (const { name, tensor } of targetsOf(model, options.targets)) {
    const [outputs = 0, inputs = 0] = tensor.shape;
    // kaiming_uniform with a = sqrt(5), in torch's order of operations so that not even the last bit differs
    const bound = Math.sqrt(3) * (Math.sqrt(2 / (1 + Math.sqrt(5) ** 2)) / Math.sqrt(inputs));
    const place = { dtype: model.dtype, device: model.device };
    const down = own(() => uniform_(empty([rank, inputs]), -bound, bound, { generator }).to(place));
    const up = own(() => zeros([outputs, rank], place));
    adapters.set(name, makeAdapter(name, down, up, alpha / rank));
  }
  return adapters;
}

function targetsOf(model: Model, targets: LoraOptions["targets"]): { name: string; tensor: Tensor }[] {
  const wanted: readonly string[] = targets === "all-linear" ? LORA_TARGETS : targets;
  return namedTensors(model).filter(({ name }) => {
    const match = /^model\.layers\.\d+\.\w+\.(\w+)\.weight$/.exec(name);
    return match !== null && wanted.includes(match[1] ?? "");
  });
}

const own = (make: () => Tensor): Tensor => detachFromScope(scope(() => noGrad(make)));

function makeAdapter(weight: string, down: Tensor, up: Tensor, scale: number): Adapter {
  const module = weight.slice(0, -".weight".length);
  const parameter = (name: string, tensor: Tensor): Parameter => ({
    name,
    weight: tensor,
    part: "language",
    decays: true,
    gradient: undefined,
  });
  return {
    down: parameter(`${module}.lora_A.weight`, down),
    up: parameter(`${module}.lora_B.weight`, up),
    scale,
  };
}

/** What is trained when the language model has adapters: these, and of `base` what is no part of the language model.
 *  Disposing frees the adapters and all gradients. */
export function withAdapters(base: TrainableModel, adapters: ReadonlyMap<string, Adapter>): TrainableModel {
  const own = [...adapters.values()].flatMap(({ down, up }) => [down, up]);
  return {
    model: base.model,
    parameters: [...own, ...base.parameters.filter(({ part }) => part !== "language")],
    adapters,
    [Symbol.dispose]() {
      base[Symbol.dispose]();
      for (const parameter of own) {
        parameter.gradient?.dispose();
        parameter.gradient = undefined;
      }
      disposeAdapters(adapters);
    },
  };
}

export function disposeAdapters(adapters: ReadonlyMap<string, Adapter>): void {
  for (const { down, up } of adapters.values()) for (const { weight } of [down, up]) weight.dispose();
}

/** Merges adapters into the model's own weights, in place: for decoding with a model that is loaded. */
export function mergeAdapters(model: Model, adapters: ReadonlyMap<string, Adapter>): void {
  noGrad(() => {
    for (const { name, tensor } of namedTensors(model)) {
      const adapter = adapters.get(name);
      if (adapter === undefined) continue;
      scope(() => void tensor.copy_(merged(tensor, adapter.down.weight, adapter.up.weight, adapter.scale)));
    }
  });
}

export interface SaveAdapterOptions {
  lora: LoraOptions;
  /** The model that they correct: a hub id, or a path that holds anywhere on this machine. */
  baseModel: string;
  /** What differs from the base beside the corrections, as a whole: a trained projector, a tower. */
  whole?: readonly NamedTensor[];
  /** A better value than the tensor's own: a master weight, or an average over the run. */
  weights?: ((name: string) => Tensor | undefined) | undefined;
}

/** A list of names would mean the vision tower's layers as well, whose linear weights have the same names. */
function targetPattern(targets: LoraOptions["targets"]): string {
  const names = targets === "all-linear" ? LORA_TARGETS : targets;
  return `model\\.layers\\.\\d+\\.(self_attn|mlp)\\.(${names.join("|")})`;
}

/** Writes adapters in PEFT's layout; the folder is made. */
export function saveAdapters(
  folder: string,
  adapters: ReadonlyMap<string, Adapter>,
  options: SaveAdapterOptions,
): void {
  const { lora, baseModel, weights, whole = [] } = options;
  mkdirSync(folder, { recursive: true });
  const pairs = [...adapters.values()].flatMap(({ down, up }) => [down, up]);
  const tensors = [...pairs.map(({ name, weight }) => ({ name, tensor: weight })), ...whole];
  const sources = tensors.map(({ name, tensor }): TensorSource => {
    const best = () => weights?.(name) ?? tensor;
    const dtype = scope(() => best().dtype);
    return { name: PEFT_PREFIX + name, dtype, shape: tensor.shape, tensor: () => scope(() => best().detach()) };
  });
  noGrad(() => saveSafetensors(join(folder, ADAPTER_WEIGHTS), sources, { metadata: { format: "pt" } }));
  const modules = ["mm_projector", "vision_tower"].filter((module) =>
    whole.some(({ name }) => name.startsWith(`model.${module}.`)),
  );
  const config = {
    base_model_name_or_path: baseModel,
    bias: "none",
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    layers_pattern: null,
    layers_to_transform: null,
    lora_alpha: lora.alpha,
    lora_dropout: 0,
    modules_to_save: modules.length === 0 ? null : modules,
    peft_type: "LORA",
    r: lora.rank,
    target_modules: targetPattern(lora.targets),
    task_type: "CAUSAL_LM",
    use_dora: false,
    use_rslora: false,
  };
  writeFileSync(join(folder, ADAPTER_CONFIG), `${JSON.stringify(config, null, 2)}\n`);
}

/** Adapters of a model's blocks from a folder in PEFT's layout, in the model's dtype and on its device; the caller owns
 *  them.
 *  @throws UserError when a file is missing, of another kind of adapter, or of another model */
export async function loadAdapters(model: Model, folder: string): Promise<Map<string, Adapter>> {
  using stored = await AdapterTensors.open(folder);
  stored.assertFits(modelShapes(model.config));
  const place = { dtype: model.dtype, device: model.device };
  const copy = (tensor: Tensor) => own(() => tensor.to({ ...place, copy: true }));
  const adapters = new Map<string, Adapter>();
  // In the model's order, whatever the file's: sums over parameters must not depend on where a run went on.
  for (const { name } of targetsOf(model, "all-linear")) {
    const correction = stored.corrections.get(name);
    if (correction === undefined) continue;
    const { down_rI, up_Or, scale } = correction;
    adapters.set(name, makeAdapter(name, copy(down_rI), copy(up_Or), scale));
  }
  return adapters;
}
