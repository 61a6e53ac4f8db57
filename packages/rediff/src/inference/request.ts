/** What is asked of a model: options in the user's words, checked, and what the parts below make of them: how pictures
 *  are cut, the prompt's ids, the decoding options. Nothing here computes, so options can be judged before a model is
 *  loaded. */

import { stat } from "node:fs/promises";
import { extname } from "node:path";
import {
  type DecodeOptions,
  decodeOptions,
  type FeatureCacheOptions,
  type Remasking,
} from "../diffusion/decode-options.js";
import { stepsFor } from "../diffusion/transfer-schedule.js";
import { UserError } from "../errors.js";
import type { Model } from "../models/llava/llava.js";
import { type ChatMessage, type PromptTemplate, placeImages, renderPrompt } from "../text/chat-template.js";
import { DEFAULT_QUESTION } from "../text/default-question.js";
import { encodePrompt, type ImageJoin, imageToken } from "../text/image-tokens.js";
import type { PictureSource } from "../vision/picture/decode-picture.js";

/** A picture (a path, or a file's bytes), a video file, or a folder of frames. */
export type VisualSource = PictureSource | { video: string };

export interface DescribeOptions {
  /** The question. Pictures come first unless it places them itself with `<image>`. */
  prompt?: string;
  /** A conversation so far, instead of `prompt`; its last message is the question. */
  messages?: readonly ChatMessage[];
  system?: string;
  conversation?: PromptTemplate;
  /** "legacy" (default, unless the model's config says otherwise) loses the token after each picture, as the reference's
   *  inference does and published results were measured; "correct" keeps it, as in training. */
  imageJoin?: ImageJoin;
  /** Forward passes; default one per token. */
  steps?: number;
  /** Instead of `steps`. */
  tokensPerStep?: number;
  /** Instead of both: each step fills all masks that the model is at least this sure of, 0 to 1. Approximate. */
  threshold?: number;
  genLength?: number;
  blockLength?: number;
  temperature?: number;
  cfgScale?: number;
  remasking?: Remasking;
  /** ReDiff's revision; default off. */
  revise?: boolean;
  reviseTopk?: number;
  reviseStart?: number;
  suffix?: string;
  /** Texts that end the answer; default the end of the turn. */
  stop?: readonly string[];
  /** A text to begin with instead of masks. */
  draft?: string;
  seed?: number;
  /** dLLM-Cache: faster, approximate. */
  cache?: FeatureCacheOptions;
  /** All quirks of the reference at once: decoding, colours of palette, alpha and 16-bit pictures, special tokens in
   *  the text. docs/PARITY.md lists them. */
  compat?: boolean;
  /** Turn pictures upright as their EXIF data says. */
  autoOrient?: boolean;
  /** Refuse pictures with more pixels. */
  maxPixels?: number;
  /** Frames taken from a video; default 32. */
  videoFrames?: number;
  signal?: AbortSignal;
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
    | "compat"
    | "autoOrient"
    | "maxPixels"
    | "videoFrames"
    | "signal"
  > {
  /** Rounds at most; default 8. */
  rounds?: number;
  /** Replace a token only when the model is at least this sure of the other one; default the model's, else 0, ReDiff's rule. */
  threshold?: number;
}

const VIDEO_EXTENSIONS = new Set([
  ".mp4",
  ".mov",
  ".mkv",
  ".webm",
  ".avi",
  ".m4v",
  ".mpg",
  ".mpeg",
  ".wmv",
  ".flv",
  ".ts",
]);

/** Whether a path is to be read as a video: by its extension, or a folder of frames. */
export async function isVideo(path: string): Promise<boolean> {
  if (VIDEO_EXTENSIONS.has(extname(path).toLowerCase())) return true;
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

/** How a picture of this model is to be decoded and cut. */
export function pictureOptions(model: Model, options: DescribeOptions = {}) {
  const geometry = model.vision?.geometry;
  if (geometry === undefined)
    throw new UserError(
      `${model.folder} is a text-only LLaDA and cannot see pictures`,
      "Use a LLaDA-V or ReDiff model.",
    );
  return {
    tileSize: geometry.tileSize,
    aspectRatio: geometry.aspectRatio,
    pinpoints: geometry.pinpoints,
    colors: options.compat ? ("asis" as const) : ("rgb" as const),
    grey16: options.compat ? ("clip" as const) : ("scale" as const),
    autoOrient: options.autoOrient ?? false,
    ...(options.maxPixels !== undefined && { maxPixels: options.maxPixels }),
  };
}

export function videoOptions(model: Model, options: DescribeOptions = {}) {
  const { tileSize } = pictureOptions(model, options);
  return {
    tileSize,
    sampling: { kind: "uniform" as const, frames: options.videoFrames ?? 32 },
    ...(options.maxPixels !== undefined && { maxPixels: options.maxPixels }),
  };
}

/** What of a model the prompt and the decoding options depend on. */
export type Reader = Pick<Model, "tokenizer"> & { config?: Pick<Model["config"], "defaults"> };

/** Ids of the conversation with -200 for each picture. */
export function promptIds(model: Reader, pictures: number, options: DescribeOptions): number[] {
  const messages = options.messages ?? [{ role: "user", content: options.prompt ?? DEFAULT_QUESTION }];
  const placed = messages.some(({ content }) => content?.includes(imageToken));
  const first = messages.findIndex(({ role }) => role === "user");
  const withPictures = placed
    ? messages
    : messages.map((message, i) =>
        i === first ? { ...message, content: placeImages(message.content ?? "", pictures) } : message,
      );
  const text = renderPrompt(model.tokenizer, [...withPictures, { role: "assistant", content: null }], {
    ...(options.conversation && { template: options.conversation }),
    ...(options.system !== undefined && { system: options.system }),
  });
  const join = options.imageJoin ?? model.config?.defaults.imageJoin ?? "legacy";
  return encodePrompt(model.tokenizer, text, { join, images: pictures });
}

/** The part of the decoding options that needs no tokenizer. */
export function decodingNumbers(options: DescribeOptions): Partial<DecodeOptions> & { steps: number } {
  const genLength = options.genLength ?? 128;
  const blockLength = options.blockLength ?? genLength;
  const { steps, tokensPerStep, threshold } = options;
  if (steps !== undefined && tokensPerStep !== undefined)
    throw new UserError("steps and tokens_per_step exclude each other", "Give one of them.");
  if (threshold !== undefined && (steps !== undefined || tokensPerStep !== undefined))
    throw new UserError(
      `${steps === undefined ? "tokens_per_step" : "steps"} and threshold exclude each other`,
      "A threshold takes as many steps as it needs.",
    );
  if (tokensPerStep !== undefined && !(tokensPerStep >= 1))
    throw new UserError(`tokens_per_step must be 1 or more, got ${tokensPerStep}`);
  const chosen: Partial<DecodeOptions> & { steps: number } = {
    genLength,
    blockLength,
    steps: tokensPerStep === undefined ? (steps ?? genLength) : stepsFor(genLength, blockLength, tokensPerStep),
    compat: options.compat ?? false,
    revise: options.revise ?? false,
    reviseTopk: options.reviseTopk,
    cache: options.cache,
    threshold,
  };
  for (const key of ["temperature", "cfgScale", "remasking", "reviseStart", "seed"] as const)
    if (options[key] !== undefined) Object.assign(chosen, { [key]: options[key] });
  return chosen;
}

/** @throws UserError when numbers do not fit together; what depends on a model is judged later */
export function checkOptions(options: DescribeOptions): void {
  decodeOptions(decodingNumbers(options));
  if (options.stop?.includes("")) throw new UserError("a stop text is empty", "Leave it out.");
}

/** @throws UserError when a number is out of its range */
export function checkRefineOptions({ rounds = 8, threshold = 0, ...options }: RefineOptions): void {
  checkOptions(options);
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new UserError(`rounds must be a whole number from 1, got ${rounds}`);
  if (!(threshold >= 0 && threshold <= 1)) throw new UserError(`threshold must be from 0 to 1, got ${threshold}`);
}

/** Decoding options with texts as tokens. @throws UserError when they do not fit together */
export function decoding({ tokenizer, config }: Reader, options: DescribeOptions): Partial<DecodeOptions> {
  const genLength = options.genLength ?? config?.defaults.genLength;
  const chosen: Partial<DecodeOptions> = {
    ...decodingNumbers({ ...options, ...(genLength !== undefined && { genLength }) }),
    stop: (options.stop ?? [tokenizer.token(tokenizer.special.eot) ?? ""]).map((text) => tokenizer.encode(text)),
    suffix: options.suffix === undefined ? [] : tokenizer.encode(options.suffix),
    draft: options.draft === undefined ? [] : tokenizer.encode(options.draft),
  };
  decodeOptions(chosen);
  return chosen;
}
