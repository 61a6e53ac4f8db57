/** The tensors of a low-rank adapter by the weights of the base that they change.
 *
 *  Files: adapter_model.safetensors (or .bin), as PEFT writes it, and non_lora_trainables.safetensors (or .bin), in
 *  which LLaVA's finetuning keeps what it trained as a whole. Names, behind `base_model.model.`, of a module M:
 *
 *      M.lora_A.weight, M.lora_B.weight               W + scale B A; the adapter's name may follow: lora_A.default.weight
 *      M.lora_embedding_A, M.lora_embedding_B         the same for the transposed weight of an embedding
 *      M.weight, M.bias                               in place of the base's (modules_to_save, trained biases)
 *  r rank, I inputs, O outputs of a linear weight */
import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  type Device,
  type DType,
  detachFromScope,
  noGrad,
  openCheckpoint,
  Scope,
  scope,
  type Tensor,
} from "@rediff/torch";
import { UserError } from "../../errors.js";
import { readTorchFile } from "../convert/torch-pickle.js";
import { renameOriginal, type Shapes, TOWER_PREFIX } from "../tensor-names.js";
import { type AdapterConfig, isTarget, readAdapterConfig, type Strength } from "./adapter-config.js";
import { merged } from "./merged-weight.js";

export const ADAPTER_WEIGHTS = "adapter_model.safetensors";

/** A weight's correction. */
export interface Correction extends Strength {
  down_rI: Tensor;
  up_Or: Tensor;
}

/** How PEFT wraps the base's names. */
export const PEFT_PREFIX = "base_model.model.";

interface Part {
  kind: "A" | "B" | "whole";
  /** The base's tensor. */
  weight: string;
  /** Of an embedding: the matrices are those of the transposed weight. */
  embedding: boolean;
}

export class AdapterTensors implements Disposable {
  readonly folder: string;
  readonly config: AdapterConfig;
  /** By the name of the weight in the base. */
  readonly corrections = new Map<string, Correction>();
  /** What stands in place of the base's tensors. */
  readonly replacements = new Map<string, Tensor>();
  /** Files that they came from. */
  readonly files: string[] = [];
  readonly #owned = new Scope();

  private constructor(folder: string, config: AdapterConfig) {
    this.folder = folder;
    this.config = config;
  }

  /** Values are mapped from safetensors files and read of others.
   *  @throws UserError when a file is missing or damaged, holds no adapter, or does not fit adapter_config.json */
  static async open(folder: string): Promise<AdapterTensors> {
    const adapter = new AdapterTensors(folder, await readAdapterConfig(folder));
    try {
      adapter.#owned.run(() => adapter.#read());
      return adapter;
    } catch (error) {
      adapter[Symbol.dispose]();
      throw error;
    }
  }

  /** @throws UserError listing what has no place in the model or another shape */
  assertFits(shapes: Shapes): void {
    const wrong: string[] = [];
    for (const [weight, { down_rI, up_Or }] of this.corrections) {
      const shape = shapes.get(weight);
      if (shape === undefined) {
        if (!isUnused(weight, shapes)) wrong.push(`${moduleOf(weight)} is no module of it`);
        continue;
      }
      const [outputs = 0, inputs = 0] = shape;
      if (shape.length !== 2) wrong.push(`${moduleOf(weight)} is no linear weight`);
      else if (up_Or.size(0) !== outputs || down_rI.size(1) !== inputs)
        wrong.push(
          `${moduleOf(weight)} is corrected as [${up_Or.size(0)}, ${down_rI.size(1)}], and it is [${shape.join(", ")}]`,
        );
    }
    for (const [name, tensor] of this.replacements) {
      const shape = shapes.get(name);
      if (shape === undefined && !isUnused(name, shapes)) wrong.push(`${name} is no tensor of it`);
      if (shape !== undefined && shape.join() !== tensor.shape.join())
        wrong.push(`${name} is [${tensor.shape.join(", ")}], expected [${shape.join(", ")}]`);
    }
    if (wrong.length === 0) return;
    const shown = wrong.slice(0, 6).join("; ");
    throw new UserError(
      `the adapter ${this.folder} does not fit its base: ${shown}${wrong.length > 6 ? `; and ${wrong.length - 6} more` : ""}`,
      "Is it of another model? Name its base with --base (`base` in the library and in recipes).",
    );
  }

  changes(name: string): boolean {
    return this.corrections.has(name) || this.replacements.has(name);
  }

  /** A tensor of the model with what the adapter changes; `value` where it changes nothing. Not cast. */
  applied(name: string, value: Tensor): Tensor {
    const correction = this.corrections.get(name);
    if (correction === undefined) return value;
    const wide = value.dtype === "float64" ? "float64" : "float32";
    return merged(value, correction.down_rI, correction.up_Or, correction.scale, wide);
  }

  [Symbol.dispose](): void {
    this.#owned[Symbol.dispose]();
  }

  #read(): void {
    const stored = this.#readFiles();
    const halves = new Map<string, Partial<Record<"A" | "B", Tensor>>>();
    for (const [name, tensor] of stored) {
      if (name.includes(".original_module.")) continue; // the base's own, which a module of modules_to_save stands for
      const part = readName(name);
      if (part === undefined) throw this.#unreadable(name);
      const { kind, weight, embedding } = part;
      if (kind === "whole") this.replacements.set(weight, tensor);
      // (B A)^T = A^T B^T: of an embedding the two change places.
      else if (embedding)
        addTo(
          halves,
          weight,
          kind === "A" ? "B" : "A",
          noGrad(() => tensor.t()),
        );
      else addTo(halves, weight, kind, tensor);
    }
    for (const [weight, { A, B }] of halves) {
      if (A === undefined || B === undefined)
        throw new UserError(
          `${this.folder}: ${moduleOf(weight)} has lora_${A === undefined ? "B" : "A"} and no lora_${A === undefined ? "A" : "B"}`,
          "The adapter is not complete; get it again.",
        );
      this.corrections.set(weight, { ...this.#strength(weight, A, B), down_rI: A, up_Or: B });
    }
    if (this.corrections.size === 0 && this.replacements.size === 0)
      throw new UserError(`${this.files.join(", ")}: there is no tensor in it`, "Get the adapter again.");
  }

  #readFiles(): Map<string, Tensor> {
    const main = this.#firstOf("adapter_model");
    if (main === undefined)
      throw new UserError(
        `${this.folder} has ${this.config.path.slice(this.folder.length + 1)} and no ${ADAPTER_WEIGHTS} (or adapter_model.bin)`,
        "The adapter is not complete; get it again.",
      );
    const beside = this.#firstOf("non_lora_trainables");
    const found = new Map<string, Tensor>();
    for (const path of [main, ...(beside === undefined ? [] : [beside])]) {
      this.files.push(path);
      for (const [name, tensor] of readTensors(path)) found.set(name, tensor);
    }
    return found;
  }

  #firstOf(name: string): string | undefined {
    return [`${name}.safetensors`, `${name}.bin`]
      .map((file) => join(this.folder, file))
      .find((path) => existsSync(path));
  }

  #strength(weight: string, down: Tensor, up: Tensor): Strength {
    const module = moduleOf(weight);
    const strength = this.config.strength(module);
    const [found, other] = [down.ndim === 2 ? down.size(0) : -1, up.ndim === 2 ? up.size(1) : -1];
    if (found !== strength.rank || other !== strength.rank)
      throw new UserError(
        `${this.folder}: ${module} has lora_A [${down.shape.join(", ")}] and lora_B [${up.shape.join(", ")}], and ` +
          `adapter_config.json says rank ${strength.rank}`,
        "Weights and adapter_config.json belong to different adapters.",
      );
    if (isTarget(this.config.targets, module) === false)
      throw new UserError(
        `${this.folder} corrects ${module}, which target_modules in adapter_config.json does not name`,
        "Weights and adapter_config.json belong to different adapters.",
      );
    return strength;
  }

  #unreadable(name: string): UserError {
    const special = /lora_magnitude_vector/.test(name) ? "a part of DoRA" : "no part of a LoRA adapter";
    return new UserError(
      `${this.folder}: ${name} is ${special}, and plain LoRA adapters are supported`,
      "Merge it into its base in Python (merge_and_unload), and use the merged model.",
    );
  }
}

function addTo<K>(map: Map<string, Partial<Record<"A" | "B", K>>>, name: string, kind: "A" | "B", value: K): void {
  map.set(name, { ...map.get(name), [kind]: value });
}

function readTensors(path: string): [string, Tensor][] {
  if (path.endsWith(".bin")) return [...readTorchFile(path)];
  using file = openCheckpoint(path);
  return file.names().map((name): [string, Tensor] => [name, file.get(name)]);
}

const moduleOf = (weight: string): string => weight.replace(/\.weight$/, "");

/** What a name in an adapter's file stands for; undefined when it is nothing that plain LoRA has. */
function readName(stored: string): Part | undefined {
  const name = baseName(stored);
  const linear = /^(.+)\.lora_([AB])(?:\.[^.]+)?\.weight$/.exec(name);
  if (linear !== null) return { kind: linear[2] as "A" | "B", weight: ours(`${linear[1]}.weight`), embedding: false };
  const embedding = /^(.+)\.lora_embedding_([AB])(?:\.[^.]+)?$/.exec(name);
  if (embedding !== null)
    return { kind: embedding[2] as "A" | "B", weight: ours(`${embedding[1]}.weight`), embedding: true };
  if (/\.(lora_|token_adapter\.)/.test(name)) return undefined;
  // Where a module is replaced, or an embedding saved beside its correction, PEFT's wrappers show in the name.
  const whole = name.replace(/\.modules_to_save\.[^.]+(?=\.)/, "").replace(/\.base_layer(?=\.)/, "");
  return { kind: "whole", weight: ours(whole), embedding: false };
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

/** A tensor of a model whose base has `stored` (undefined where it has none), cast once. The caller owns it. */
export function adaptedTensor(
  adapters: readonly AdapterTensors[],
  name: string,
  stored: (() => Tensor) | undefined,
  place: { dtype: DType; device: Device },
): Tensor {
  return scope(() =>
    noGrad(() => {
      const last = adapters.findLastIndex((adapter) => adapter.replacements.has(name));
      const whole = adapters[last]?.replacements.get(name) ?? stored?.();
      if (whole === undefined) throw new Error(`neither base nor adapter has ${name}`);
      let value = whole.to({ device: place.device });
      for (const adapter of adapters.slice(Math.max(0, last))) value = adapter.applied(name, value);
      return detachFromScope(value.to(place));
    }),
  );
}
