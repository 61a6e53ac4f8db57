/** An untrained LLaDA-V: a LLaDA, a SigLIP 2 tower, and between them a projector that is fresh or pretrained. It is
 *  where the training of LLaDA-V begins; until then pictures mean nothing to it. */
import { join } from "node:path";
import { DTYPES, type DType, Scope, scope, type TensorSource } from "@rediff/torch";
import { z } from "zod";
import { UserError } from "../../errors.js";
import type { SiglipConfig } from "../../models/siglip/siglip.js";
import { assertText, number, optionSet, text } from "../../options/option-set.js";
import { parseAspectRatio } from "../../vision/tiles/anyres.js";
import { parseMergeType } from "../../vision/tiles/token-layout.js";
import { parseConfig } from "../config.js";
import { hasNewline, projectorShapes, type Shapes, TOWER_PREFIX } from "../tensor-names.js";
import { type Checkpoint, openCheckpoint } from "../weights.js";
import { type MultimodalSettings, multimodalConfig, renamedConfig } from "./converted-config.js";
import {
  type Conversion,
  type ConvertOptions,
  convertTypes,
  type LladaSource,
  lladaSources,
  openLlada,
  writeModel,
} from "./rename-llada.js";
import { checkedTower, loadTowerConfig } from "./siglip-source.js";
import { freshProjector, readProjector, tensorSources } from "./starting-projector.js";

export interface AssembleOptions extends ConvertOptions {
  /** Folder of a stand-alone SigLIP 2. */
  vision: string;
  /** What config.json calls it; default: `vision`. */
  visionName?: string | undefined;
  /** "linear" or "mlpNx_gelu"; default mlp2x_gelu. */
  projector?: string | undefined;
  /** Pretrained projector: safetensors, or the original's mm_projector.bin. */
  projectorWeights?: string | undefined;
  /** For what is fresh; default 42. */
  seed?: number | undefined;
  /** Default: LLaDA's own. "keep" leaves language model and tower as they are and makes the rest LLaDA's. */
  dtype?: DType | "keep" | undefined;
  /** Default anyres_max_4. */
  aspectRatio?: string | undefined;
  /** Default spatial_unpad. */
  mergeType?: string | undefined;
  /** Pictures may take 1x1 to NxN tiles; default 6. */
  gridTiles?: number | undefined;
  /** Default the larger of LLaDA's own and 16,384: a picture alone can be 4,152 tokens. */
  maxPositions?: number | undefined;
}

const checkAssemble = optionSet<AssembleOptions>(
  {
    ...convertTypes,
    vision: text,
    visionName: text,
    projector: text,
    projectorWeights: text,
    seed: number,
    dtype: z.enum([...DTYPES, "keep"]),
    aspectRatio: text,
    mergeType: text,
    gridTiles: number,
    maxPositions: number,
  },
  ["vision"],
);

/** What published LLaDA-V models have. */
const POSITIONS = 16384;

/** Writes `output` from the LLaDA in `source`, of either naming, and the tower in `options.vision`. All is checked
 *  before anything is written; `output` appears when it is complete.
 *  @throws UserError when parts are no LLaDA, no SigLIP or do not fit together, and when `output` is in use */
export async function assembleLladaV(source: string, output: string, options: AssembleOptions): Promise<Conversion> {
  checkAssemble(options);
  assertText("the folder to read", source);
  assertText("the folder to write", output);
  const { vision, seed = 42, projectorWeights } = options;
  using llada = await openLlada(source);
  if (llada.tokenizer === undefined)
    throw new UserError(`${source} has no tokenizer.json`, "The result needs LLaDA's tokenizer; put it there.");
  const tower = await loadTowerConfig(vision);
  using towerCheckpoint = openCheckpoint(vision);
  const towerShapes = checkedTower(vision, towerCheckpoint, tower);

  const settings = settingsOf(llada, tower, options);
  const raw = multimodalConfig(renamedConfig(llada.raw, llada.config, llada.dtype, llada.tokenizer), settings);
  const dtype = options.dtype === "keep" ? undefined : (options.dtype ?? llada.dtype);
  if (dtype !== undefined) raw.torch_dtype = dtype;
  const config = parseConfig(raw, undefined, join(output, "config.json")); // what is written must be readable
  const { multimodal } = config;
  if (multimodal === undefined) throw new Error("a LLaDA-V without its multimodal part");

  using owned = new Scope();
  const middleShapes: Shapes = projectorShapes(multimodal, llada.config.hiddenSize);
  if (hasNewline(multimodal)) middleShapes.set("model.image_newline", [llada.config.hiddenSize]);
  const fresh = owned.run(() => freshProjector(middleShapes, seed));
  const pretrained = owned.run(() => projectorWeights && readProjector(projectorWeights, middleShapes));
  const middle = new Map([...fresh, ...(pretrained || [])]);

  const stored = [...lladaSources(llada), ...towerSources(towerCheckpoint, towerShapes)];
  const tensors = [
    ...(dtype === undefined ? stored : stored.map((tensor) => converted(tensor, dtype))),
    ...tensorSources(middle, dtype ?? llada.dtype),
  ];
  const carryFrom = source;
  const written = await writeModel(output, { options, sources: [source, vision], tensors, config: raw, carryFrom });
  return { ...written, notes: notesOf(llada, settings, projectorWeights, seed) };
}

function settingsOf(llada: LladaSource, vision: SiglipConfig, options: AssembleOptions): MultimodalSettings {
  const { aspectRatio = "anyres_max_4", mergeType = "spatial_unpad", gridTiles = 6 } = options;
  parseAspectRatio(aspectRatio); // an unknown one is an error here, not at the first picture
  parseMergeType(mergeType);
  if (!Number.isSafeInteger(gridTiles) || gridTiles < 1)
    throw new UserError(`grid tiles must be a whole number from 1, got ${gridTiles}`);
  // Dynamic scaling is relative to the positions of training: another number would change what the model computes.
  const grown = llada.config.ropeScaling === undefined ? Math.max(POSITIONS, llada.config.maxPositions) : undefined;
  return {
    vision,
    visionTower: options.visionName ?? options.vision,
    projectorType: options.projector ?? "mlp2x_gelu",
    patchMergeType: mergeType,
    aspectRatio,
    gridTiles,
    maxPositions: options.maxPositions ?? grown ?? llada.config.maxPositions,
  };
}

/** The tower's tensors where LLaDA-V has them. */
function towerSources(checkpoint: Checkpoint, shapes: Shapes): TensorSource[] {
  return [...shapes].map(([name, shape]) => ({
    name: TOWER_PREFIX + name,
    dtype: checkpoint.info(name).dtype,
    shape,
    tensor: () => checkpoint.get(name),
  }));
}

function converted(source: TensorSource, dtype: DType): TensorSource {
  return { ...source, dtype, tensor: () => scope(() => source.tensor().to({ dtype })) };
}

function notesOf(
  llada: LladaSource,
  settings: MultimodalSettings,
  weights: string | undefined,
  seed: number,
): string[] {
  const origin = weights === undefined ? `fresh from seed ${seed}: it has to be trained` : `from ${weights}`;
  const notes = [`projector ${settings.projectorType} ${origin}`];
  const { maxPositions } = llada.config;
  if (settings.maxPositions !== maxPositions)
    notes.push(`max_position_embeddings ${maxPositions} -> ${settings.maxPositions}, to make room for pictures`);
  return notes;
}
