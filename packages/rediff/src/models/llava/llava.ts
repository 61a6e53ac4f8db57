/** LLaDA-V and ReDiff (one network, trained differently): vision tower, projector, newline vector, LLaDA; and the text-
 *  only LLaDA underneath. What the parts are; how pictures become rows is in vision-encoder.ts, how a sequence is put together
 *  in assembly.ts. */
import type { Device, DType, Tensor } from "@rediff/torch";
import { UserError } from "../../errors.js";
import type { Tokenizer } from "../../text/tokenizer.js";
import { parseAspectRatio, parsePinpoints } from "../../vision/tiles/anyres.js";
import {
  type NewlinePosition,
  type PoolMode,
  parseMergeType,
  type VisionGeometry,
} from "../../vision/tiles/token-layout.js";
import type { Llada } from "../llada/llada.js";
import type { LladaConfig } from "../llada/llada-config.js";
import type { Quantization, QuantizationScheme } from "../quantization.js";
import { type Affine, patchesPerSide, type Siglip, type SiglipConfig } from "../siglip/siglip.js";

export interface MultimodalConfig {
  vision: SiglipConfig;
  /** Name of the tower that the weights came from; only needed when the checkpoint lacks them. */
  visionTower: string;
  projectorType: string;
  /** "flat", "spatial", "spatial_unpad", with "_maxpool2x2" or "_nobase" */
  patchMergeType: string;
  /** "anyres", "anyres_max_K", "pad", or anything else for "square" */
  imageAspectRatio: string;
  gridPinpoints: string | [number, number][] | undefined;
  newlinePosition: NewlinePosition;
  spatialPoolMode: PoolMode;
  /** Positions after which a sequence is cut; undefined for no limit. */
  tokenizerModelMaxLength: number | undefined;
  tokenizerPaddingSide: "left" | "right";
}

export interface DecodingDefaults {
  rule?: "schedule" | "threshold" | "factor" | "entropy" | "joint" | undefined;
  threshold?: number | undefined;
  factor?: number | undefined;
  entropyBound?: number | undefined;
  editThreshold?: number | undefined;
  postEditSteps?: number | undefined;
}

export interface ModelDefaults {
  /** Tokens of an answer. */
  genLength?: number | undefined;
  /** How the model was trained to read the token after a picture. */
  imageJoin?: "legacy" | "correct" | undefined;
  /** How sure it has to be to replace a word of a text that it refines. */
  refineThreshold?: number | undefined;
  /** How likely it may find a word of such a text at most, to replace it. */
  refineKeep?: number | undefined;
  reviseRest?: boolean | undefined;
  confidenceAmong?: "allowed" | "all" | undefined;
  /** By which rule it decodes, and that rule's numbers. */
  decoding?: DecodingDefaults | undefined;
  /** The world that it knows, where it does not know photographs. */
  world?: "scenes" | undefined;
  /** The first and the last id of the tokens that it was trained on, where its vocabulary has others: `refine` leaves words
   *  of those as they are. */
  knownTokens?: readonly [number, number] | undefined;
  /** False of a model that was not trained to answer questions or to go on talking. */
  converses?: boolean | undefined;
}

export interface ModelConfig {
  modelType: "llada" | "llava_llada";
  llada: LladaConfig;
  multimodal: MultimodalConfig | undefined;
  torchDtype: string | undefined;
  /** What suits the model best where nothing is asked for: the key `rediff` of config.json, which is ours. */
  defaults: ModelDefaults;
  /** How the blocks' linear weights lie in the folder; undefined where they are not rounded. */
  quantization: QuantizationScheme | undefined;
  /** config.json as it was, unknown keys included. */
  raw: Record<string, unknown>;
}

/** From pixels to rows of the language model. D width of the language model. */
export interface VisionEncoder {
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
  readonly vision: VisionEncoder | undefined;
  readonly tokenizer: Tokenizer;
  readonly dtype: DType;
  readonly device: Device;
  /** What the blocks' linear weights were rounded to, in the folder or while they were read: its answers are
   *  approximate. */
  readonly quantization?: Quantization | undefined;
  /** Rows of the vocabulary that may be generated: up to the last that has a token. */
  readonly vocabulary: number;
  /** False where it was loaded without asking whether it fits into memory: then no request is asked either. */
  readonly memoryCheck?: boolean | undefined;
}

/** The vision encoder of a model that is to see or to learn from pictures. @throws UserError for a text-only LLaDA */
export function needVision(
  { vision, folder }: Pick<Model, "vision" | "folder">,
  wanted = "see pictures",
): VisionEncoder {
  if (vision !== undefined) return vision;
  throw new UserError(`${folder} is a text-only LLaDA and cannot ${wanted}`, "Use a LLaDA-V or ReDiff model.");
}

/** How pictures are cut into tiles for a model. */
export function tilingOf({ vision, imageAspectRatio, gridPinpoints }: MultimodalConfig) {
  const aspectRatio = parseAspectRatio(imageAspectRatio);
  const tileSize = vision.imageSize;
  return {
    tileSize,
    aspectRatio,
    pinpoints: aspectRatio.kind === "anyres" ? parsePinpoints(gridPinpoints, tileSize) : [],
  } satisfies Partial<VisionGeometry>;
}

/** Shapes and modes that decide how many positions a picture takes. */
export function visionGeometry(config: MultimodalConfig): VisionGeometry {
  return {
    ...tilingOf(config),
    patchesPerSide: patchesPerSide(config.vision),
    mergeType: parseMergeType(config.patchMergeType),
    newlinePosition: config.newlinePosition,
    poolMode: config.spatialPoolMode,
  };
}
