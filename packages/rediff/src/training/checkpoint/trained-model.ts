/** A trained model on the disk: a model folder such as `caption` and the Python reference read, or the projector alone.
 *  r rank, I inputs, O outputs of a linear weight */
import { existsSync } from "node:fs";
import { copyFile, rm } from "node:fs/promises";
import { join } from "node:path";
import {
  noGrad,
  openCheckpoint,
  saveCheckpoint,
  saveSafetensors,
  scope,
  type Tensor,
  type TensorSource,
} from "@rediff/torch";
import { merged } from "../../checkpoint/adapter/merged-weight.js";
import { readProjector } from "../../checkpoint/convert/starting-projector.js";
import { carryFiles, intoFolder, writeJson } from "../../checkpoint/model-folder.js";
import { hasNewline, projectorShapes, type Shapes } from "../../checkpoint/tensor-names.js";
import { UserError } from "../../errors.js";
import { sync, syncTree } from "../../files/whole-folder.js";
import { saying } from "../../files/write-errors.js";
import type { Model } from "../../models/llava/llava.js";
import { type LoraOptions, saveAdapters } from "../backward/lora.js";
import { type Adapter, type NamedTensor, namedTensors } from "../backward/parameters.js";
import type { RecipeKeys } from "../recipe/recipe.js";

export const PROJECTOR_FILE = "mm_projector.safetensors";

export interface TrainedModel {
  model: Model;
  /** config.json. */
  config: Record<string, unknown>;
  /** Folder of the tokenizer, the generation settings and the licence that go with it. */
  carryFrom: string;
  /** Low-rank corrections, which the written weights contain. */
  adapters?: ReadonlyMap<string, Adapter> | undefined;
  /** A better value than the model's own tensor: a master weight, or an average over the run. */
  weights?: ((name: string) => Tensor | undefined) | undefined;
}

/** Every tensor of the model by its name in a checkpoint, in the model's dtype, made when it is written. */
export function modelSources({ model, adapters, weights }: TrainedModel): TensorSource[] {
  const best = (name: string, own: Tensor): Tensor => weights?.(name) ?? own;
  return namedTensors(model).map(({ name, tensor }) => {
    const adapter = adapters?.get(name);
    const { dtype, shape } = tensor;
    return {
      name,
      dtype,
      shape,
      tensor: () =>
        scope(() => {
          const value = best(name, tensor);
          if (adapter === undefined) return value.detach().to({ dtype });
          const down = best(adapter.down.name, adapter.down.weight);
          return merged(value, down, best(adapter.up.name, adapter.up.weight), adapter.scale);
        }),
    };
  });
}

/** Writes weights, config.json and what belongs to them into a folder that is there. */
export async function writeModelFiles(folder: string, trained: TrainedModel): Promise<void> {
  noGrad(() => saveCheckpoint(folder, modelSources(trained)));
  await carryFiles(trained.carryFrom, folder);
  // The tower's shape, where config.json does not hold it.
  const vision = join(trained.carryFrom, "vision_config.json");
  if (existsSync(vision)) await copyFile(vision, join(folder, "vision_config.json"));
  await writeJson(join(folder, "config.json"), trained.config);
}

/** What is written of a trained model. */
export interface FileOptions {
  /** The projector instead of the whole model. */
  adapterOnly?: boolean;
  /** The projector by itself as well. */
  projectorBeside?: boolean;
  /** Low-rank adapters by themselves as well. */
  lora?:
    | {
        adapters: ReadonlyMap<string, Adapter>;
        options: LoraOptions;
        baseModel: string;
        /** What differs from the base beside them. */
        whole: readonly NamedTensor[];
      }
    | undefined;
}

export const ADAPTER_FOLDER = "adapter";

/** Whether the projector alone is trained. */
export const isProjectorRun = (recipe: RecipeKeys): boolean => recipe.mm_tunable_parts.join() === "mm_mlp_adapter";

/** What a recipe wants to be written. */
export function filesOf(recipe: RecipeKeys): FileOptions {
  return { adapterOnly: recipe.save.adapter_only, projectorBeside: isProjectorRun(recipe) };
}

/** Writes all that is wanted of a trained model into a folder that is there. */
export async function writeTrainedFiles(folder: string, trained: TrainedModel, options: FileOptions): Promise<void> {
  const { adapterOnly = false, projectorBeside = false, lora } = options;
  if (adapterOnly) await writeJson(join(folder, "config.json"), trained.config);
  else await writeModelFiles(folder, trained);
  if (adapterOnly || projectorBeside) saveProjector(folder, trained);
  if (lora === undefined) return;
  const adapter = join(folder, ADAPTER_FOLDER);
  saveAdapters(adapter, lora.adapters, {
    lora: lora.options,
    baseModel: lora.baseModel,
    whole: lora.whole,
    weights: trained.weights,
  });
  await writeJson(join(adapter, "config.json"), trained.config); // pictures are cut as in training, not as for the base
}

/** Gives `output` the model, among whatever else is in it; config.json comes last.
 *  @param beside writes what is to be there before config.json is
 *  @throws UserError when the disk is full or may not be written */
export async function exportModel(
  output: string,
  trained: TrainedModel,
  options: FileOptions = {},
  beside: (folder: string) => Promise<void> = async () => undefined,
): Promise<void> {
  await saying(`the model in ${output}`, async () => {
    await intoFolder(output, async (folder) => {
      await writeTrainedFiles(folder, trained, options);
      await beside(folder);
      syncTree(folder);
      await rm(join(output, ADAPTER_FOLDER), { recursive: true, force: true }); // no folder takes a full one's place
    });
    sync(output);
  });
}

/** Writes the projector alone, under the names that the original's mm_projector.bin has. */
export function saveProjector(folder: string, trained: TrainedModel): void {
  const sources = modelSources(trained).filter(({ name }) => name.startsWith("model.mm_projector."));
  noGrad(() => saveSafetensors(join(folder, PROJECTOR_FILE), sources, { metadata: { format: "pt" } }));
}

/** Puts a pretrained projector in the place of the model's: mm_projector.safetensors, or the original's .bin. A newline
 *  vector comes along where file and model have one.
 *  @throws UserError when it is none, or of another model */
export function loadProjector(model: Model, path: string): void {
  const { multimodal, llada } = model.config;
  if (multimodal === undefined) throw new UserError(`${model.folder} is a text-only LLaDA and has no projector`);
  if (!existsSync(path))
    throw new UserError(`there is no projector ${path}`, "It is written by the pretraining stage, into its output.");
  const shapes: Shapes = projectorShapes(multimodal, llada.hiddenSize);
  if (hasNewline(multimodal)) shapes.set("model.image_newline", [llada.hiddenSize]);
  noGrad(() =>
    scope(() => {
      const stored = readProjector(path, shapes);
      for (const { name, tensor } of namedTensors(model)) {
        const value = stored.get(name);
        if (value !== undefined) tensor.copy_(value);
      }
    }),
  );
}

/** Puts tensors of a model folder in the place of the model's, those whose name is wanted.
 *  @throws UserError when one is not there */
export function loadTensors(model: Model, folder: string, isWanted: (tensor: NamedTensor) => boolean): void {
  using checkpoint = openCheckpoint(folder);
  noGrad(() => {
    for (const entry of namedTensors(model).filter(isWanted)) {
      if (!checkpoint.has(entry.name))
        throw new UserError(`${folder} has no tensor ${entry.name}`, "Is it a checkpoint of the same model?");
      scope(() => void entry.tensor.copy_(checkpoint.get(entry.name)));
    }
  });
}
