/** Fields that several requests share. Names are the reference's and OpenAI's; null means "not given", as OpenAI has it. */
import { z } from "zod";
import { cacheKinds } from "../../diffusion/cache/cache-options.js";
import { confidencesAmong } from "../../diffusion/decode-options.js";
import { MOST_POST_EDIT_STEPS, ruleNames } from "../../diffusion/rule-options.js";

const integer = (least: number, most: number) => z.int().min(least).max(most);

/** Longer than any context; the model's own limit is checked where it is known. */
const MOST_TOKENS = 1 << 20;

export const modelName = z
  .string()
  .max(500)
  .nullish()
  .meta({ description: "A served model's id; default the first's" });
/** How long one may be, is a question of the model. */
export const text = z.string();
export const url = z.string().min(1).meta({ description: "data: URL; http(s) only where the server allows it" });
/** Any number, as clients send any: what does not fit is cut. */
export const answerLength = z
  .int()
  .min(1, { error: "expected 1 or more, or nothing for the model's usual length" })
  .nullish();
export const blockLength = integer(1, MOST_TOKENS).nullish();
export const imageJoin = z
  .enum(["legacy", "correct"])
  .nullish()
  .meta({ description: "legacy drops the token after a picture, as the original code; default as the model lists it" });
export const asStored = z
  .boolean()
  .nullish()
  .meta({ description: "take pictures as they are stored, not upright as their EXIF data says" });
export const seed = z.int().nullish().meta({ description: "default 42; the same seed gives the same answer" });
export const temperature = z.number().min(0).max(2).nullish().meta({ description: "default 0: the likeliest token" });
export const diffusionTrace = z.boolean().nullish().meta({ description: "report every forward pass" });

/** What is kept of earlier forward passes. */
export const cacheFields = {
  cache: z
    .enum(cacheKinds)
    .nullish()
    .meta({ description: "keep keys and values of earlier passes: approximate and faster; default none" }),
  refresh_every: integer(1, MOST_TOKENS).nullish().meta({
    description: "with cache refresh: passes from one that computes everything to the next, default 8; fast-dllm 32",
  }),
  refresh_changed: z.number().min(0).max(1).nullish().meta({
    description: "with cache refresh: or when this share of the answer's tokens has changed; default 0.25, 1 is never",
  }),
  certify: z
    .boolean()
    .nullish()
    .meta({ description: "with cache refresh: what is revised ends with a pass without it; default true" }),
  fast: z.boolean().nullish().meta({
    description: "approximate options that go together: cache refresh and, where masks are filled, threshold 0.7",
  }),
};

/** Diffusion's own fields. */
export const diffusionFields = {
  steps: integer(1, MOST_TOKENS).nullish().meta({ description: "forward passes; default one per token" }),
  tokens_per_step: z.number().min(1).max(MOST_TOKENS).nullish().meta({ description: "instead of steps" }),
  rule: z
    .enum(ruleNames)
    .nullish()
    .meta({ description: "what a step fills; default what a number below is of, else the model's, else schedule" }),
  threshold: z
    .number()
    .min(0)
    .max(1)
    .nullish()
    .meta({ description: "instead of both: fill all masks at least this sure in each step; approximate" }),
  factor: z
    .number()
    .min(0)
    .nullish()
    .meta({ description: "of rule factor: the more masks in a step, the surer each; default 1" }),
  entropy_bound: z
    .number()
    .min(0)
    .nullish()
    .meta({ description: "of rule entropy: nats that the masks of a step may sum up to; default 0.1" }),
  edit_threshold: z
    .number()
    .min(0)
    .max(1)
    .nullish()
    .meta({ description: "of rule joint: replace a written token where another is surer; default 0.5" }),
  post_edit_steps: integer(0, MOST_POST_EDIT_STEPS)
    .nullish()
    .meta({ description: "of rule joint: steps at most that go on replacing in a written block; default 16" }),
  remasking: z.enum(["low_confidence", "random"]).nullish(),
  cfg_scale: z.number().min(0).max(100).nullish(),
  revise: z.boolean().nullish().meta({ description: "rewrite earlier tokens at every step (ReDiff)" }),
  revise_topk: z.number().min(0).max(1).nullish(),
  revise_start: z.number().min(0).max(1).nullish(),
  revise_rest: z
    .boolean()
    .nullish()
    .meta({ description: "with revise: also in the steps that are left when all is written; default the model's" }),
  ...cacheFields,
  confidence_among: z
    .enum(confidencesAmong)
    .nullish()
    .meta({ description: "what confidence is a share of: of the tokens that may be written, or of all" }),
};

/** A union that says what it takes, in place of "Invalid input". */
export function either<const T extends readonly [z.ZodType, z.ZodType, ...z.ZodType[]]>(what: string, ...types: T) {
  return z.union(types, { error: `expected ${what}` });
}

/** Drops what was not given, so that the library's defaults hold. */
export function present<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], null | undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== null)) as {
    [K in keyof T]?: Exclude<T[K], null | undefined>;
  };
}
