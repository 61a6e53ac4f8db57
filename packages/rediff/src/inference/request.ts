/** What is asked of a model, in the user's words, and what can be said against it without knowing the model. Nothing here
 *  computes or needs libtorch, so options are judged before a model is loaded; resolve.ts makes a complete request of
 *  them. */

import { type CacheKind, chosenCache, type FeatureCacheOptions } from "../diffusion/cache/cache-options.js";
import {
  type ConfidenceAmong,
  type DecodeOptions,
  decodeOptions,
  type Remasking,
} from "../diffusion/decode-options.js";
import type { DecodeStep } from "../diffusion/decode-step.js";
import { assertCountsSteps, type RuleName, type RuleOptions, ruleKeys } from "../diffusion/rule-options.js";
import { stepsFor } from "../diffusion/transfer-schedule.js";
import { OptionError, option, wording } from "../errors.js";
import type { PassProgress } from "../models/chain.js";
import type { ChatMessage, PromptTemplate } from "../text/chat-template.js";
import type { ImageJoin } from "../text/image-tokens.js";
import type { GivenPicture, GivenVideo } from "./given-visuals.js";
import { refineWithFast, withFast } from "./limits/fast-preset.js";
import type { Template } from "./template/fill-template.js";
import type { TraceStep } from "./trace-format.js";

/** A picture, or a video, in any of the forms in which applications have them: a path, a data: URL, a `URL`, bytes, a
 *  `Blob` or `File`. A folder is a video's frames. */
export type VisualSource = GivenPicture | { video: GivenVideo };

export interface DescribeOptions {
  /** The question. Pictures come first unless it places them itself with `<image>`, one for each; otherwise that is a
   *  word, as `\<image>` always is. */
  prompt?: string;
  /** A conversation so far, instead of `prompt`; its last message is the question. */
  messages?: readonly ChatMessage[];
  system?: string;
  conversation?: PromptTemplate;
  /** "legacy" loses the token after each picture, as the reference's inference does and published results were measured;
   *  "correct" keeps it, as in training. Default: what the model's config says, else "correct" for a model of the scene
   *  world, else "legacy". */
  imageJoin?: ImageJoin;
  /** Forward passes; default one per token. */
  steps?: number;
  /** Instead of `steps`. */
  tokensPerStep?: number;
  /** By which rule masks are filled: docs/decoding.md. Default: the one that a number below is of; the schedule where steps
   *  are asked for; what the model's config says, else the schedule. */
  rule?: RuleName;
  /** Instead of both: each step fills all masks that the model is at least this sure of, 0 to 1. Of the rules threshold
   *  (default 0.9) and joint (0.7). Approximate. */
  threshold?: number;
  /** Of the rule factor, default 1: n masks at once when the least sure has a confidence of 1 - factor / (n + 1). */
  factor?: number;
  /** Of the rule entropy, default 0.1: what the entropies of masks that are filled at once may sum up to. */
  entropyBound?: number;
  /** Of the rule joint, default 0.5: replace a written token where the model is surer than this of another; 0 always, 1 never. */
  editThreshold?: number;
  /** Of the rule joint, default 16: steps at most that go on replacing when a block is written. */
  postEditSteps?: number;
  /** Tokens of the answer. Default: what the model's config says, else 48 for a model of the scene world, else 128, but
   *  no more than a quarter of the model's positions. */
  genLength?: number;
  blockLength?: number;
  temperature?: number;
  cfgScale?: number;
  remasking?: Remasking;
  /** ReDiff's revision; default off. */
  revise?: boolean;
  reviseTopk?: number;
  reviseStart?: number;
  /** With `revise`: also in the steps that are left when all is written, until nothing changes. Default: what the model's
   *  config says, else off. */
  reviseRest?: boolean;
  /** What a token's confidence is a share of: of the tokens that may be written, as in the original, or of all. Default:
   *  what the model's config says, else "allowed". */
  confidenceAmong?: ConfidenceAmong;
  suffix?: string;
  /** Texts that end the answer, besides the end of the turn, which always does. The answer ends before the first of
   *  them. Under `compat` they are the token sequences that end it, instead of the end of the turn. */
  stop?: readonly string[];
  /** A text to begin with instead of masks. */
  draft?: string;
  seed?: number;
  /** What is kept of earlier forward passes: faster, approximate. "refresh" is ours; "fast-dllm" and "dllm-cache" are
   *  LLaDA-V's, for comparison, the latter also as its three numbers. Default "none". */
  cache?: CacheKind | FeatureCacheOptions;
  /** With cache refresh: passes from one that computes everything to the next; 1 keeps nothing. Default 8. With fast-dllm:
   *  passes of a block, default 32. */
  refreshEvery?: number;
  /** With cache refresh: everything is also computed anew when this share of the answer's tokens has changed since, 0 to 1.
   *  Default 0.25. */
  refreshChanged?: number;
  /** With cache refresh, where tokens may be revised: a pass without it ends the answer, and refining goes on until that
   *  changes nothing. Default true. */
  certify?: boolean;
  /** Approximate options that go together, under one name: docs/speed.md says which. Of `refine`, what is kept of earlier
   *  passes. Default off. */
  fast?: boolean;
  /** All quirks of the reference at once: decoding, colours of palette, alpha and 16-bit pictures, special tokens in
   *  the text. docs/PARITY.md lists them. */
  compat?: boolean;
  /** Take spellings of special tokens in what is typed (prompt, messages, system, suffix, draft) for those tokens; else
   *  they are text. Default under `compat`. */
  specialTokens?: boolean;
  /** Turn pictures upright as their EXIF data says. Default, but for `compat`. */
  autoOrient?: boolean;
  /** Take pictures as they are stored, as the original does. Default under `compat`. */
  asStored?: boolean;
  /** Refuse pictures with more pixels. */
  maxPixels?: number;
  /** Frames taken from a video; default 32. */
  videoFrames?: number;
  /** Ends it between two steps; its reason is thrown. */
  signal?: AbortSignal;
  /** Told of every step, in the format of traces. */
  onTrace?: (step: TraceStep) => void;
  /** Told between two layers of a forward pass that takes long, and of a picture's encoding: about 50 times a second at
   *  most, and never where a pass takes milliseconds. */
  onLayers?: ((progress: PassProgress) => void) | undefined;
}

/** What of the options is no part of the request, but of how its answer is awaited. */
export type Awaiting = "signal" | "onTrace" | "onLayers";

export interface ManyOptions extends Omit<DescribeOptions, "onTrace"> {
  /** Prompts in one forward pass; default 1. */
  batch?: number;
  /** Prompts that are taken from the list and read before they are needed; default `batch` and one for each reading thread. */
  readAhead?: number;
  /** Told after every step of every prompt. */
  onStep?: (index: number, step: DecodeStep) => void;
  /** The same in the format of traces. */
  onTrace?: (index: number, step: TraceStep) => void;
  /** What to know and what no answer says: that there is memory for fewer prompts at once. Default a warning of the process. */
  onWarning?: (line: string) => void;
}

/** What of that applies to a text that is there already. */
export interface RefineOptions
  extends Pick<
    DescribeOptions,
    | "prompt"
    | "messages"
    | "system"
    | "conversation"
    | "imageJoin"
    | "temperature"
    | "cfgScale"
    | "seed"
    | "cache"
    | "refreshEvery"
    | "refreshChanged"
    | "certify"
    | "fast"
    | "compat"
    | "specialTokens"
    | "autoOrient"
    | "asStored"
    | "maxPixels"
    | "videoFrames"
    | Awaiting
  > {
  /** Rounds at most; default 8. */
  rounds?: number;
  /** Replace a token only when the model is at least this sure of the other one; default the model's, else 0, ReDiff's rule. */
  threshold?: number;
  /** Leave a token alone that the model finds at least this likely, 0 to 1; default the model's, else 1, ReDiff's rule. */
  keep?: number;
}

/** What of a description's options applies to a template. `steps` fill the blanks of the whole template, default one
 *  token each; `revise` rewrites blanks only. */
export type FillOptions = Pick<
  DescribeOptions,
  | "prompt"
  | "messages"
  | "system"
  | "conversation"
  | "imageJoin"
  | "steps"
  | "tokensPerStep"
  | keyof RuleOptions
  | "temperature"
  | "cfgScale"
  | "remasking"
  | "revise"
  | "reviseTopk"
  | "reviseStart"
  | "reviseRest"
  | "confidenceAmong"
  | "cache"
  | "refreshEvery"
  | "refreshChanged"
  | "certify"
  | "fast"
  | "seed"
  | "specialTokens"
  | "autoOrient"
  | "asStored"
  | "maxPixels"
  | "videoFrames"
  | Awaiting
>;

/** What is asked, with what it is asked about. */
export interface AskedOfKind {
  describe: { kind: "describe"; options: Omit<DescribeOptions, Awaiting> };
  refine: { kind: "refine"; draft: string; options: Omit<RefineOptions, Awaiting> };
  fill: { kind: "fill"; template: string | Template; options: Omit<FillOptions, Awaiting> };
}
export type Asked = AskedOfKind[keyof AskedOfKind];

const opt = (name: keyof DescribeOptions | keyof RefineOptions) => option(name);

/** The part of the decoding options that needs no tokenizer; how many steps, only where it is asked for. @throws OptionError when they exclude each other */
export function decodingNumbers(options: DescribeOptions, genLength: number): Partial<DecodeOptions> {
  const blockLength = options.blockLength ?? genLength;
  const { steps, tokensPerStep } = options;
  if (steps !== undefined && tokensPerStep !== undefined)
    throw new OptionError(
      "tokensPerStep",
      wording`${opt("steps")} and ${opt("tokensPerStep")} exclude each other`,
      "Give one of them.",
    );
  if (steps !== undefined || tokensPerStep !== undefined)
    assertCountsSteps(options, steps === undefined ? "tokensPerStep" : "steps");
  if (tokensPerStep !== undefined && !(tokensPerStep >= 1))
    throw new OptionError("tokensPerStep", wording`${opt("tokensPerStep")} must be 1 or more, got ${tokensPerStep}`);
  const chosen: Partial<DecodeOptions> = {
    genLength,
    blockLength,
    compat: options.compat ?? false,
    reviseTopk: options.reviseTopk,
    cache: chosenCache(options),
  };
  if (steps !== undefined) chosen.steps = steps;
  if (tokensPerStep !== undefined) chosen.steps = stepsFor(genLength, blockLength, tokensPerStep);
  for (const key of [
    ...ruleKeys,
    ...(["temperature", "cfgScale", "remasking", "revise", "reviseStart", "reviseRest"] as const),
    ...(["confidenceAmong", "seed"] as const),
  ])
    if (options[key] !== undefined) Object.assign(chosen, { [key]: options[key] });
  return chosen;
}

/** @throws OptionError when what is given makes no sense for any model; what depends on one is judged later */
export function checkOptions(given: DescribeOptions): void {
  const options = withFast(given);
  decodeOptions(decodingNumbers(options, options.genLength ?? lengthThatFits(options)));
  if (options.autoOrient && options.asStored)
    throw new OptionError(
      "asStored",
      wording`${opt("autoOrient")} and ${opt("asStored")} exclude each other`,
      "Pictures are turned upright by default.",
    );
  if (options.prompt !== undefined && options.messages !== undefined)
    throw new OptionError(
      "messages",
      wording`${opt("prompt")} and ${opt("messages")} exclude each other`,
      "The last message is the question.",
    );
  if (options.stop?.includes("")) throw new OptionError("stop", "a stop text is empty", "Leave it out.");
}

/** Where the length is the model's: one that block length and steps fit, so that they are judged for themselves. */
function lengthThatFits({ blockLength, steps }: DescribeOptions): number {
  const whole = (value: number | undefined) => (Number.isSafeInteger(value) && Number(value) > 0 ? Number(value) : 1);
  return whole(blockLength) * whole(steps);
}

/** @throws OptionError when a number is out of its range */
export function checkRefineOptions({ rounds, threshold, keep, ...others }: RefineOptions): void {
  const { fast: _, ...options } = refineWithFast(others);
  checkOptions(options);
  if (rounds !== undefined && (!Number.isInteger(rounds) || rounds < 1))
    throw new OptionError("rounds", wording`${opt("rounds")} must be a whole number from 1, got ${rounds}`);
  if (threshold !== undefined && !(threshold >= 0 && threshold <= 1))
    throw new OptionError("threshold", wording`${opt("threshold")} must be from 0 to 1, got ${threshold}`);
  if (keep !== undefined && !(keep >= 0 && keep <= 1))
    throw new OptionError("keep", wording`${opt("keep")} must be from 0 to 1, got ${keep}`);
}
