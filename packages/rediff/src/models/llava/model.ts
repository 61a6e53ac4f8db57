/** LLaDA-V and ReDiff (one network, trained differently): vision tower, projector, newline vector, LLaDA; and the text-
 *  only LLaDA underneath. This file assembles them from a model folder and turns a prompt with pictures into rows. */
import { existsSync } from "node:fs";
import os from "node:os";
import {
  cat,
  type Device,
  type DType,
  detachFromScope,
  fromBuffer,
  keepMemory,
  noGrad,
  requireDevice,
  Scope,
  scope,
  type Tensor,
} from "@rediff/torch";
import { type LladaConfig, loadConfig, type ModelConfig, type MultimodalConfig } from "../../checkpoint/config.js";
import { freshProjector } from "../../checkpoint/convert/starting-projector.js";
import { assertMemory, memoryNeed } from "../../checkpoint/memory.js";
import {
  BLOCK_NAMES,
  hasNewline,
  lladaShapes,
  projectorShapes,
  type Shapes,
  SIGLIP_LAYER_NAMES,
  siglipShapes,
  TOWER_PREFIX,
} from "../../checkpoint/tensor-names.js";
import { assertTensors, type Checkpoint, compareTensors, openCheckpoint, Weights } from "../../checkpoint/weights.js";
import { UserError } from "../../errors.js";
import { loadTokenizer, type Tokenizer } from "../../text/tokenizer.js";
import { parseAspectRatio, parsePinpoints } from "../../vision/tiles/anyres.js";
import { normalizedLevels, type Tiles, type Visual } from "../../vision/tiles/tiles.js";
import { parseMergeType, pictureLayout, type VisionGeometry, videoLayout } from "../../vision/tiles/token-layout.js";
import type { Llada } from "../llada/llada.js";
import { project, projectorLayerNames } from "../projector/projector.js";
import { type Affine, patchesPerSide, patchFeatures, type Siglip } from "../siglip/siglip.js";
import { splice } from "./splice.js";
import { pictureTokens, videoTokens } from "./visual-tokens.js";

const NEWLINE = "model.image_newline";

export interface Eyes {
  config: MultimodalConfig;
  geometry: VisionGeometry;
  tower: Siglip;
  projector: readonly Affine[];
  newline: Tensor | undefined; // [D]
}

export interface Model extends Disposable {
  readonly folder: string;
  readonly config: ModelConfig;
  readonly llada: Llada;
  /** Absent in a text-only LLaDA. */
  readonly eyes: Eyes | undefined;
  readonly tokenizer: Tokenizer;
  readonly dtype: DType;
  readonly device: Device;
  /** Rows of the vocabulary that may be generated: those that have a token. */
  readonly vocabulary: number;
}

export interface LoadOptions {
  /** Default cpu. Never fallen back from. */
  device?: Device;
  /** Default float32 on the CPU, bfloat16 elsewhere. */
  dtype?: DType;
  /** Folder of a stand-alone SigLIP, read only when the checkpoint has no vision weights. */
  visionTower?: string;
  /** Check that the model fits into memory before reading it; default true. */
  memoryCheck?: boolean;
  /** In place of the folder's own config.json: training decides some of it, and gives a text-only LLaDA eyes. */
  config?: ModelConfig;
  /** Make a projector and a newline vector from this seed where the checkpoint has none, instead of refusing it. */
  freshSeed?: number;
}

/** Shapes and modes that decide how many rows a picture becomes. */
export function visionGeometry(config: MultimodalConfig): VisionGeometry {
  const aspectRatio = parseAspectRatio(config.imageAspectRatio);
  return {
    tileSize: config.vision.imageSize,
    patchesPerSide: patchesPerSide(config.vision),
    aspectRatio,
    pinpoints: aspectRatio.kind === "anyres" ? parsePinpoints(config.gridPinpoints, config.vision.imageSize) : [],
    mergeType: parseMergeType(config.patchMergeType),
    newlinePosition: config.newlinePosition,
    poolMode: config.spatialPoolMode,
  };
}

/** All tensors of a model, under the names of LLaDA-V's checkpoints. */
export function modelShapes(config: ModelConfig): Shapes {
  const shapes = lladaShapes(config.llada);
  const { multimodal } = config;
  if (multimodal === undefined) return shapes;
  for (const [name, shape] of siglipShapes(multimodal.vision)) shapes.set(TOWER_PREFIX + name, shape);
  for (const [name, shape] of projectorShapes(multimodal, config.llada.hiddenSize)) shapes.set(name, shape);
  if (hasNewline(multimodal)) shapes.set(NEWLINE, [config.llada.hiddenSize]);
  return shapes;
}

/** A stand-alone SigLIP's tensors, where the model's own checkpoint has none of the tower. */
function openTower(
  folder: string,
  checkpoint: Checkpoint,
  config: MultimodalConfig,
  path?: string,
): Checkpoint | undefined {
  if (checkpoint.names().some((name) => name.startsWith(TOWER_PREFIX))) return undefined;
  const source = path ?? config.visionTower;
  if (!existsSync(source))
    throw new UserError(
      `${folder} has no vision weights, and the vision tower ${source} is no folder here`,
      "Give the folder of the SigLIP model with --vision-tower, or pull it first (`rediff pull`).",
    );
  return openCheckpoint(source);
}

/** The part of a checkpoint that the model does not take: SigLIP's text model, its pooling head, its last layer. */
function checkTower(source: string, tower: Checkpoint, config: MultimodalConfig): void {
  const problems = compareTensors(tower, siglipShapes(config.vision));
  assertTensors(source, { ...problems, unexpected: [] });
}

type WeightSource = Pick<Weights, "get">;

/** Projector and newline as training begins with them, those that the checkpoint lacks. A projector is fresh as a whole
 *  or not at all. */
function freshTensors(config: ModelConfig, checkpoint: Checkpoint, seed: number | undefined) {
  const owned = new Scope();
  const tensors = new Map<string, Tensor>();
  if (seed !== undefined && config.multimodal !== undefined) {
    const shapes = projectorShapes(config.multimodal, config.llada.hiddenSize);
    const projector = [...shapes.keys()];
    if (hasNewline(config.multimodal)) shapes.set(NEWLINE, [config.llada.hiddenSize]);
    const lacksProjector = !projector.some((name) => checkpoint.has(name));
    for (const [name, tensor] of owned.run(() => freshProjector(shapes, seed)))
      if (name === NEWLINE ? !checkpoint.has(name) : lacksProjector) tensors.set(name, tensor);
  }
  return {
    tensors,
    take(name: string, place: { dtype: DType; device: Device }): Tensor | undefined {
      const made = tensors.get(name);
      return made && detachFromScope(scope(() => made.to({ ...place, copy: true })));
    },
    [Symbol.dispose]: () => owned[Symbol.dispose](),
  };
}

function mapValues<K extends string, A, B>(entries: Readonly<Record<K, A>>, make: (value: A) => B): Record<K, B> {
  return Object.fromEntries(Object.entries<A>(entries).map(([key, value]) => [key, make(value)])) as Record<K, B>;
}

function readLlada(config: ModelConfig, weights: WeightSource): Llada {
  const blocks = Array.from({ length: config.llada.layers }, (_, i) =>
    mapValues(BLOCK_NAMES, (name) => weights.get(`model.layers.${i}.${name}.weight`)),
  );
  return {
    config: config.llada,
    weights: {
      embedTokens: weights.get("model.embed_tokens.weight"),
      blocks,
      norm: weights.get("model.norm.weight"),
      head: weights.get("lm_head.weight"),
    },
  };
}

function readTower(config: MultimodalConfig, weights: WeightSource, prefix: string): Siglip {
  const affine = (name: string): Affine => ({
    weight: weights.get(`${prefix}vision_model.${name}.weight`),
    bias: weights.get(`${prefix}vision_model.${name}.bias`),
  });
  const layers = Array.from({ length: config.vision.layers - 1 }, (_, i) =>
    mapValues(SIGLIP_LAYER_NAMES, (name) => affine(`encoder.layers.${i}.${name}`)),
  );
  return {
    config: config.vision,
    weights: {
      patchEmbedding: affine("embeddings.patch_embedding"),
      positions: weights.get(`${prefix}vision_model.embeddings.position_embedding.weight`),
      layers,
      postNorm: affine("post_layernorm"),
    },
  };
}

/** Loads a model folder in Hugging Face's layout.
 *
 *  Weights are mapped from the files where dtype and device allow. The class is chosen by config.model_type.
 *  @throws UserError listing all missing, unexpected and misshapen tensors; when it cannot fit into memory; when
 *  tokenizer and weights do not belong together; when the device is not there */
export async function loadModelFolder(folder: string, options: LoadOptions = {}): Promise<Model> {
  const device = options.device ?? "cpu";
  const dtype = options.dtype ?? (device === "cpu" ? "float32" : "bfloat16");
  requireDevice(device);
  const config = options.config ?? (await loadConfig(folder));
  const tokenizer = await loadTokenizer(folder);
  if (tokenizer.length > config.llada.vocabSize)
    throw new UserError(
      `${folder}: the tokenizer has ${tokenizer.length} tokens but the model only ${config.llada.vocabSize} rows`,
      "Tokenizer and weights belong to different models.",
    );

  using checkpoint = openCheckpoint(folder);
  const { multimodal } = config;
  using tower = multimodal && openTower(folder, checkpoint, multimodal, options.visionTower);
  const shapes = modelShapes(config);
  using fresh = freshTensors(config, checkpoint, options.freshSeed);
  const own: Shapes = new Map(
    [...shapes].filter(([name]) => !fresh.tensors.has(name) && (tower === undefined || !name.startsWith(TOWER_PREFIX))),
  );
  assertTensors(folder, compareTensors(checkpoint, own));
  if (multimodal && tower) checkTower(options.visionTower ?? multimodal.visionTower, tower, multimodal);
  if (options.memoryCheck ?? true) assertMemory(folder, memoryNeed(config, shapes, dtype), dtype, device);

  if (device === "cpu") keepMemory(Math.min(2 ** 30, os.totalmem() / 16));
  const stored = new Weights(checkpoint, { dtype, device });
  const weights: WeightSource = { get: (name) => fresh.take(name, { dtype, device }) ?? stored.get(name) };
  const llada = readLlada(config, weights);
  const eyes = multimodal && readEyes(multimodal, weights, tower && new Weights(tower, { dtype, device }));
  return {
    folder,
    config,
    llada,
    eyes,
    tokenizer,
    dtype,
    device,
    vocabulary: Math.min(tokenizer.length, config.llada.vocabSize),
    [Symbol.dispose]() {
      disposeAll(llada.weights);
      disposeAll(eyes);
    },
  };
}

function readEyes(config: MultimodalConfig, weights: WeightSource, tower: WeightSource | undefined): Eyes {
  return {
    config,
    geometry: visionGeometry(config),
    tower: tower === undefined ? readTower(config, weights, TOWER_PREFIX) : readTower(config, tower, ""),
    projector: projectorLayerNames(config.projectorType).map((name) => ({
      weight: weights.get(`model.mm_projector.${name}weight`),
      bias: weights.get(`model.mm_projector.${name}bias`),
    })),
    newline: hasNewline(config) ? weights.get(NEWLINE) : undefined,
  };
}

function disposeAll(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  if (Symbol.dispose in value) (value as Disposable)[Symbol.dispose]();
  else for (const part of Object.values(value)) disposeAll(part);
}

/** Bytes to what the tower takes: uint8 [T, 3, S, S] -> ((x / 255) - 0.5) / 0.5 in the model's dtype. */
export function normalizePixels(
  tiles: Pick<Tiles, "pixels" | "tiles" | "tileSize">,
  dtype: DType,
  device: Device,
): Tensor {
  const { pixels, tileSize } = tiles;
  return scope(() => {
    const levels = fromBuffer(normalizedLevels(), [256]);
    const index = fromBuffer(pixels, [pixels.length]).to({ dtype: "int32" });
    return levels.indexSelect(0, index).view([tiles.tiles, 3, tileSize, tileSize]).to({ dtype, device });
  });
}

/** What each picture or video contributes to the prompt: one [tokens, D] for each. The tiles of one go through the tower
 *  together, at most `maxTiles` at a time. */
export function encodeVisuals(model: Model, visuals: readonly Visual[], maxTiles = 64): Tensor[] {
  const { eyes } = model;
  if (visuals.length === 0) return [];
  if (eyes === undefined)
    throw new UserError(
      `${model.folder} is a text-only LLaDA and cannot see pictures`,
      "Use a LLaDA-V or ReDiff model.",
    );
  return visuals.map((visual) =>
    scope(() => {
      const pixels = normalizePixels(visual, model.dtype, model.device);
      const parts: Tensor[] = [];
      for (let start = 0; start < visual.tiles; start += maxTiles)
        parts.push(
          scope(() => {
            const batch = pixels.narrow(0, start, Math.min(maxTiles, visual.tiles - start));
            return project(eyes.projector, patchFeatures(eyes.tower, batch));
          }),
        );
      return layOut(eyes, parts.length === 1 ? (parts[0] as Tensor) : cat(parts, 0), visual);
    }),
  );
}

/** Projected features [T, n*n, D] of one visual to its rows. A single view (padded picture, dummy) has no map. */
export function layOut(eyes: Eyes, features: Tensor, visual: Pick<Visual, "kind" | "tiles" | "imageSize">): Tensor {
  const { geometry, newline } = eyes;
  if (visual.kind === "video") return videoTokens(features, videoLayout(visual.tiles, geometry), newline);
  const aspectRatio = visual.tiles === 1 ? ({ kind: "square" } as const) : geometry.aspectRatio;
  return pictureTokens(features, pictureLayout(visual.imageSize, { ...geometry, aspectRatio }), newline);
}

/** Prompt ids with placeholders, and the visuals for them, to the rows that LLaDA reads: [P, D], in gradient-free mode.
 *  @throws UserError when there are more rows than the model's positions allow (`reserve` for the answer included) */
export function promptEmbeddings(
  model: Model,
  ids: readonly number[],
  visuals: readonly Visual[],
  reserve = 0,
): Tensor {
  const embeds = noGrad(() => scope(() => splice(model.llada, ids, encodeVisuals(model, visuals)).embeds.clone()));
  try {
    assertPositions(model.config.llada, embeds.size(0), reserve);
  } catch (error) {
    embeds.dispose();
    throw error;
  }
  return embeds;
}

/** @throws UserError when a prompt and its answer have more rows than a model's positions allow */
export function assertPositions(config: LladaConfig, prompt: number, answer: number): void {
  if (prompt + answer <= config.maxPositions || config.ropeScaling !== undefined) return;
  throw new UserError(
    `the prompt has ${prompt} tokens and the answer ${answer}, together more than the model's ${config.maxPositions} positions`,
    "Use fewer or smaller pictures, a shorter question, or a smaller --gen-length.",
  );
}
