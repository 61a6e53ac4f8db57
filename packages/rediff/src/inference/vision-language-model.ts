/** A loaded model as applications use it: describe pictures and videos, watch the text form, repair a description, fill
 *  in a template.
 *
 *  One object, one model, one thread; calls may overlap only through `describeMany`, which decodes them together. */

import { checkLoad, type LoadOptions, loadModelFolder } from "../checkpoint/load-model.js";
import { embeddedModelFolder, MODEL_VARIABLE } from "../embedded.js";
import { codedAs, UserError } from "../errors.js";
import { resolveModel } from "../hub/resolve-model.js";
import { KEPT_BYTES, KeptFeatures } from "../models/llava/kept-features.js";
import type { Model } from "../models/llava/llava.js";
import type { Visual } from "../vision/tiles/tiles.js";
import { answerOne, type OneAnswer } from "./answer-one.js";
import type { AnswerOfKind, Description, Filling, Refinement } from "./answers.js";
import { type WatchedStep, withText } from "./forming/step-text.js";
import { checkDescribe, checkDraft, checkFill, checkRefine, checkTemplate } from "./limits/option-sets.js";
import { type AskableModel, askable, assertSight } from "./model-facts.js";
import type { DescribeOptions, FillOptions, RefineOptions, VisualSource } from "./request.js";
import {
  type RequestKind,
  type RequestOfKind,
  type ResolvedRequest,
  resolveDescribe,
  resolveFill,
  resolveRefine,
  visualHandling,
} from "./resolve.js";
import type { Template } from "./template/fill-template.js";
import { listOf, readVisual, readVisuals } from "./visuals.js";

export type { Description, Refinement, TokenEdit } from "./answers.js";
export type { DescribeOptions, RefineOptions, VisualSource } from "./request.js";

export class VisionLanguageModel implements Disposable {
  readonly #model: Model;
  /** Pictures that were asked about lately. */
  readonly #kept: KeptFeatures;
  #isClosed = false;
  /** What requests are resolved against. */
  readonly askable: AskableModel;

  /** @param keptBytes of pictures' features, kept for the next question about the same one */
  constructor(model: Model, keptBytes = KEPT_BYTES) {
    this.#model = model;
    this.#kept = new KeptFeatures(keptBytes);
    this.askable = askable(model);
  }

  /** The parts: weights, tokenizer, configuration. @throws UserError when it was closed */
  get model(): Model {
    if (this.#isClosed) throw closedError();
    return this.#model;
  }

  /** Describes pictures (or answers a question about them) and returns when the text is done.
   *  @throws UserError for unreadable pictures, wrong options, prompts that are too long */
  describe(sources: VisualSource | readonly VisualSource[], options: DescribeOptions = {}): Promise<Description> {
    return resultOf(this.watch(sources, options));
  }

  /** The same, a step at a time. */
  async *watch(
    sources: VisualSource | readonly VisualSource[],
    options: DescribeOptions = {},
  ): AsyncGenerator<WatchedStep, Description> {
    checkDescribe(options);
    const list = listOf(sources);
    const request = resolveDescribe(this.askable, list.length, options); // before pictures are read
    const visuals = await this.#read(list, request, options.signal);
    return yield* this.#answer("describe", request, visuals, options);
  }

  /** The same for what `load` has read: a conversation's pictures are read once. */
  async *watchLoaded(
    visuals: readonly Visual[],
    options: DescribeOptions = {},
  ): AsyncGenerator<WatchedStep, Description> {
    checkDescribe(options);
    const request = resolveDescribe(this.askable, visuals.length, options);
    return yield* this.#answer("describe", request, visuals, options);
  }

  /** Repairs a description of a picture: what is wrong is replaced, token for token; what is right stays as it was typed,
   *  and so does what the model cannot read.
   *  @throws UserError when the draft is empty */
  async refine(
    sources: VisualSource | readonly VisualSource[],
    draft: string,
    options: RefineOptions = {},
  ): Promise<Refinement> {
    checkRefine(options);
    checkDraft(draft);
    const list = listOf(sources);
    const request = resolveRefine(this.askable, list.length, draft, options);
    const visuals = await this.#read(list, request, options.signal);
    return resultOf(this.#answer("refine", request, visuals, options));
  }

  /** Fills in the blanks of a template about pictures (or none): `[[N]]` stands for N tokens, everything else stays,
   *  character for character.
   *  @throws UserError for templates without blanks */
  fill(
    sources: VisualSource | readonly VisualSource[],
    template: string | Template,
    options: FillOptions = {},
  ): Promise<Filling> {
    return resultOf(this.watchFill(sources, template, options));
  }

  /** The same, a step at a time. */
  async *watchFill(
    sources: VisualSource | readonly VisualSource[],
    template: string | Template,
    options: FillOptions = {},
  ): AsyncGenerator<WatchedStep, Filling> {
    checkFill(options);
    checkTemplate(template);
    const list = listOf(sources);
    const request = resolveFill(this.askable, list.length, template, options);
    const visuals = await this.#read(list, request, options.signal);
    return yield* this.#answer("fill", request, visuals, options);
  }

  /** For those who have many pictures to show it. @throws UserError for a text-only model */
  assertSight(): void {
    assertSight(this.askable.facts);
  }

  /** Decodes a picture or the frames of a video, in this thread. */
  async load(source: VisualSource, options: DescribeOptions = {}): Promise<Visual> {
    checkDescribe(options);
    return readVisual(source, {
      facts: this.askable.facts,
      handling: visualHandling(options),
      signal: options.signal,
    });
  }

  async *#answer<K extends RequestKind>(
    kind: K,
    request: RequestOfKind[K],
    visuals: readonly Visual[],
    options: OneAnswer,
  ): AsyncGenerator<WatchedStep, AnswerOfKind[K]> {
    const { signal, onTrace, onLayers } = options;
    const { tokenizer } = this.model;
    const steps = answerOne(this.model, kind, request, visuals, { signal, onTrace, onLayers, kept: this.#kept });
    try {
      for (;;) {
        const turn = await steps.next();
        if (turn.done) return turn.value;
        yield withText(tokenizer, turn.value);
      }
    } catch (error) {
      throw this.#isClosed ? closedError(error) : error;
    } finally {
      await steps.return(undefined as never); // a listener that leaves ends the decoding
    }
  }

  #read(sources: readonly VisualSource[], { visuals }: ResolvedRequest, signal: AbortSignal | undefined) {
    return readVisuals(sources, { facts: this.askable.facts, handling: visuals, signal });
  }

  /** Frees its memory; again, it does nothing. `using` does the same at the end of a block, in TypeScript and from Node 24
   *  on. What is asked afterwards, and what is under way, ends in a UserError whose code is `model_closed`. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#kept[Symbol.dispose]();
    this.#model[Symbol.dispose]();
  }

  /** The same. */
  dispose(): void {
    this.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

const closedError = (cause?: unknown) =>
  new UserError("the model was closed", "Load it again, or close it later.", { code: "model_closed", cause });

async function resultOf<T>(watching: AsyncGenerator<unknown, T>): Promise<T> {
  let turn = await watching.next();
  while (!turn.done) turn = await watching.next();
  return turn.value;
}

/** Loads a model: a folder in Hugging Face's layout, or the id of one that was pulled from the hub; by default the
 *  one that the environment names (REDIFF_MODEL), else the embedded one, which knows the scene world only.
 *
 *  ```ts
 *  const model = await loadModel("ReDiff-8B");
 *  try {
 *    const { text } = await model.describe("photo.jpg", { tokensPerStep: 4, revise: true });
 *  } finally {
 *    model.close();
 *  }
 *  ``` */
export async function loadModel(
  folderOrId = process.env[MODEL_VARIABLE] ?? embeddedModelFolder(),
  options: LoadOptions = {},
): Promise<VisionLanguageModel> {
  checkLoad(options); // before a name is looked up
  const folder = await codedAs("model_not_found", () => resolveModel(folderOrId));
  const model = await codedAs("unusable_model", () => loadModelFolder(folder, options));
  return new VisionLanguageModel(model, options.keepPictures);
}
