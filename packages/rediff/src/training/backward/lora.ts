/** Low-rank adapters (LoRA, arXiv 2106.09685): beside a frozen linear weight W a product of two thin ones is trained,
 *
 *      y = x W^T + (alpha / rank) (x A^T) B^T        A [r, I] uniform as torch.nn.Linear's, B [O, r] zero
 *
 *  so that training starts from the model as it is. Saved in PEFT's layout (adapter_config.json, adapter_model.
 *  safetensors), which PEFT reads too; merged into W for every use but training.
 *  r rank, I inputs, O outputs */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  detachFromScope,
  empty,
  type Generator,
  noGrad,
  SafetensorsFile,
  saveSafetensors,
  scope,
  type Tensor,
  type TensorSource,
  uniform_,
  zeros,
} from "@rediff/torch";
import { z } from "zod";
import { UserError } from "../../errors.js";
import type { Model } from "../../models/llava/llava.js";
import { type Adapter, namedTensors, type Parameter, type TrainableModel } from "./parameters.js";

/** The linear weights of a block that can be adapted, by the last part of their names. */
export const LORA_TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"] as const;
export type LoraTarget = (typeof LORA_TARGETS)[number];

export interface LoraOptions {
  rank: number;
  alpha: number;
  targets: readonly LoraTarget[] | "all-linear";
}

const CONFIG_FILE = "adapter_config.json";
const WEIGHTS_FILE = "adapter_model.safetensors";
const PREFIX = "base_model.model.";

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

/** W + scale * B A, computed in float32 (float64 for a float64 weight) and cast once, to the dtype of W. */
export function merged(weight_OI: Tensor, down_rI: Tensor, up_Or: Tensor, scale: number): Tensor {
  return noGrad(() =>
    scope(() => {
      const dtype = weight_OI.dtype === "float64" ? "float64" : "float32";
      const [weight, down, up] = [weight_OI, down_rI, up_Or].map((t) =>
        t.detach().to({ dtype, device: weight_OI.device }),
      );
      return (weight as Tensor)
        .add((up as Tensor).matmul(down as Tensor), { alpha: scale })
        .to({ dtype: weight_OI.dtype });
    }),
  );
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
  /** The model that they correct, as a user would name it. */
  baseModel: string;
  /** A better value than the parameter's own: a master weight, or an average over the run. */
  weights?: ((name: string) => Tensor | undefined) | undefined;
}

/** Writes adapters in PEFT's layout; the folder is made. */
export function saveAdapters(
  folder: string,
  adapters: ReadonlyMap<string, Adapter>,
  options: SaveAdapterOptions,
): void {
  const { lora, baseModel, weights } = options;
  mkdirSync(folder, { recursive: true });
  const sources = [...adapters.values()].flatMap(({ down, up }) =>
    [down, up].map(({ name, weight }): TensorSource => {
      const tensor = weights?.(name) ?? weight;
      return { name: PREFIX + name, dtype: tensor.dtype, shape: tensor.shape, tensor: () => tensor.detach() };
    }),
  );
  noGrad(() => saveSafetensors(join(folder, WEIGHTS_FILE), sources, { metadata: { format: "pt" } }));
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
    modules_to_save: null,
    peft_type: "LORA",
    r: lora.rank,
    target_modules: lora.targets === "all-linear" ? [...LORA_TARGETS] : [...lora.targets],
    task_type: "CAUSAL_LM",
    use_dora: false,
    use_rslora: false,
  };
  writeFileSync(join(folder, CONFIG_FILE), `${JSON.stringify(config, null, 2)}\n`);
}

const configSchema = z.looseObject({
  peft_type: z.literal("LORA"),
  r: z.int().positive(),
  lora_alpha: z.number(),
  bias: z.literal("none").default("none"),
  use_dora: z.literal(false).default(false),
  use_rslora: z.literal(false).default(false),
  fan_in_fan_out: z.literal(false).default(false),
});

/** Adapters from a folder in PEFT's layout, in the model's dtype and on its device; the caller owns them.
 *  @throws UserError when a file is missing, of another kind of adapter, or of another model */
export function loadAdapters(model: Model, folder: string): Map<string, Adapter> {
  const { r, lora_alpha } = readConfig(join(folder, CONFIG_FILE));
  const path = join(folder, WEIGHTS_FILE);
  using file = SafetensorsFile.open(path);
  const weights = new Map(targetsOf(model, "all-linear").map(({ name, tensor }) => [name, tensor]));
  const names = file.names().map((stored) => {
    const name = stored.startsWith(PREFIX) ? stored.slice(PREFIX.length) : stored;
    const match = /^(.+)\.lora_[AB]\.weight$/.exec(name);
    if (match === null || !weights.has(`${match[1]}.weight`))
      throw new UserError(`${path}: ${stored} corrects no linear weight of ${model.folder}`, "Is it of another model?");
    return `${match[1]}.weight`;
  });
  // In the model's order, whatever the file's: sums over parameters must not depend on where a run went on.
  const corrected = [...weights.keys()].filter((name) => names.includes(name));
  const place = { dtype: model.dtype, device: model.device };
  const stored = (name: string, kind: "A" | "B") => `${PREFIX}${name.replace(/weight$/, `lora_${kind}.weight`)}`;
  for (const name of corrected) {
    const [outputs = 0, inputs = 0] = weights.get(name)?.shape ?? [];
    const expected = { A: [r, inputs], B: [outputs, r] };
    for (const kind of ["A", "B"] as const) {
      const found = file.info(stored(name, kind)).shape;
      if (found.join() !== expected[kind].join())
        throw new UserError(
          `${path}: ${stored(name, kind)} is [${found.join(", ")}], expected [${expected[kind].join(", ")}]`,
          "Is it of another model?",
        );
    }
  }
  const adapters = new Map<string, Adapter>();
  for (const name of corrected) {
    const read = (kind: "A" | "B") => own(() => file.get(stored(name, kind)).to({ ...place, copy: true }));
    adapters.set(name, makeAdapter(name, read("A"), read("B"), lora_alpha / r));
  }
  return adapters;
}

function readConfig(path: string): z.infer<typeof configSchema> {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new UserError(`${path} cannot be read: ${(error as Error).message}`, "Give the folder of a LoRA adapter.");
  }
  const result = configSchema.safeParse(content);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new UserError(`${path}: ${issue?.path.join(".")}: ${issue?.message}`, "Plain LoRA adapters are supported.");
}
