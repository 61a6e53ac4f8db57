/** The model as training begins with it: a LLaDA-V or ReDiff, or a text-only LLaDA that gets a vision tower and a fresh
 *  projector. The recipe decides how pictures are cut; what the checkpoint does not have yet (a projector, a newline
 *  vector) is made from the recipe's seed. */
import { join } from "node:path";
import { availableDevices, type Device, Generator, requireDevice } from "@rediff/torch";
import {
  loadPartsConfig,
  locateModel,
  type ModelParts,
  readVisionConfig,
} from "../../checkpoint/adapter/locate-model.js";
import { parseConfig } from "../../checkpoint/config.js";
import { multimodalConfig, renamedConfig } from "../../checkpoint/convert/converted-config.js";
import { loadTowerConfig } from "../../checkpoint/convert/siglip-source.js";
import { LateWeights } from "../../checkpoint/late-weights.js";
import { readModel } from "../../checkpoint/load-model.js";
import { NEWLINE } from "../../checkpoint/tensor-names.js";
import { openCheckpoint } from "../../checkpoint/weights.js";
import { UserError } from "../../errors.js";
import { resolveModel } from "../../hub/resolve-model.js";
import type { Model, ModelConfig } from "../../models/llava/llava.js";
import type { Ranks } from "../../ranks/ranks.js";
import { loadTokenizer } from "../../text/tokenizer.js";
import { createAdapters, loadAdapters, withAdapters } from "../backward/lora.js";
import {
  type Adapter,
  type NamedTensor,
  namedTensors,
  type TrainableModel,
  trainable,
} from "../backward/parameters.js";
import { trainedConfig } from "../checkpoint/trained-config.js";
import { loadProjector, loadTensors, PROJECTOR_FILE, type TrainedModel } from "../checkpoint/trained-model.js";
import { ADAPTER_FOLDER } from "../checkpoint/training-checkpoint.js";
import type { RecipeKeys } from "../recipe/recipe.js";
import { defaultDtype } from "./default-dtype.js";

/** What a text-only LLaDA's positions are raised to, to make room for pictures: the published LLaDA-V's. */
const POSITIONS = 16384;

export interface ModelPlan {
  /** The folders that weights are read from. */
  parts: ModelParts;
  /** The folder of the tokenizer and what else goes with the trained model. */
  folder: string;
  /** Folder of a stand-alone SigLIP, where one is needed. */
  visionTower: string | undefined;
  /** What will be trained and saved. */
  config: ModelConfig;
}

export interface LoadedModel extends AsyncDisposable {
  plan: ModelPlan;
  trainable: TrainableModel;
  adapters: ReadonlyMap<string, Adapter> | undefined;
  /** Where there are adapters: what else of the model is not as in its base. */
  whole: readonly NamedTensor[];
  device: Device;
  /** Where each process has a piece of the weights: what reads them when they are divided. */
  late: LateWeights | undefined;
}

/** Reads the configs only: enough to read the data by, and to find most mistakes, before gigabytes are read.
 *  @param checkpoint the run's own, when it is resumed */
export async function planModel(recipe: RecipeKeys, checkpoint?: string): Promise<ModelPlan> {
  const own = checkpoint !== undefined && holdsModel(recipe) ? checkpoint : undefined;
  const base = own === undefined ? recipe.base : undefined;
  const parts = await locateModel(own ?? (await resolveModel(recipe.model)), { base });
  const folder = parts.tokenizer;
  const start = await loadPartsConfig(parts);
  if (start.quantization !== undefined)
    throw new UserError(
      `${parts.weights} has weights in ${start.quantization.weights}, which are not trained: they have no gradients`,
      "Train the model that it was made of, and round the result (`rediff convert --quantize`).",
    );
  const visionTower = recipe.vision_tower === undefined ? undefined : await resolveModel(recipe.vision_tower);
  const raw = start.multimodal ? start.raw : await withEyes(folder, start, recipe, visionTower);
  if (raw === undefined) return { parts, folder, visionTower, config: textConfig(folder, start, recipe) };

  const vision = start.multimodal?.vision ?? (await loadTowerConfig(visionTower as string));
  const beside = await readVisionConfig(parts);
  // An adapted model is written as a whole, with files from more than one folder: its config.json holds the tower.
  const holds = parts.adapters.length > 0 && beside !== undefined ? { vision_config: beside, ...raw } : raw;
  const trained = trainedConfig(holds, recipe, vision.imageSize, dtypeOf(recipe));
  const config = parseConfig(trained, raw.vision_config ?? beside, join(parts.config, "config.json"));
  return { parts, folder, visionTower, config };
}

/** Whether a checkpoint holds all of the model as it is trained: not when adapters or the projector alone are. */
const holdsModel = (recipe: RecipeKeys): boolean => recipe.lora === undefined && !recipe.save.adapter_only;

async function withEyes(
  folder: string,
  start: ModelConfig,
  recipe: RecipeKeys,
  visionTower: string | undefined,
): Promise<Record<string, unknown> | undefined> {
  if (visionTower === undefined) return undefined;
  const tokenizer = await loadTokenizer(folder);
  const { llada } = start;
  const grown = llada.ropeScaling === undefined ? Math.max(POSITIONS, llada.maxPositions) : llada.maxPositions;
  return multimodalConfig(renamedConfig(start.raw, llada, dtypeOf(recipe), tokenizer), {
    vision: await loadTowerConfig(visionTower),
    visionTower: recipe.vision_tower ?? visionTower,
    projectorType: "mlp2x_gelu",
    patchMergeType: recipe.mm_patch_merge_type,
    aspectRatio: recipe.image_aspect_ratio,
    gridTiles: 6,
    maxPositions: grown,
  });
}

function textConfig(folder: string, start: ModelConfig, recipe: RecipeKeys): ModelConfig {
  if (recipe.mm_tunable_parts.join() === "mm_language_model")
    return parseConfig({ ...start.raw, torch_dtype: dtypeOf(recipe) }, undefined, join(folder, "config.json"));
  throw new UserError(
    `${folder} is a text-only LLaDA, and mm_tunable_parts names ${recipe.mm_tunable_parts.join(", ")}`,
    "Set vision_tower to the folder of a SigLIP 2, or train mm_language_model alone.",
  );
}

/** Loads what is trained. Nothing but the recipe's own device is used.
 *  @param checkpoint the run's own, when it is resumed
 *  @param onWarning hears of weights that were not read; default as in `loadModelFolder`
 *  @param ranks of several processes. With sharding "full" weights are read when they are divided, not now */
export async function loadForTraining(
  recipe: RecipeKeys,
  plan: ModelPlan,
  checkpoint?: string,
  onWarning?: (line: string) => void,
  ranks?: Pick<Ranks, "localRank">,
): Promise<LoadedModel> {
  const device = deviceOf(recipe, ranks?.localRank);
  const { parts } = plan;
  const late = ranks !== undefined && recipe.sharding === "full" ? new LateWeights() : undefined;
  const options = {
    ...(parts.adapters.length > 0 && recipe.base !== undefined && { base: recipe.base }),
    device,
    dtype: dtypeOf(recipe),
    config: plan.config,
    freshSeed: recipe.seed,
    ...(plan.visionTower !== undefined && { visionTower: plan.visionTower }),
    ...(onWarning && { onWarning }),
  };
  const model = await readModel(parts.folder, options, late);
  try {
    // What other files have in their place is small, but for the tower.
    const beside = namedTensors(model).filter(({ name, part }) => part !== "language" || name === NEWLINE);
    const replaced = checkpoint === undefined ? recipe.adapter !== undefined : !holdsModel(recipe);
    if (replaced) late?.fill(beside.map(({ tensor }) => tensor));
    if (recipe.adapter !== undefined && checkpoint === undefined) loadProjector(model, recipe.adapter);
    if (recipe.save.adapter_only && checkpoint !== undefined) loadProjector(model, join(checkpoint, PROJECTOR_FILE));
    // Beside adapters, what is no part of the language model is trained as a whole, and lies in the checkpoint.
    if (recipe.lora !== undefined && checkpoint !== undefined)
      loadTensors(model, checkpoint, ({ part }) => part !== "language");
    const base = trainable(model, recipe.mm_tunable_parts);
    const adapters = await adaptersOf(recipe, model, checkpoint);
    const trained = adapters === undefined ? base : withAdapters(base, adapters);
    return {
      plan,
      trainable: trained,
      adapters,
      whole: adapters === undefined ? [] : unlikeBase(recipe, parts, model),
      device,
      late,
      async [Symbol.asyncDispose]() {
        late?.[Symbol.dispose]();
        trained[Symbol.dispose]();
        model[Symbol.dispose]();
      },
    };
  } catch (error) {
    late?.[Symbol.dispose]();
    model[Symbol.dispose]();
    throw error;
  }
}

/** What an adapter of this run needs besides its corrections: whatever else is trained, and what its base has none of. */
function unlikeBase(recipe: RecipeKeys, { weights }: ModelParts, model: Model): NamedTensor[] {
  using base = openCheckpoint(weights);
  const trained = { vision: recipe.mm_tunable_parts.includes("mm_vision_tower"), language: false };
  const projector = recipe.mm_tunable_parts.includes("mm_mlp_adapter") || recipe.adapter !== undefined;
  return namedTensors(model).filter(({ name, part }) => {
    if (name === NEWLINE) return recipe.adapter !== undefined || !base.has(name);
    return part === "projector" ? projector || !base.has(name) : trained[part];
  });
}

async function adaptersOf(
  recipe: RecipeKeys,
  model: Model,
  checkpoint?: string,
): Promise<Map<string, Adapter> | undefined> {
  if (recipe.lora === undefined) return undefined;
  if (checkpoint !== undefined) return loadAdapters(model, join(checkpoint, ADAPTER_FOLDER));
  const generator = new Generator(recipe.seed);
  try {
    return createAdapters(model, recipe.lora, generator);
  } finally {
    generator[Symbol.dispose]();
  }
}

const dtypeOf = (recipe: RecipeKeys) => recipe.dtype ?? defaultDtype(recipe.device).dtype;

/** The recipe's device, or the best there is. Of several processes on a machine each has a GPU of its own.
 *  @throws when it is not there */
export function deviceOf(recipe: Pick<RecipeKeys, "device">, localRank?: number): Device {
  const best = (recipe.device ?? availableDevices()[0] ?? "cpu") as Device;
  const isCuda = best === "cuda" || (recipe.device === undefined && best.startsWith("cuda"));
  const device = isCuda && localRank !== undefined ? (`cuda:${localRank}` as Device) : best;
  requireDevice(device);
  return device;
}

/** The model for writing, with the best known value of every weight. */
export function trainedModel(loaded: LoadedModel, weights?: TrainedModel["weights"]): TrainedModel {
  return {
    model: loaded.trainable.model,
    config: loaded.plan.config.raw,
    carryFrom: loaded.plan.folder,
    adapters: loaded.adapters,
    weights,
  };
}
