/** What of a model a request depends on, as a plain value: it is known from the folder's small files, before any weight
 *  is read, and it travels between processes. */
import { loadPartsConfig, locateModel } from "../checkpoint/adapter/locate-model.js";
import { completeRule } from "../diffusion/rule-options.js";
import { inSnakeCase, OptionError, option, UserError, wording } from "../errors.js";
import { furthest } from "../models/llada/llada-config.js";
import { type ModelConfig, type ModelDefaults, tilingOf } from "../models/llava/llava.js";
import type { Quantization } from "../models/quantization.js";
import { loadTokenizer, type Tokenizer } from "../text/tokenizer.js";
import type { VisionGeometry } from "../vision/tiles/token-layout.js";

export interface ModelFacts {
  folder: string;
  /** What its config says that suits it. */
  defaults: ModelDefaults;
  maxPositions: number;
  /** The same with those that stretched rotary positions add: what is longer is refused. */
  reach: number;
  /** UTF-8 bytes of a text that one token stands for, at most; undefined where there is no such number. */
  longestToken: number | undefined;
  /** What its linear weights were rounded to: its answers are approximate. */
  quantization?: Quantization | undefined;
  /** It knows scenes of stickers only. */
  sceneWorld: boolean;
  /** How pictures are cut for it; undefined for a text-only model. */
  tiling: Pick<VisionGeometry, "tileSize" | "aspectRatio" | "pinpoints"> | undefined;
}

/** A model as far as it can be asked: what requests are resolved against. */
export interface AskableModel {
  facts: ModelFacts;
  tokenizer: Tokenizer;
}

/** A model, or what there is of it without its weights. */
interface Askable {
  folder: string;
  config: ModelConfig;
  tokenizer: Tokenizer;
  /** What was rounded while it was loaded; default what its folder says. */
  quantization?: Quantization | undefined;
}

export function factsOf({
  folder,
  config,
  tokenizer,
  quantization = config.quantization?.weights,
}: Askable): ModelFacts {
  const { multimodal, llada, defaults } = config;
  assertRule(folder, defaults);
  return {
    folder,
    defaults,
    maxPositions: llada.maxPositions,
    reach: furthest(llada),
    longestToken: tokenizer.longestToken,
    ...(quantization !== undefined && { quantization }),
    // Checkpoints of a training run under way say it by their tower only.
    sceneWorld: (defaults.world ?? multimodal?.visionTower) === "scenes",
    tiling: multimodal && tilingOf(multimodal),
  };
}

/** A model's own mistake is not to be told as that of whoever asks it. */
function assertRule(folder: string, { decoding = {} }: ModelDefaults): void {
  try {
    completeRule(decoding, false);
  } catch (error) {
    if (error instanceof UserError)
      throw new UserError(`${folder}: config.json, rediff: ${error.spelled(inSnakeCase)}`, "Mend its keys.");
    throw error;
  }
}

/** Values where a request says nothing: the same for the library, the command line, drafts and the server. */
export function modelDefaults({ defaults, sceneWorld, maxPositions }: ModelFacts) {
  const usual = sceneWorld ? 48 : 128;
  return {
    genLength: defaults.genLength ?? Math.max(1, Math.min(usual, maxPositions >> 2)),
    imageJoin: defaults.imageJoin ?? (sceneWorld ? "correct" : "legacy"),
    refineThreshold: defaults.refineThreshold ?? 0,
    refineKeep: defaults.refineKeep ?? 1,
    reviseRest: defaults.reviseRest ?? false,
    confidenceAmong: defaults.confidenceAmong ?? "allowed",
    decoding: defaults.decoding ?? {},
  } as const;
}

/** Of a loaded model. */
export const askable = (model: Askable): AskableModel => ({
  facts: factsOf(model),
  tokenizer: model.tokenizer,
});

/** Of a folder, without its weights.
 *  @param base of an adapter's folder, in place of the one that it names
 *  @throws UserError when it is no model folder */
export async function readAskable(folder: string, base?: string): Promise<AskableModel & { config: ModelConfig }> {
  const parts = await locateModel(folder, { base });
  const [config, tokenizer] = await Promise.all([loadPartsConfig(parts), loadTokenizer(parts.tokenizer)]);
  return { ...askable({ folder, config, tokenizer }), config };
}

/** What of a request's options only the model can judge, before its weights are read.
 *  @param pictures whether it is to see any
 *  @throws UserError for a text-only model that should, OptionError for an answer that has no room behind any question */
export function assertSuits(
  folder: string,
  { llada, multimodal }: ModelConfig,
  { genLength, pictures }: { genLength?: number | undefined; pictures: boolean },
): void {
  if (pictures) assertSight({ folder, tiling: multimodal && tilingOf(multimodal) });
  const positions = furthest(llada);
  if (genLength === undefined || genLength < positions) return;
  throw new OptionError(
    "genLength",
    wording`${option("genLength")} ${genLength} leaves no room for a question: ${folder} has ${positions} positions`,
    "Choose a shorter one.",
    { problem: "context_length" },
  );
}

/** @throws UserError for a text-only model */
export function assertSight({
  folder,
  tiling,
}: Pick<ModelFacts, "folder" | "tiling">): NonNullable<ModelFacts["tiling"]> {
  if (tiling !== undefined) return tiling;
  throw new UserError(`${folder} is a text-only LLaDA and cannot see pictures`, "Use a LLaDA-V or ReDiff model.");
}
