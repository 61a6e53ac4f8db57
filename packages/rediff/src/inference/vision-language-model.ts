/** A loaded model as applications use it: describe pictures and videos, watch the text form, repair a description, fill
 *  in a template.
 *
 *  One object, one model, one thread; calls may overlap only through `describeMany`, which decodes them together. */

import type { Tensor } from "@rediff/torch";
import { type LoadOptions, loadModelFolder } from "../checkpoint/load-model.js";
import type { DecodeOptions } from "../diffusion/decode-options.js";
import type { DecodeStep } from "../diffusion/decode-step.js";
import { type AddOptions, Decoder, type Decoding } from "../diffusion/decoder.js";
import { embeddedModelFolder } from "../embedded.js";
import { resolveModel } from "../hub/resolve-model.js";
import { promptEmbeddings } from "../models/llava/assembly.js";
import type { Model } from "../models/llava/llava.js";
import type { TextEdit } from "../text/text-edits.js";
import { loadPicture, loadVideo } from "../vision/index.js";
import type { Visual } from "../vision/tiles/tiles.js";
import {
  checkOptions,
  type DescribeOptions,
  decoding,
  isVideo,
  pictureOptions,
  promptIds,
  type RefineOptions,
  type VisualSource,
  videoOptions,
} from "./request.js";
import { type Filling, type FillOptions, fillRequest } from "./tasks/fill.js";
import { refineRequest } from "./tasks/refine.js";
import type { Template } from "./template/fill-template.js";
import { readForm } from "./template/template-form.js";

export type { DescribeOptions, RefineOptions, VisualSource } from "./request.js";

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

/** A repaired text: `applyEdits(draft, edits)` is `text`. */
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
    checkOptions(options);
    const visuals = await this.#loadAll(sources, options);
    return yield* this.watchLoaded(visuals, options);
  }

  /** The same for what `load` has read: a conversation's pictures are read once. */
  async *watchLoaded(
    visuals: readonly Visual[],
    options: DescribeOptions = {},
  ): AsyncGenerator<DecodeStep, Description> {
    checkOptions(options);
    options.signal?.throwIfAborted();
    const started = performance.now();
    using session = this.begin(this.prepare(visuals, options), options);
    yield* stepsOf(session, options.signal);
    return session.describe((performance.now() - started) / 1000);
  }

  /** Repairs a description of a picture: what is wrong is replaced, token for token; what is right stays.
   *  @throws UserError when the draft is empty or cannot be written in the model's tokens */
  async refine(
    sources: VisualSource | readonly VisualSource[],
    draft: string,
    options: RefineOptions = {},
  ): Promise<Refinement> {
    const { length } = Array.isArray(sources) ? (sources as readonly VisualSource[]) : [sources];
    const request = refineRequest(this.model, length, draft, options); // before pictures are read
    const visuals = await this.#loadAll(sources, options);
    const started = performance.now();
    using session = this.begin({ ...request, visuals }, {}, { loop: request.loop });
    while (session.decoding.result === undefined) {
      options.signal?.throwIfAborted();
      session.step();
      request.watch(session.decoding.step);
      await breathe();
    }
    const rounds = session.decoding.result.steps;
    return { ...request.read(session.decoding), rounds, seconds: (performance.now() - started) / 1000 };
  }

  /** Fills in the blanks of a template about pictures (or none): `[[N]]` stands for N tokens, everything else stays,
   *  character for character.
   *  @throws UserError for templates without blanks or with words that the model cannot write */
  async fill(
    sources: VisualSource | readonly VisualSource[],
    template: string | Template,
    options: FillOptions = {},
  ): Promise<Filling> {
    const watching = this.watchFill(sources, template, options);
    let turn = await watching.next();
    while (!turn.done) turn = await watching.next();
    return turn.value;
  }

  /** The same, a step at a time. */
  async *watchFill(
    sources: VisualSource | readonly VisualSource[],
    template: string | Template,
    options: FillOptions = {},
  ): AsyncGenerator<DecodeStep, Filling> {
    checkOptions(options);
    const { length } = Array.isArray(sources) ? (sources as readonly VisualSource[]) : [sources];
    const request = fillRequest(this.model, length, template, options); // before pictures are read
    const visuals = await this.#loadAll(sources, options);
    options.signal?.throwIfAborted();
    const started = performance.now();
    using session = this.begin({ ...request, visuals }, options);
    const steps = yield* stepsOf(session, options.signal);
    const tokenIds = [...session.decoding.canvas.answer()];
    const seconds = (performance.now() - started) / 1000;
    return { ...readForm(this.model.tokenizer, request.form, tokenIds), tokenIds, steps, seconds };
  }

  async #loadAll(sources: VisualSource | readonly VisualSource[], options: DescribeOptions): Promise<Visual[]> {
    const list = Array.isArray(sources) ? (sources as readonly VisualSource[]) : [sources as VisualSource];
    return Promise.all(list.map((source) => this.load(source, options)));
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

/** Steps until there is a result; returns their number. */
async function* stepsOf(session: DescribeSession, signal: AbortSignal | undefined): AsyncGenerator<DecodeStep, number> {
  while (session.decoding.result === undefined) {
    signal?.throwIfAborted();
    session.step();
    yield session.decoding.step as DecodeStep;
    await breathe();
  }
  return session.decoding.result.steps;
}

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

async function loadVisual(model: Model, source: VisualSource, options: DescribeOptions): Promise<Visual> {
  if (typeof source === "object" && "video" in source)
    return { kind: "video", ...(await loadVideo(source.video, videoOptions(model, options), options.signal)) };
  if (typeof source === "string" && (await isVideo(source)))
    return { kind: "video", ...(await loadVideo(source, videoOptions(model, options), options.signal)) };
  return { kind: "picture", ...(await loadPicture(source, pictureOptions(model, options))) };
}

/** Loads a model: a folder in Hugging Face's layout, or the id of one that was pulled from the hub; by default the
 *  embedded one, which knows the scene world only.
 *
 *  ```ts
 *  using model = await loadModel("ReDiff-8B");
 *  const { text } = await model.describe("photo.jpg", { tokensPerStep: 4, revise: true });
 *  ``` */
export async function loadModel(
  folderOrId = embeddedModelFolder(),
  options: LoadOptions = {},
): Promise<VisionLanguageModel> {
  return new VisionLanguageModel(await loadModelFolder(await resolveModel(folderOrId), options));
}
