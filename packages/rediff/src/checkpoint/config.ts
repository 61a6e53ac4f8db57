/** What a model folder's config.json says, in our words.
 *
 *  Three dialects are read: LLaDA-8B-Instruct's own keys (`d_model`, `n_heads`, ...), the renamed Llama-style keys, and
 *  those with the multimodal keys that LLaVA's training code adds. Unknown keys are kept in `raw` and written back.
 *  The class is chosen by `model_type`, never by the folder's name. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../errors.js";
import { mistakenFileError } from "../files/mistaken-file.js";
import { isAbsent } from "../files/read-errors.js";
import { readRegular } from "../files/regular-file.js";
import { decodeFile } from "../files/utf8-text.js";
import type { LladaConfig, RopeScaling } from "../models/llada/llada-config.js";
import type { ModelConfig, ModelDefaults, MultimodalConfig } from "../models/llava/llava.js";
import type { SiglipConfig } from "../models/siglip/siglip.js";
import { parseShallowJson } from "../options/shallow-json.js";
import { MOST_TOKENS } from "../text/bounds/token-ids.js";
import { parseQuantization } from "./quantize/stored-format.js";

const positive = z.number().int().positive();

/** A count of something that a model has. What it claims is multiplied and looped over before any tensor is looked at:
 *  the limits are far beyond all models and far below what would take the memory. */
const upTo = (most: number) =>
  positive.max(most, { error: ({ input }) => `${input} is too many; at most ${most} are supported` });

const MOST_LAYERS = 4096;
const MOST_WIDTH = 2 ** 18;
const MOST_INTERMEDIATE = 2 ** 20;
const MOST_POSITIONS = 2 ** 30;
const MOST_PIXELS = 8192;

const ropeScalingSchema = z
  .object({
    type: z.enum(["linear", "dynamic"]).optional(),
    rope_type: z.string().optional(),
    factor: z.number().min(1).max(65536),
  })
  .optional();

const defaultsSchema = z
  .looseObject({
    gen_length: upTo(MOST_POSITIONS).optional(),
    image_join: z.enum(["legacy", "correct"]).optional(),
    refine_threshold: z.number().min(0).max(1).optional(),
    refine_keep: z.number().min(0).max(1).optional(),
    revise_rest: z.boolean().optional(),
    confidence_among: z.enum(["allowed", "all"]).optional(),
    rule: z.enum(["schedule", "threshold", "factor", "entropy", "joint"]).optional(),
    threshold: z.number().min(0).max(1).optional(),
    factor: z.number().min(0).optional(),
    entropy_bound: z.number().min(0).optional(),
    edit_threshold: z.number().min(0).max(1).optional(),
    post_edit_steps: z.number().int().min(0).optional(),
    world: z.literal("scenes").optional(),
    known_tokens: z.tuple([z.int().min(0), z.int().min(0)]).optional(),
    converses: z.boolean().optional(),
  })
  .default({})
  .transform(
    (keys): ModelDefaults => ({
      genLength: keys.gen_length,
      imageJoin: keys.image_join,
      refineThreshold: keys.refine_threshold,
      refineKeep: keys.refine_keep,
      reviseRest: keys.revise_rest,
      confidenceAmong: keys.confidence_among,
      decoding: {
        rule: keys.rule,
        threshold: keys.threshold,
        factor: keys.factor,
        entropyBound: keys.entropy_bound,
        editThreshold: keys.edit_threshold,
        postEditSteps: keys.post_edit_steps,
      },
      knownTokens: keys.known_tokens,
      world: keys.world,
      converses: keys.converses,
    }),
  );

const lladaSchema = z.object({
  vocab_size: upTo(MOST_TOKENS),
  hidden_size: upTo(MOST_WIDTH),
  intermediate_size: upTo(MOST_INTERMEDIATE),
  num_hidden_layers: upTo(MOST_LAYERS),
  num_attention_heads: upTo(MOST_WIDTH),
  num_key_value_heads: upTo(MOST_WIDTH).optional(),
  rms_norm_eps: z.number().positive().default(1e-5),
  rope_theta: z.number().positive().default(500000),
  rope_scaling: ropeScalingSchema,
  max_position_embeddings: upTo(MOST_POSITIONS).default(4096),
  attention_bias: z.literal(false, { error: "attention biases are not part of LLaDA" }).optional(),
  tie_word_embeddings: z.literal(false, { error: "tied embeddings are not part of LLaDA" }).optional(),
  hidden_act: z.literal("silu").default("silu"),
});

/** LLaDA-8B-Instruct's own key for each of ours. */
const ORIGINAL_KEYS: Record<string, string> = {
  d_model: "hidden_size",
  n_heads: "num_attention_heads",
  n_kv_heads: "num_key_value_heads",
  n_layers: "num_hidden_layers",
  mlp_hidden_size: "intermediate_size",
  embedding_size: "vocab_size",
  max_sequence_length: "max_position_embeddings",
};

const siglipSchema = z.object({
  hidden_size: upTo(MOST_WIDTH).default(1152),
  intermediate_size: upTo(MOST_INTERMEDIATE).default(4304),
  num_hidden_layers: upTo(MOST_LAYERS).default(27),
  num_attention_heads: upTo(MOST_WIDTH).default(16),
  image_size: upTo(MOST_PIXELS).default(384),
  patch_size: upTo(MOST_PIXELS).default(14),
  layer_norm_eps: z.number().positive().default(1e-6),
  hidden_act: z.literal("gelu_pytorch_tanh").default("gelu_pytorch_tanh"),
});

const multimodalSchema = z.object({
  mm_vision_tower: z.string().default("google/siglip2-so400m-patch14-384"),
  mm_projector_type: z.string().default("linear"),
  mm_patch_merge_type: z.string().default("flat"),
  image_aspect_ratio: z.string().default("square"),
  image_grid_pinpoints: z.union([z.string(), z.array(z.tuple([positive, positive]))]).optional(),
  mm_newline_position: z.enum(["grid", "frame", "one_token", "no_token"]).default("one_token"),
  mm_spatial_pool_mode: z.enum(["bilinear", "average", "max"]).default("bilinear"),
  tokenizer_model_max_length: positive.optional(),
  tokenizer_padding_side: z.enum(["left", "right"]).default("right"),
  mm_hidden_size: positive.optional(),
});

const rawSchema = z.record(z.string(), z.unknown());

function parse<S extends z.ZodType>(schema: S, value: unknown, file: string): z.infer<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const where = issue?.path.join(".") || "the whole file";
  throw new UserError(
    `${file}: ${where}: ${issue?.message}`,
    "Is this the folder of a LLaDA, LLaDA-V or ReDiff model?",
  );
}

/** transformers writes null for what is not set. */
function withoutNulls(raw: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== null));
}

/** LLaDA-8B-Instruct's keys under their Llama-style names; other configs pass unchanged. */
export function renameOriginalKeys(raw: Record<string, unknown>): Record<string, unknown> {
  if (!("d_model" in raw)) return raw;
  const renamed: Record<string, unknown> = { ...raw };
  for (const [theirs, ours] of Object.entries(ORIGINAL_KEYS)) {
    delete renamed[theirs];
    if (raw[theirs] != null) renamed[ours] = raw[theirs]; // null means "not set", as n_kv_heads often is
  }
  return renamed;
}

function lladaConfig(raw: Record<string, unknown>, file: string): LladaConfig {
  const c = parse(lladaSchema, withoutNulls(renameOriginalKeys(raw)), file);
  const kvHeads = c.num_key_value_heads ?? c.num_attention_heads;
  if (c.hidden_size % c.num_attention_heads !== 0)
    throw new UserError(`${file}: hidden_size ${c.hidden_size} is not a multiple of ${c.num_attention_heads} heads`);
  if ((c.hidden_size / c.num_attention_heads) % 2 !== 0)
    throw new UserError(`${file}: heads of odd width ${c.hidden_size / c.num_attention_heads} cannot be rotated`);
  if (c.num_attention_heads % kvHeads !== 0)
    throw new UserError(`${file}: ${c.num_attention_heads} heads cannot share ${kvHeads} key-value heads`);
  const scaling = c.rope_scaling;
  const type = scaling?.type ?? scaling?.rope_type;
  if (scaling && type !== "linear" && type !== "dynamic")
    throw new UserError(
      `${file}: rope_scaling type ${JSON.stringify(type?.slice(0, 100))} is unknown; it is "linear" or "dynamic"`,
    );
  return {
    vocabSize: c.vocab_size,
    hiddenSize: c.hidden_size,
    intermediateSize: c.intermediate_size,
    layers: c.num_hidden_layers,
    heads: c.num_attention_heads,
    kvHeads,
    headDim: c.hidden_size / c.num_attention_heads,
    rmsNormEps: c.rms_norm_eps,
    ropeTheta: c.rope_theta,
    ropeScaling: scaling ? { type: type as RopeScaling["type"], factor: scaling.factor } : undefined,
    maxPositions: c.max_position_embeddings,
  };
}

/** A SigLIP tower's shape from its `vision_config`; an empty object is so400m/14 at 384. */
export function siglipConfig(raw: unknown, file: string): SiglipConfig {
  const c = parse(siglipSchema, raw, file);
  if (c.hidden_size % c.num_attention_heads !== 0)
    throw new UserError(
      `${file}: vision hidden_size ${c.hidden_size} is not a multiple of ${c.num_attention_heads} heads`,
    );
  if (c.patch_size > c.image_size)
    throw new UserError(`${file}: patches of ${c.patch_size} pixels do not fit tiles of ${c.image_size}`);
  return {
    hiddenSize: c.hidden_size,
    intermediateSize: c.intermediate_size,
    layers: c.num_hidden_layers,
    heads: c.num_attention_heads,
    imageSize: c.image_size,
    patchSize: c.patch_size,
    layerNormEps: c.layer_norm_eps,
  };
}

function multimodalConfig(raw: Record<string, unknown>, vision: unknown, file: string): MultimodalConfig {
  const c = parse(multimodalSchema, withoutNulls(raw), file);
  // LLaVA's code hard-wires the tower's shape, so published configs lack it: the default is the published tower.
  const tower = siglipConfig(vision ?? {}, file);
  if (c.mm_hidden_size !== undefined && c.mm_hidden_size !== tower.hiddenSize)
    throw new UserError(
      `${file}: mm_hidden_size is ${c.mm_hidden_size} but the vision tower is ${tower.hiddenSize} wide`,
      "Put the tower's shape under vision_config, or in a file vision_config.json beside config.json.",
    );
  return {
    vision: tower,
    visionTower: c.mm_vision_tower,
    projectorType: c.mm_projector_type,
    patchMergeType: c.mm_patch_merge_type,
    imageAspectRatio: c.image_aspect_ratio,
    gridPinpoints: c.image_grid_pinpoints,
    newlinePosition: c.mm_newline_position,
    spatialPoolMode: c.mm_spatial_pool_mode,
    tokenizerModelMaxLength: c.tokenizer_model_max_length,
    tokenizerPaddingSide: c.tokenizer_padding_side,
  };
}

/** Says what a folder holds instead of LLaDA. */
function otherArchitecture(raw: Record<string, unknown>, file: string): UserError {
  const { model_type: type, architectures } = raw;
  const supported = 'LLaDA, LLaDA-V and ReDiff run here, "llada" and "llava_llada"';
  const names = Array.isArray(architectures) ? architectures.filter((name) => typeof name === "string") : [];
  const [told, called] = [JSON.stringify(type) ?? "undefined", names.join(", ")].map((text) => text.slice(0, 100));
  const is = `${file}: model_type is ${told}${called === "" ? "" : ` (${called})`}`;
  if (typeof type === "string" && /^siglip/.test(type))
    return new UserError(
      `${is}: this is a vision tower and no language model; ${supported}`,
      "A tower goes with --vision-tower, vision_tower of a recipe, or rediff convert --vision.",
    );
  if (typeof raw.error === "string")
    return new UserError(
      `${file}: this is a server's message (${JSON.stringify(raw.error.slice(0, 200))})`,
      "Download the file again.",
    );
  if ("_class_name" in raw)
    return new UserError(`${file}: this is a part of a diffusers pipeline, which makes pictures; ${supported}`);
  return new UserError(
    type === undefined ? `${is}; ${supported}` : `${is}: this is another architecture; ${supported}`,
    "The class is chosen by this key alone.",
  );
}

/** Reads a config object. `vision` is the content of vision_config.json, where there is one. */
export function parseConfig(raw: unknown, vision: unknown, file: string): ModelConfig {
  const object = parse(rawSchema, raw, file);
  const modelType = object.model_type;
  if (modelType !== "llada" && modelType !== "llava_llada") throw otherArchitecture(object, file);
  return {
    modelType,
    llada: lladaConfig(object, file),
    multimodal:
      modelType === "llava_llada" ? multimodalConfig(object, object.vision_config ?? vision, file) : undefined,
    torchDtype: typeof object.torch_dtype === "string" ? object.torch_dtype : undefined,
    defaults: parse(z.looseObject({ rediff: defaultsSchema }), object, file).rediff,
    quantization: parseQuantization(object, file),
    raw: object,
  };
}

const CONFIG = { expected: "a model's JSON", most: 16 << 20 };

/** A JSON file of a model folder, or undefined when it is not there. @throws UserError when it is no JSON */
export async function readJson(file: string): Promise<unknown> {
  let bytes: Buffer;
  try {
    bytes = await readRegular(file, CONFIG);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
  const mistaken = mistakenFileError(file, bytes, "JSON");
  if (mistaken !== undefined) throw mistaken;
  const text = decodeFile(bytes, file);
  try {
    return parseShallowJson(text);
  } catch (error) {
    throw new UserError(`${file} is not valid JSON: ${(error as Error).message}`, "Was it downloaded completely?");
  }
}

/** The config of a model folder. */
export async function loadConfig(folder: string): Promise<ModelConfig> {
  const file = join(folder, "config.json");
  const raw = await readJson(file);
  if (raw === undefined) throw noConfig(folder);
  return parseConfig(raw, await readJson(join(folder, "vision_config.json")), file);
}

/** A folder without config.json, by what is in it. */
export function noConfig(folder: string): UserError {
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const has = (pattern: RegExp) => names.find((name) => pattern.test(name));
  const found = has(/^model_index\.json$/) ?? has(/\.gguf$/) ?? has(/^params\.json$/);
  const inner = names.filter((name) => existsSync(join(folder, name, "config.json")));
  const instead = found === undefined ? "" : `, but ${found}, which is of another program`;
  const hint =
    inner.length === 0
      ? "Give the folder of a model in Hugging Face's layout."
      : `Did you mean ${inner
          .slice(0, 3)
          .map((name) => join(folder, name))
          .join(" or ")}?`;
  return new UserError(`${folder} has no config.json${instead}`, hint);
}
