/** What the loop of ReDiff is: one YAML file, every key checked here, once. Keys of options have the names that they have
 *  on the command line and in training recipes. Paths are relative to where the command runs. */

import { z } from "zod";
import { cacheKinds } from "../../diffusion/cache/cache-options.js";
import { confidencesAmong } from "../../diffusion/decode-options.js";
import { ruleNames } from "../../diffusion/rule-options.js";
import { inSnakeCase, UserError } from "../../errors.js";
import { quantizations } from "../../models/quantization.js";
import { DEVICE_FORMS, isDeviceName } from "../../options/device-name.js";
import { promptTemplates } from "../../text/chat-template.js";
import { type Override, parseOverride } from "../../training/recipe/overrides.js";
import { dataFiles, folder, keysOf, optional } from "../../training/recipe/recipe.js";
import { type Origin, recipeError } from "../../training/recipe/recipe-errors.js";
import { parseKeys, readRecipeText } from "../../training/recipe/recipe-file.js";
import { correctionDefaults } from "../correction/correct-options.js";
import type { DraftOptions } from "../drafts/draft-all.js";
import { checkDraftOptions, type StepsAsked } from "../drafts/draft-settings.js";

const count = z.int().min(1);
const from0 = z.int().min(0);
const path = z.string().min(1);
const share = z.number().min(0).max(1);
const amount = z.number().min(0);
/** In seconds. A timer that is set to more than some weeks runs at once. */
const DAY = 86_400;

/** One number or several: forward passes of a draft, or tokens that each of them fills. */
const steps = optional(
  z.union([count.transform((one) => [one]), z.array(count).min(1)], "expected a whole number, or several"),
);
const tokensPerStep = optional(
  z.union([z.number().transform((one) => [one]), z.array(z.number()).min(1)], "expected a number, or several"),
);

const draft = z.strictObject({
  /** Several values share a round's slice out. Default: one step per token. */
  steps,
  /** Instead of `steps`. */
  tokens_per_step: tokensPerStep,
  /** Default, as of image_join: the model's. */
  gen_length: optional(count),
  /** Default: all of it. */
  block_length: optional(count),
  revise: z.boolean().default(true),
  revise_topk: optional(share),
  revise_start: optional(share),
  /** Default, as of confidence_among: the model's. */
  revise_rest: optional(z.boolean()),
  confidence_among: optional(z.enum(confidencesAmong)),
  /** What a step fills, and the rule's numbers. Default: the model's, where no steps are asked for. */
  rule: optional(z.enum(ruleNames)),
  threshold: optional(share),
  factor: optional(amount),
  entropy_bound: optional(amount),
  edit_threshold: optional(share),
  post_edit_steps: optional(from0),
  /** What is kept of earlier forward passes: approximate. Default: nothing. */
  cache: optional(z.enum(cacheKinds)),
  refresh_every: optional(count),
  refresh_changed: optional(share),
  certify: optional(z.boolean()),
  /** Approximate options of decoding that go together (docs/speed.md). */
  fast: optional(z.boolean()),
  /** Round the drafting model's weights, on the CPU. What is trained is not rounded. */
  quantize: optional(z.enum(quantizations)),
  temperature: amount.default(0),
  cfg_scale: amount.default(0),
  remasking: z.enum(["low_confidence", "random"]).default("low_confidence"),
  seed: from0.default(42),
  image_join: optional(z.enum(["legacy", "correct"])),
  conversation: z.enum(promptTemplates).default("llava_llada"),
  system: optional(z.string()),
  /** Pictures decoded together. */
  batch: count.max(65_536).default(1),
  /** Default: the best there is. */
  device: optional(z.string().refine(isDeviceName, { error: `expected ${DEVICE_FORMS}` })),
  /** Default: float32 on the CPU, bfloat16 elsewhere. */
  dtype: optional(z.enum(["float32", "bfloat16"])),
});

const expert = z.strictObject({
  /** Of a chat-completions API. Default: $OPENAI_BASE_URL, else OpenAI's own. */
  base_url: optional(path),
  model_name: path.default(correctionDefaults.modelName),
  /** The environment variable that holds the key. */
  api_key_env: path.default(correctionDefaults.apiKeyName),
  /** A file with the system prompt. Default: the one that comes with the package. */
  prompt: optional(path),
  /** Requests under way at the same time. */
  concurrency: count.max(1024).default(correctionDefaults.concurrency),
  /** Seconds for one request. */
  timeout: z
    .number()
    .positive()
    .max(DAY)
    .default(correctionDefaults.timeoutMs / 1000),
  /** Tries after the first. */
  retries: from0.default(correctionDefaults.retries),
  /** Seconds before the first of them; doubles with each. */
  first_wait: amount.max(DAY).default(correctionDefaults.firstWaitMs / 1000),
  requests_per_minute: optional(z.number().positive()),
  /** Money for the whole loop; needs both prices. */
  budget: optional(amount),
  /** Of a million tokens. */
  price_in: optional(amount),
  price_out: optional(amount),
  max_completion_tokens: count.default(correctionDefaults.maxCompletionTokens),
  /** Default: the expert's own. */
  temperature: optional(amount),
  /** Further fields of the requests; null removes one. */
  extra_body: optional(z.record(z.string(), z.unknown())),
});

const train = z.strictObject({
  /** A training recipe. The loop sets its model, data and output, and counts its seed up from round to round. */
  recipe: path,
  /** Values in place of the recipe's: `learning_rate: 1.0e-5`, `save.every: 100`. */
  set: z.record(z.string(), z.unknown()).default({}),
  /** What a round's training starts from: the model that drafted, or always the first one. */
  start_from: z.enum(["previous", "first"]).default("previous"),
  /** Learn from the corrections of earlier rounds as well. */
  earlier_rounds: z.boolean().default(false),
  /** Learn the drafts that the expert found right as well, as answers like any other. Without them a round sees of the model's
   *  own words those alone that had mistakes in them: longer ones, about pictures that are harder. */
  right: z.boolean().default(false),
  /** How much of the model that drafted is in the round's model; the rest is what training made of it. Corrections are few,
   *  and a model that is tuned to them forgets what it could: the mean of both keeps it (WiSE-FT, arXiv 2109.01903). Default 0,
   *  the trained model alone. */
  average: z.number().min(0).lt(1).default(0),
  /** Samples that are no corrections, such as those of stage I. */
  extra: optional(
    z.strictObject({
      /** A data file or a brace list; its pictures are looked for in the training recipe's folders. */
      data: path,
      /** Of all samples of a round. */
      share: z.number().gt(0).lt(1),
    }),
  ),
  /** Keep the checkpoints of a round's training when its model is there. They are several times as large. */
  keep_checkpoints: z.boolean().default(false),
});

export type Measure = "scenes" | "expert" | "loss";
export const MEASURES = ["scenes", "expert", "loss"] as const satisfies readonly Measure[];

const evaluate = z.strictObject({
  /** Data with references that is not drafted over. */
  data: dataFiles,
  image_folder: folder,
  image_folder_2: folder,
  first: from0.default(0),
  /** Default: all. */
  count: optional(count),
  /** Each value is measured on all of the data. Default: those of `draft`. */
  steps,
  tokens_per_step: tokensPerStep,
  /** Default: that of `draft`. */
  revise: optional(z.boolean()),
  /** scenes: drafts against the truth of generated scenes. expert: the share of drafts that it finds right, and its
   *  edits per draft; a request for every draft that it has not seen. loss: the training's.
   *  Default: scenes for such data, else expert and loss. */
  measure: optional(z.array(z.enum(MEASURES)).min(1)),
});

const schema = z.strictObject({
  /** The model that the first round begins with: a folder or a hub id. */
  model: path,
  /** The folder of the loop: a folder for each round, improve.json, report.md, report.json. */
  output: path,
  rounds: count.default(3),

  /** What is drafted over: as in training recipes, or a folder of pictures. */
  data: dataFiles,
  image_folder: folder,
  image_folder_2: folder,
  /** Where pictures go that are inside of shards (.tar). Default: OUTPUT/pictures. */
  unpack_to: folder,
  /** The question, for a folder of pictures. */
  prompt: optional(path),
  /** What a round drafts over. */
  slice: z
    .strictObject({
      /** The first record of the first round, from 0. */
      first: from0.default(0),
      /** Records of a round, each round those that follow. Default: all of the data in every round. */
      count: optional(count),
    })
    .prefault({}),
  draft: draft.prefault({}),
  expert: expert.prefault({}),
  select: z
    .strictObject({
      /** The original's rules. */
      compat: z.boolean().default(false),
    })
    .prefault({}),
  train,
  evaluate: optional(evaluate),
});

/** As a file has it: snake_case, every default filled in. */
export interface ImproveKeys extends Omit<z.output<typeof schema>, "draft" | "expert" | "train" | "evaluate"> {
  draft: DraftKeys;
  expert: ExpertKeys;
  train: TrainKeys;
  evaluate: EvaluateKeys | undefined;
}

/** How a round drafts. */
export interface DraftKeys extends z.output<typeof draft> {}

/** Who corrects the drafts, and what it may cost. */
export interface ExpertKeys extends z.output<typeof expert> {}

/** How a round learns. */
export interface TrainKeys extends z.output<typeof train> {}

/** What the models of the rounds are measured on. */
export interface EvaluateKeys extends z.output<typeof evaluate> {}

/** The recipe in `file` with `overrides` ("key=value") put in.
 *  @throws UserError when it cannot be read, is not YAML, or when a key or value is wrong */
export function readImproveRecipe(file: string, overrides: readonly string[] = []): ImproveKeys {
  return parseImproveRecipe(readRecipeText(file), file, overrides.map(parseOverride));
}

export function parseImproveRecipe(text: string, file: string, overrides: readonly Override[] = []): ImproveKeys {
  return parseKeys(text, file, overrides, parseImproveKeys);
}

/** @throws UserError naming every key that is wrong */
export function parseImproveKeys(value: unknown, origin: Origin): ImproveKeys {
  const result = schema.safeParse(value, { reportInput: true });
  if (!result.success) throw recipeError(result.error.issues, origin, keysOf(schema));
  checkTogether(result.data, origin);
  return result.data;
}

function checkTogether(recipe: ImproveKeys, origin: Origin): void {
  const { expert: asked, evaluate: held } = recipe;
  const fail = (key: string, problem: string, hint: string): never => {
    throw new UserError(`${origin(key.split("."))}: ${problem}`, hint);
  };
  if ((asked.price_in === undefined) !== (asked.price_out === undefined))
    fail("expert.price_in", "only one of price_in and price_out is given", "A cost needs both.");
  if (asked.budget !== undefined && asked.price_in === undefined)
    fail("expert.budget", "a budget needs the prices of a million tokens", "Give price_in and price_out.");
  if (held !== undefined && held.data.length > 1 && held.measure?.includes("scenes"))
    fail("evaluate.data", "scenes are measured against one file of truth", "Name one scenes.jsonl.");
  stepsOf(origin(["draft"]), () => checkDraftOptions(stepsAsked(recipe), draftOptions(recipe)));
  if (held !== undefined)
    stepsOf(origin(["evaluate"]), () => checkDraftOptions(evaluationSteps(recipe), evaluationOptions(recipe)));
}

/** Steps and lengths that do not fit, with the place. */
function stepsOf(place: string, check: () => unknown): void {
  try {
    check();
  } catch (error) {
    if (error instanceof UserError) throw new UserError(`${place}: ${error.spelled(inSnakeCase)}`);
    throw error;
  }
}

export const stepsAsked = ({ draft: { steps: some, tokens_per_step } }: ImproveKeys): StepsAsked => ({
  steps: some,
  tokensPerStep: tokens_per_step,
});

export function evaluationSteps(recipe: ImproveKeys): StepsAsked {
  const { steps: some, tokens_per_step } = recipe.evaluate ?? {};
  if (some === undefined && tokens_per_step === undefined) return stepsAsked(recipe);
  return { steps: some, tokensPerStep: tokens_per_step };
}

export function draftOptions({ draft: keys }: ImproveKeys): DraftOptions {
  const { gen_length, block_length, revise, revise_topk, revise_start, temperature, cfg_scale } = keys;
  return {
    revise,
    temperature,
    cfgScale: cfg_scale,
    remasking: keys.remasking,
    seed: keys.seed,
    conversation: keys.conversation,
    ...(gen_length !== undefined && { genLength: gen_length }),
    ...(keys.image_join !== undefined && { imageJoin: keys.image_join }),
    ...(block_length !== undefined && { blockLength: block_length }),
    ...(revise_topk !== undefined && { reviseTopk: revise_topk }),
    ...(revise_start !== undefined && { reviseStart: revise_start }),
    ...(keys.revise_rest !== undefined && { reviseRest: keys.revise_rest }),
    ...(keys.confidence_among !== undefined && { confidenceAmong: keys.confidence_among }),
    ...(keys.rule !== undefined && { rule: keys.rule }),
    ...(keys.threshold !== undefined && { threshold: keys.threshold }),
    ...(keys.factor !== undefined && { factor: keys.factor }),
    ...(keys.entropy_bound !== undefined && { entropyBound: keys.entropy_bound }),
    ...(keys.edit_threshold !== undefined && { editThreshold: keys.edit_threshold }),
    ...(keys.post_edit_steps !== undefined && { postEditSteps: keys.post_edit_steps }),
    ...(keys.cache !== undefined && { cache: keys.cache }),
    ...(keys.refresh_every !== undefined && { refreshEvery: keys.refresh_every }),
    ...(keys.refresh_changed !== undefined && { refreshChanged: keys.refresh_changed }),
    ...(keys.certify !== undefined && { certify: keys.certify }),
    ...(keys.fast !== undefined && { fast: keys.fast }),
    ...(keys.system !== undefined && { system: keys.system }),
  };
}

export function evaluationOptions(recipe: ImproveKeys): DraftOptions {
  const revise = recipe.evaluate?.revise;
  return { ...draftOptions(recipe), ...(revise !== undefined && { revise }) };
}

/** What may differ when a loop goes on: it changes nothing about what a stage makes. */
const HARMLESS: ReadonlySet<string> = new Set([
  "output",
  "rounds",
  "draft.batch",
  "draft.device",
  "expert.base_url",
  "expert.api_key_env",
  "expert.concurrency",
  "expert.timeout",
  "expert.retries",
  "expert.first_wait",
  "expert.requests_per_minute",
  "expert.budget",
  "expert.price_in",
  "expert.price_out",
  "train.keep_checkpoints",
]);

/** `key: was X, is Y` for every key that makes a loop another one than the one that was begun. */
export function improveChanges(saved: ImproveKeys, current: ImproveKeys): string[] {
  const [before, now] = [leaves(saved), leaves(current)];
  return [...new Set([...before.keys(), ...now.keys()])].flatMap((key) => {
    const [was, is] = [before.get(key), now.get(key)];
    return HARMLESS.has(key) || was === is ? [] : [`${key}: was ${was ?? "not set"}, is ${is ?? "not set"}`];
  });
}

/** Values as JSON, those of groups as group.key. */
function leaves(keys: object, prefix = ""): Map<string, string> {
  const found = new Map<string, string>();
  for (const [key, value] of Object.entries(keys)) {
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      for (const [inner, leaf] of leaves(value, `${prefix}${key}.`)) found.set(inner, leaf);
    else if (value !== undefined) found.set(prefix + key, JSON.stringify(value));
  }
  return found;
}
