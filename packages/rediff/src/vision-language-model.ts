/** A loaded model as applications use it: describe pictures and videos, watch the text form, repair a description.
 *
 *  One object, one model, one thread; calls may overlap only through `describeMany`, which decodes them together. */

import { stat } from "node:fs/promises";
import { extname } from "node:path";
import type { Tensor } from "@rediff/torch";
import { type AddOptions, Decoder, type Decoding } from "./diffusion/decode.js";
import type { DecodeStep } from "./diffusion/denoise.js";
import type { DecodeOptions, FeatureCacheOptions, Remasking } from "./diffusion/options.js";
import { proofread } from "./diffusion/proofread.js";
import { stepsFor } from "./diffusion/schedule.js";
import { UserError } from "./errors.js";
import { resolveModel } from "./hub/resolve.js";
import { type LoadOptions, loadModelFolder, type Model, promptEmbeddings, type Visual } from "./models/model.js";
import { type ChatMessage, type PromptTemplate, placeImages, renderPrompt } from "./text/chat.js";
import { encodePrompt, type ImageJoin, imageToken } from "./text/image-tokens.js";
import { type TextEdit, textEdits } from "./text/spans.js";
import { loadPicture, loadVideo, type PictureSource } from "./vision/index.js";

/** What the demos of LLaDA-V and ReDiff ask. */
export const DEFAULT_QUESTION = "Please describe the image in detail.";

/** A picture (a path, or a file's bytes), a video file, or a folder of frames. */
export type VisualSource = PictureSource | { video: string };

export interface DescribeOptions {
  /** The question. Pictures come first unless it places them itself with `<image>`. */
  prompt?: string;
  /** A conversation so far, instead of `prompt`; its last message is the question. */
  messages?: readonly ChatMessage[];
  system?: string;
  conversation?: PromptTemplate;
  /** "legacy" (default) loses the token after each picture, as the reference's inference does and published results
   *  were measured; "correct" keeps it, as in training. */
  imageJoin?: ImageJoin;
  /** Forward passes; default one per token. */
  steps?: number;
  /** Instead of `steps`. */
  tokensPerStep?: number;
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
  /** All quirks of the reference at once: decoding, colours of palette and alpha pictures, special tokens in the text. */
  compat?: boolean;
  /** Turn pictures upright as their EXIF data says. */
  autoOrient?: boolean;
  /** Refuse pictures with more pixels. */
  maxPixels?: number;
  /** Frames taken from a video; default 32. */
  videoFrames?: number;
  signal?: AbortSignal;
}

export interface TokenEdit {
  /** Forward pass and position in the answer, from 0. */
  step: number;
  position: number;
  from: string;
  to: string;
  fromId: number;
  toId: number;
}

export interface Description {
  text: string;
  tokenIds: number[];
  /** Forward passes. */
  steps: number;
  /** From the pixels to the last token. */
  seconds: number;
  tokensPerSecond: number;
  /** Tokens that were written and then replaced. */
  edits: TokenEdit[];
}

export interface RefineOptions extends Omit<DescribeOptions, "steps" | "tokensPerStep" | "draft" | "revise"> {
  /** Rounds at most; default 8. */
  rounds?: number;
  /** Replace a token only when the model is at least this sure of the other one; default 0, ReDiff's rule. */
  threshold?: number;
}

export interface Refinement {
  text: string;
  edits: TextEdit[];
  rounds: number;
  seconds: number;
}

/** A request whose pictures are loaded. */
export interface Prepared {
  ids: number[];
  visuals: Visual[];
  decode: Partial<DecodeOptions>;
}

export class VisionLanguageModel implements Disposable {
  /** The parts: weights, tokenizer, configuration. */
  readonly model: Model;

  constructor(model: Model) {
    this.model = model;
  }

  /** Describes pictures (or answers a question about them) and returns when the text is done.
   *  @throws UserError for unreadable pictures, wrong options, prompts that are too long */
  async describe(sources: VisualSource | readonly VisualSource[], options: DescribeOptions = {}): Promise<Description> {
    const watching = this.watch(sources, options);
    let turn = await watching.next();
    while (!turn.done) turn = await watching.next();
    return turn.value;
  }

  /** The same, a step at a time. */
  async *watch(
    sources: VisualSource | readonly VisualSource[],
    options: DescribeOptions = {},
  ): AsyncGenerator<DecodeStep, Description> {
    const list = Array.isArray(sources) ? (sources as readonly VisualSource[]) : [sources as VisualSource];
    const visuals = await Promise.all(list.map((source) => this.load(source, options)));
    options.signal?.throwIfAborted();
    const started = performance.now();
    const session = this.begin(this.prepare(visuals, options), options);
    try {
      while (session.decoding.result === undefined) {
        options.signal?.throwIfAborted();
        session.step();
        yield session.decoding.step as DecodeStep;
        await breathe();
      }
      return session.describe((performance.now() - started) / 1000);
    } finally {
      session[Symbol.dispose]();
    }
  }

  /** Repairs a description of a picture: what is wrong is replaced, token for token; what is right stays.
   *  @throws UserError when the draft is empty or cannot be written in the model's tokens */
  async refine(
    sources: VisualSource | readonly VisualSource[],
    draft: string,
    options: RefineOptions = {},
  ): Promise<Refinement> {
    const { tokenizer } = this.model;
    const ids = tokenizer.encode(draft);
    if (ids.length === 0) throw new UserError("the draft is empty", "Give the text to be repaired.");
    if (tokenizer.decode(ids) !== draft)
      throw new UserError(
        "the draft cannot be written in the model's tokens without changing it",
        "Remove characters that its tokenizer normalises away.",
      );
    const special = ids.find((id) => Object.values(tokenizer.special).includes(id));
    if (special !== undefined)
      throw new UserError(`the draft contains the special token ${tokenizer.token(special)}`, "Remove it.");

    const list = Array.isArray(sources) ? (sources as readonly VisualSource[]) : [sources as VisualSource];
    const visuals = await Promise.all(list.map((source) => this.load(source, options)));
    const started = performance.now();
    const prepared = this.prepare(visuals, options);
    prepared.decode = {
      ...prepared.decode,
      genLength: ids.length,
      blockLength: ids.length,
      steps: 1,
      draft: ids,
      suffix: [tokenizer.special.eot],
      stop: [],
      revise: true,
    };
    const session = this.begin(prepared, options, {
      loop: proofread({ rounds: options.rounds ?? 8, threshold: options.threshold ?? 0 }),
    });
    try {
      const confidence = new Float64Array(ids.length).fill(1);
      while (session.decoding.result === undefined) {
        options.signal?.throwIfAborted();
        session.step();
        for (const { position } of session.decoding.step?.revised ?? [])
          confidence[position] = session.decoding.step?.confidence[position] as number;
        await breathe();
      }
      const after = session.decoding.canvas.answer();
      const { text, edits } = textEdits(tokenizer, ids, after, confidence);
      return { text, edits, rounds: session.decoding.result.steps, seconds: (performance.now() - started) / 1000 };
    } finally {
      session[Symbol.dispose]();
    }
  }

  /** Decodes a picture or the frames of a video, in this thread. */
  async load(source: VisualSource, options: DescribeOptions = {}): Promise<Visual> {
    return loadVisual(this.model, source, options);
  }

  /** From loaded pictures and options to ids and decoding options. */
  prepare(visuals: readonly Visual[], options: DescribeOptions = {}): Prepared {
    return {
      ids: promptIds(this.model, visuals.length, options),
      visuals: [...visuals],
      decode: decoding(this.model, options),
    };
  }

  /** Encodes the pictures and starts decoding; call `step` until there is a result, then dispose. */
  begin(prepared: Prepared, options: DescribeOptions = {}, extra: AddOptions = {}): DescribeSession {
    const { genLength = 128, suffix = [] } = prepared.decode;
    const prompt = promptEmbeddings(this.model, prepared.ids, prepared.visuals, genLength + suffix.length);
    try {
      return new DescribeSession(this.model, prompt, prepared.decode, options, extra);
    } finally {
      prompt.dispose();
    }
  }

  [Symbol.dispose](): void {
    this.model[Symbol.dispose]();
  }
}

/** Lets timers, signals and sockets have their turn between two forward passes. */
const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** One description on its way. */
export class DescribeSession implements Disposable {
  readonly decoding: Decoding;
  readonly #decoder: Decoder;
  readonly #model: Model;
  readonly #collector: EditCollector;
  readonly #options: DescribeOptions;

  constructor(
    model: Model,
    prompt: Tensor,
    decode: Partial<DecodeOptions>,
    options: DescribeOptions,
    extra: AddOptions,
  ) {
    this.#model = model;
    this.#options = options;
    this.#collector = new EditCollector(model);
    this.#decoder = new Decoder(model);
    try {
      this.decoding = this.#decoder.add(prompt, decode, extra);
    } catch (error) {
      this.#decoder[Symbol.dispose]();
      throw error;
    }
  }

  step(): void {
    this.#decoder.step();
    this.#collector.add(this.decoding.step);
  }

  describe(seconds: number): Description {
    return description(this.#model, this.decoding, this.#collector.edits, seconds, this.#options);
  }

  [Symbol.dispose](): void {
    this.decoding[Symbol.dispose]();
    this.#decoder[Symbol.dispose]();
  }
}

/** Remembers which tokens were replaced. */
export class EditCollector {
  readonly edits: TokenEdit[] = [];
  readonly #model: Model;

  constructor(model: Model) {
    this.#model = model;
  }

  add(step: DecodeStep | undefined): void {
    const { tokenizer } = this.#model;
    for (const { position, from, to } of step?.revised ?? [])
      this.edits.push({
        step: step?.step ?? 0,
        position,
        from: tokenizer.decode([from]),
        to: tokenizer.decode([to]),
        fromId: from,
        toId: to,
      });
  }
}

export function description(
  model: Model,
  decoding: Decoding,
  edits: TokenEdit[],
  seconds: number,
  options: Pick<DescribeOptions, "compat">,
): Description {
  const result = decoding.result;
  if (result === undefined) throw new Error("the description is not finished");
  return {
    text: model.tokenizer.decode(result.tokens, { skipSpecialTokens: !options.compat }),
    tokenIds: result.tokens,
    steps: result.steps,
    seconds,
    tokensPerSecond: result.tokens.length / seconds,
    edits,
  };
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
  const geometry = model.eyes?.geometry;
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

async function loadVisual(model: Model, source: VisualSource, options: DescribeOptions): Promise<Visual> {
  if (typeof source === "object" && "video" in source)
    return { kind: "video", ...(await loadVideo(source.video, videoOptions(model, options), options.signal)) };
  if (typeof source === "string" && (await isVideo(source)))
    return { kind: "video", ...(await loadVideo(source, videoOptions(model, options), options.signal)) };
  return { kind: "picture", ...(await loadPicture(source, pictureOptions(model, options))) };
}

/** Ids of the conversation with -200 for each picture. */
export function promptIds(model: Model, pictures: number, options: DescribeOptions): number[] {
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
  return encodePrompt(model.tokenizer, text, { join: options.imageJoin ?? "legacy", images: pictures });
}

/** Decoding options with texts as tokens. */
export function decoding(model: Model, options: DescribeOptions): Partial<DecodeOptions> {
  const { tokenizer } = model;
  const genLength = options.genLength ?? 128;
  const blockLength = options.blockLength ?? genLength;
  if (options.steps !== undefined && options.tokensPerStep !== undefined)
    throw new UserError("steps and tokens_per_step exclude each other", "Give one of them.");
  const { tokensPerStep } = options;
  if (tokensPerStep !== undefined && !(tokensPerStep >= 1))
    throw new UserError(`tokens_per_step must be 1 or more, got ${tokensPerStep}`);
  const chosen: Partial<DecodeOptions> = {
    genLength,
    blockLength,
    steps: tokensPerStep === undefined ? (options.steps ?? genLength) : stepsFor(genLength, blockLength, tokensPerStep),
    stop: (options.stop ?? [tokenizer.token(tokenizer.special.eot) ?? ""]).map((text) => tokenizer.encode(text)),
    suffix: options.suffix === undefined ? [] : tokenizer.encode(options.suffix),
    draft: options.draft === undefined ? [] : tokenizer.encode(options.draft),
    compat: options.compat ?? false,
    revise: options.revise ?? false,
    reviseTopk: options.reviseTopk,
    cache: options.cache,
  };
  for (const key of ["temperature", "cfgScale", "remasking", "reviseStart", "seed"] as const)
    if (options[key] !== undefined) Object.assign(chosen, { [key]: options[key] });
  return chosen;
}

/** Loads a model: a folder in Hugging Face's layout, or the id of one that was pulled from the hub.
 *
 *  ```ts
 *  using model = await loadModel("ReDiff-8B");
 *  const { text } = await model.describe("photo.jpg", { tokensPerStep: 4, revise: true });
 *  ``` */
export async function loadModel(folderOrId: string, options: LoadOptions = {}): Promise<VisionLanguageModel> {
  return new VisionLanguageModel(await loadModelFolder(await resolveModel(folderOrId), options));
}
