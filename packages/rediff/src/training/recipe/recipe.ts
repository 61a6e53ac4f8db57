/** What a training run is: one YAML file per stage, every key checked here, once.
 *
 *  Keys are named after the flags of the original's scripts where those are plain words; `renamed-flags.ts` knows the
 *  others and names ours. Defaults are the values that the original's scripts have in common (docs of each key). */

import { optim } from "@rediff/torch";
import { z } from "zod";
import { fullMaskRange, reviseRows } from "../../diffusion/corruption.js";
import { UserError } from "../../errors.js";
import { DEVICE_FORMS, isDeviceName } from "../../options/device-name.js";
import { parseAspectRatio } from "../../vision/tiles/anyres.js";
import { parseMergeType } from "../../vision/tiles/token-layout.js";
import { LORA_TARGETS } from "../backward/lora.js";
import type { TunablePart } from "../backward/parameters.js";
import { type Origin, recipeError } from "./recipe-errors.js";

/** The order in which the original's scripts name them. */
const PARTS: readonly TunablePart[] = ["mm_vision_tower", "mm_mlp_adapter", "mm_language_model"];

/** What may be left out or set to null. */
export const optional = <S extends z.ZodType>(schema: S) => schema.nullish().transform((value) => value ?? undefined);

const whole = z.int();
const count = whole.min(1);
/** What no machine has room or time for is a slip of the keyboard. */
const upTo = (most: number) => count.max(most);
const rate = z.number().min(0);
const path = z.string().min(1);
/** The original passes "" for a folder that there is none of. */
export const folder = optional(z.string()).transform((value) => (value === "" ? undefined : value));

/** A text that some parser of ours must accept. */
const acceptedBy = (parse: (text: string) => unknown) =>
  z.string().superRefine((text, context) => {
    try {
      parse(text);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      context.addIssue({ code: "custom", message: error.message });
    }
  });

const sampling = z
  .string()
  .regex(/^(all|(first|end|random):\d+%?)$/, { error: "expected all, first:N, end:N or random:N, N a number or P%" });

/** A file, or a file with its own sampling, in the words of the original's mixture files. */
const dataFile = z.union([
  path.transform((json_path) => ({ json_path, sampling_strategy: undefined })),
  z.strictObject({ json_path: path, sampling_strategy: optional(sampling) }),
]);

/** A file of data in a recipe. */
export interface RecipeDataFile {
  json_path: string;
  /** How much of it is used; undefined where the recipe's `sampling` says it. */
  sampling_strategy: string | undefined;
}

export const dataFiles = z
  .union([dataFile.transform((one) => [one]), z.array(dataFile).min(1)])
  .transform((files): RecipeDataFile[] => files);

const tunableParts = z
  .preprocess(
    (value) => (typeof value === "string" ? value.split(",").map((part) => part.trim()) : value),
    z.array(z.enum(PARTS)).min(1),
  )
  .transform((parts) => PARTS.filter((part) => parts.includes(part)));

const pinpoints = z.union([
  z.string().regex(/^\s*\(\d{1,2}x\d{1,2}\).*\(\d{1,2}x\d{1,2}\)\s*$|^\s*\[.*\]\s*$/, {
    error: 'expected a range of tiles such as "(1x1),...,(6x6)", or a list of [width, height] in pixels',
  }),
  z.array(z.tuple([upTo(100_000), upTo(100_000)])).min(1),
]);

const lora = z.strictObject({
  rank: upTo(65_536).default(64),
  /** The update is scaled by alpha / rank. */
  alpha: z.number().positive().default(16),
  targets: z
    .union([z.literal("all-linear"), z.array(z.enum(LORA_TARGETS)).min(1)], {
      error: `expected all-linear, or a list of ${LORA_TARGETS.join(", ")}`,
    })
    .default("all-linear"),
  dropout: z.literal(0, { error: "dropout is not supported; leave the key out" }).default(0),
});

export const dtypeSchema = z.enum(["bfloat16", "float16", "float32", "float64"]);

const schema = z.strictObject({
  // What goes in and what comes out
  /** A model folder or a hub id: LLaDA-V, ReDiff, or a text-only LLaDA together with `vision_tower`; or the folder of a
   *  low-rank adapter, which is merged into its base. */
  model: path,
  /** Where `model` is an adapter's folder: the model that it corrects, in place of the one that it names. */
  base: optional(path),
  /** SigLIP 2, a folder or a hub id; needed only where the model has no vision weights of its own. */
  vision_tower: optional(path),
  /** A pretrained projector: mm_projector.safetensors, or the original's mm_projector.bin. */
  adapter: optional(path),
  /** The folder for checkpoints, logs and the trained model. */
  output: path,
  /** .json, .jsonl, .tar, a `prefix{a,b}.json`, or a .yaml mixture; or a list of them, each a path or
   *  `{json_path, sampling_strategy}`. */
  data: dataFiles,
  /** How much is used of files that do not say it themselves: all, first:N, end:N or random:N, N a number or P%. */
  sampling: sampling.default("all"),
  image_folder: folder,
  /** Looked into for what is not in the first. */
  image_folder_2: folder,
  video_folder: folder,

  // How samples become tokens
  template: z.enum(["llava_llada", "llada_plain"]).default("llava_llada"),
  image_aspect_ratio: acceptedBy(parseAspectRatio).default("anyres_max_4"),
  /** null where `image_aspect_ratio` needs none. */
  image_grid_pinpoints: pinpoints.nullable().default("(1x1),...,(6x6)"),
  mm_patch_merge_type: acceptedBy(parseMergeType).default("spatial_unpad"),
  mm_newline_position: z.enum(["grid", "frame", "one_token", "no_token"]).default("grid"),
  mm_spatial_pool_mode: z.enum(["bilinear", "average", "max"]).default("bilinear"),
  /** Frames taken per second of a video. */
  video_fps: z.number().positive().max(1000).default(1),
  /** At most this many frames of a video; 0 is no limit. */
  frames_upbound: whole.min(0).max(65_536).default(0),
  /** Take `frames_upbound` frames also of shorter videos. */
  force_sample: z.boolean().default(false),
  add_time_instruction: z.boolean().default(false),
  /** Tokens, pictures included, after which a sample is cut. */
  max_length: count.default(8192),
  /** Positions that an answer is written into, at least: shorter ones are filled up with end-of-text, which is learnt.
   *  As long as answers will be when the model is used. Default: the longest of the micro-batch, as in the original. */
  canvas: optional(upTo(1 << 20)),
  /** Turns of a conversation do not see later turns. */
  conversation_mask: z.boolean().default(false),

  // What is learnt
  mm_tunable_parts: tunableParts.default([...PARTS]),
  /** Trains low-rank adapters in place of the language model's own weights, which stay as they are. */
  lora: optional(lora),
  objective: z.enum(["llada_v", "rediff"]).default("llada_v"),
  /** "code" divides every term by the drawn mask probability as the original's code does, "none" leaves it out. */
  loss_weighting: z.enum(["code", "none"]).default("code"),
  /** How likely a token of the answer is masked is drawn from this range for each sample; [1, 1] masks whole answers. */
  mask_range: z
    .tuple([z.number().gt(0).max(1), z.number().gt(0).max(1)])
    .refine(([low, high]) => low <= high, "expected the smaller number first")
    .default([...fullMaskRange]),
  /** What samples with wrong phrases teach under ReDiff's objective: the right phrases alone, as in the paper, or the whole
   *  corrected answer: to keep what is right, and to fill in what is masked. Not with `compat`. */
  revise_rows: z.enum(reviseRows).default("phrases"),
  /** Of how many of these samples some is masked beside, with `revise_rows: answer`. The others are seen whole, as a draft is
   *  in the last steps of decoding. */
  revise_masked: z.number().min(0).max(1).default(1),
  /** The last phrase of an answer may have a shorter replacement: the end moves forward, and a word too many goes away. Else
   *  such a pair is left out, as phrase and replacement need equally many tokens. Not with `compat`. */
  revise_shorter: z.boolean().default(false),
  /** The original's defects: shifted revise spans, padding that is attended to, its span search. */
  compat: z.boolean().default(false),

  // Steps
  learning_rate: rate.default(1e-5),
  /** Default: `learning_rate`. */
  mm_projector_lr: optional(rate),
  /** Default: `learning_rate`. */
  mm_vision_tower_lr: optional(rate),
  weight_decay: rate.default(0),
  betas: z.tuple([z.number().min(0).lt(1), z.number().min(0).lt(1)]).default([0.9, 0.999]),
  eps: z.number().positive().default(1e-8),
  schedule: z.enum(optim.SCHEDULES).default("cosine"),
  warmup_ratio: z.number().min(0).max(1).default(0.03),
  /** Largest norm of all gradients together; 0 turns clipping off. */
  max_grad_norm: rate.default(1),
  epochs: z.number().positive().max(100_000).default(1),
  /** Ends the run earlier or later than `epochs`. */
  max_steps: optional(count),
  /** Samples of a micro-batch. */
  batch_size: upTo(65_536).default(1),
  /** Micro-batches of a step, of each process. A run goes on with another number of processes where the product of both
   *  stays what it was. */
  gradient_accumulation_steps: upTo(65_536).default(1),
  /** What the micro-batches of a step weigh: the same each, as in the original; by their samples; by the positions that
   *  count. */
  accumulation_weighting: z.enum(["micro_batch", "sample", "row"]).default("micro_batch"),
  /** Tokens of a micro-batch, in place of `batch_size`: as many samples of similar length as go in. */
  token_budget: optional(count),
  group_by_modality_length: z.boolean().default(true),
  drop_last: z.boolean().default(true),
  seed: whole.min(0).default(42),

  // How it runs
  /** cpu, cuda, cuda:1, mps. Default: the best there is. */
  device: optional(z.string().refine(isDeviceName, { error: `expected ${DEVICE_FORMS}` })),
  /** Default: bfloat16 where the device multiplies matrices in it, else float32; see run/default-dtype.ts. A run that goes
   *  on keeps its checkpoint's. */
  dtype: optional(dtypeSchema),
  tf32: z.boolean().default(true),
  /** float32 copies of 16-bit weights in the optimizer. */
  master_weights: z.boolean().default(true),
  /** "blocks" keeps each block's input only and computes the block once more on the way back. */
  checkpointing: z.enum(["blocks", "none"]).default("blocks"),
  /** What several processes divide among them: nothing (each has all, and gradients are summed), the optimizer's state, or
   *  the weights and gradients too. Of no effect on losses. */
  sharding: z.enum(["none", "optimizer", "full"]).default("none"),
  /** Keep the optimizer's state, and compute its updates, on the CPU. */
  offload: z.boolean().default(false),
  /** Threads that prepare samples; 0 prepares them between the steps. */
  workers: whole.min(0).max(256).default(4),
  /** Bad samples that are skipped before the run ends with an error. */
  skip_limit: whole.min(0).default(100),
  /** How a resumed run makes sure that its data files are the same: by their sizes and a mebibyte of each, or by all
   *  that is in them. */
  data_fingerprint: z.enum(["sampled", "whole"]).default("sampled"),
  ema: optional(z.strictObject({ decay: z.number().min(0).lt(1).default(0.9999) })),

  // What is kept
  save: z
    .strictObject({
      /** Steps between checkpoints; 0 saves at the end only. */
      every: whole.min(0).default(1000),
      /** Newest checkpoints that stay; 0 keeps all. */
      keep: whole.min(0).default(2),
      /** Save the projector alone, not the whole model. Only where nothing else is trained. */
      adapter_only: z.boolean().default(false),
    })
    .prefault({}),
  evaluate: optional(
    z.strictObject({
      data: dataFiles,
      /** Steps between evaluations. */
      every: count.default(500),
      /** Samples looked at; default all. */
      limit: optional(count),
    }),
  ),
  logging: z
    .strictObject({
      /** Steps between lines. */
      every: count.default(1),
      tensorboard: z.boolean().default(true),
      /** Peak of the machine in 1e12 operations a second, for MFU where the device is not known. */
      peak_tflops: optional(z.number().positive()),
    })
    .prefault({}),
});

/** As a file has it: snake_case, every default filled in. */
export interface RecipeKeys extends z.output<typeof schema> {}

/** All keys, those of groups as group.key. */
export const recipeKeys = (): string[] => keysOf(schema);

/** Keys of an object and of the objects in it, those of groups as group.key. */
export function keysOf(object: z.ZodObject, prefix = ""): string[] {
  return Object.entries(object.shape).flatMap(([key, value]) => {
    const inner = innerObject(value);
    return inner === undefined ? [prefix + key] : [prefix + key, ...keysOf(inner, `${prefix}${key}.`)];
  });
}

/** The object inside of optionals, defaults and transforms. */
function innerObject(value: unknown): z.ZodObject | undefined {
  if (value instanceof z.ZodObject) return value;
  if (value instanceof z.ZodPipe) return innerObject(value.in);
  if (value instanceof z.ZodOptional || value instanceof z.ZodNullable) return innerObject(value.unwrap());
  if (value instanceof z.ZodPrefault || value instanceof z.ZodDefault) return innerObject(value.unwrap());
  return undefined;
}

/** Checks a recipe's content. `origin` says where each value was written, for the messages.
 *  @throws UserError naming every key that is wrong: what was expected, what came */
export function parseRecipeKeys(value: unknown, origin: Origin): RecipeKeys {
  const result = schema.safeParse(value, { reportInput: true });
  if (!result.success) throw recipeError(result.error.issues, origin, recipeKeys());
  checkTogether(result.data, origin);
  const { data, sampling } = result.data;
  return {
    ...result.data,
    data: data.map((file) => ({ ...file, sampling_strategy: file.sampling_strategy ?? sampling })),
  };
}

/** What single keys cannot say. */
function checkTogether(recipe: RecipeKeys, origin: Origin): void {
  const fail = (key: string, problem: string, hint: string): never => {
    throw new UserError(`${origin(key.split("."))}: ${problem}`, hint);
  };
  if (recipe.conversation_mask && recipe.template === "llada_plain")
    fail("conversation_mask", "the template llada_plain has no turns to mask", "Leave conversation_mask out.");
  if (recipe.lora !== undefined && !recipe.mm_tunable_parts.includes("mm_language_model"))
    fail(
      "lora",
      `it trains the language model, which mm_tunable_parts (${recipe.mm_tunable_parts.join(",")}) leaves out`,
      "Add mm_language_model there: with lora its own weights stay frozen.",
    );
  if (recipe.save.adapter_only && recipe.mm_tunable_parts.join() !== "mm_mlp_adapter")
    fail(
      "save.adapter_only",
      `it would lose what is trained besides the projector (mm_tunable_parts is ${recipe.mm_tunable_parts.join(",")})`,
      "Leave it out, or train mm_mlp_adapter alone.",
    );
  if (recipe.force_sample && recipe.frames_upbound === 0)
    fail("force_sample", "it takes frames_upbound frames, which is 0", "Set frames_upbound, to 32 for example.");
  const ours: Record<string, boolean> = {
    revise_rows: recipe.revise_rows !== "phrases",
    revise_masked: recipe.revise_masked !== 1,
    revise_shorter: recipe.revise_shorter,
  };
  const theirs = Object.keys(ours).find((key) => ours[key]);
  if (recipe.compat && theirs !== undefined)
    fail(theirs, "the original has nothing like it, and compat is on", "Leave one of them out.");
  if (recipe.revise_masked !== 1 && recipe.revise_rows === "phrases")
    fail("revise_masked", "with revise_rows: phrases nothing is masked beside", "Set revise_rows: answer.");
}

/** Keys that may differ when a run is resumed: they change nothing about the steps that follow. */
const HARMLESS = new Set([
  "model",
  "base",
  "vision_tower",
  "adapter",
  "output",
  "device",
  "workers",
  "skip_limit",
  "data_fingerprint",
  "save",
  "evaluate",
  "logging",
  "checkpointing",
  "sharding",
  "offload",
]);

/** `key: was X, is Y` for every key that makes a resumed run another run than the one that was saved. */
export function recipeChanges(saved: RecipeKeys, current: RecipeKeys): string[] {
  return (Object.keys(current) as (keyof RecipeKeys)[]).flatMap((key) => {
    const [was, is] = [JSON.stringify(saved[key]), JSON.stringify(current[key])];
    return HARMLESS.has(key) || was === is ? [] : [`${key}: was ${was ?? "not set"}, is ${is ?? "not set"}`];
  });
}
