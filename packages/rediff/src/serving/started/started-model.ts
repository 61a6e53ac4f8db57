/** A model in a process of its own, as applications use it. The event loop of the application stays free while it is loaded
 *  and while it answers; pictures are decoded in processes, too, and what the model's process dies of ends no other.
 *
 *  The engine is the server's: several questions at a time are decoded together, in the order in which they came. */
import { UserError } from "../../errors.js";
import type { AnswerOfKind, Description, Filling, Refinement } from "../../inference/answers.js";
import {
  checkDescribe,
  checkDraft,
  checkFill,
  checkRefine,
  checkTemplate,
} from "../../inference/limits/option-sets.js";
import type { ModelFacts } from "../../inference/model-facts.js";
import {
  type AskedOfKind,
  type Awaiting,
  checkOptions,
  checkRefineOptions,
  type DescribeOptions,
  type FillOptions,
  type RefineOptions,
  type VisualSource,
} from "../../inference/request.js";
import { type RequestKind, type VisualHandling, visualHandling } from "../../inference/resolve.js";
import type { Template } from "../../inference/template/fill-template.js";
import type { TraceStep } from "../../inference/trace-format.js";
import { listOf, readVisuals, type VisualReader } from "../../inference/visuals.js";
import type { Engine } from "../engine/engine.js";
import { EngineError } from "../engine/engine-error.js";
import type { Job } from "../engine/protocol.js";
import type { VisionPools } from "../engine/request-turns.js";

/** All questions of one application wait in one line. */
const CLIENT = "application";

export class StartedModel implements Disposable, AsyncDisposable {
  readonly #engine: Engine;
  #isClosed = false;

  /** `startModel` makes one. @internal */
  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** What requests depend on: positions, defaults, how pictures are cut. */
  get facts(): ModelFacts | undefined {
    return this.#engine.facts;
  }

  /** Of the process that holds the model; undefined where there is none at the moment. */
  get pid(): number | undefined {
    return this.#engine.pid;
  }

  /** Describes pictures (or answers a question about them).
   *  @throws UserError as `VisionLanguageModel.describe` does; with `model_crashed` when the model's process ended meanwhile,
   *  which takes nothing from the next question */
  async describe(sources: VisualSource | readonly VisualSource[], options: DescribeOptions = {}): Promise<Description> {
    checkDescribe(options);
    checkOptions(options);
    return this.#ask<"describe">(sources, options, visualHandling(options), (asked) => ({
      kind: "describe",
      options: asked,
    }));
  }

  /** The same, a step at a time: what each forward pass wrote. Leaving the loop ends the decoding. */
  async *watch(
    sources: VisualSource | readonly VisualSource[],
    options: DescribeOptions = {},
  ): AsyncGenerator<TraceStep, Description> {
    const steps: TraceStep[] = [];
    const leaving = new AbortController();
    const { signal } = options;
    let wake = () => {};
    let isOver = false;
    const answer = this.describe(sources, {
      ...options,
      signal: signal === undefined ? leaving.signal : AbortSignal.any([signal, leaving.signal]),
      onTrace(step) {
        steps.push(step);
        options.onTrace?.(step);
        wake();
      },
    });
    const over = () => {
      isOver = true;
      wake();
    };
    answer.then(over, over);
    try {
      for (;;) {
        const step = steps.shift();
        if (step !== undefined) yield step;
        else if (isOver) return await answer;
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    } finally {
      leaving.abort();
    }
  }

  /** Repairs a description of a picture, as `VisionLanguageModel.refine` does. */
  async refine(
    sources: VisualSource | readonly VisualSource[],
    draft: string,
    options: RefineOptions = {},
  ): Promise<Refinement> {
    checkRefine(options);
    checkRefineOptions(options);
    checkDraft(draft);
    return this.#ask<"refine">(sources, options, visualHandling(options), (asked) => ({
      kind: "refine",
      draft,
      options: asked,
    }));
  }

  /** Fills in the blanks of a template about pictures (or none), as `VisionLanguageModel.fill` does. */
  async fill(
    sources: VisualSource | readonly VisualSource[],
    template: string | Template,
    options: FillOptions = {},
  ): Promise<Filling> {
    checkFill(options);
    checkOptions(options);
    checkTemplate(template);
    return this.#ask<"fill">(sources, options, visualHandling(options), (asked) => ({
      kind: "fill",
      template,
      options: asked,
    }));
  }

  async #ask<K extends RequestKind>(
    given: VisualSource | readonly VisualSource[],
    options: AskedOfKind[K]["options"] & Pick<DescribeOptions, Awaiting>,
    handling: VisualHandling,
    asking: (options: AskedOfKind[K]["options"]) => AskedOfKind[K],
  ): Promise<AnswerOfKind[K]> {
    if (this.#isClosed) throw closedError();
    const { signal = new AbortController().signal, onTrace, onLayers, ...asked } = options;
    const sources = listOf(given);
    const job: Job<K> = { asked: asking(asked), text: false, trace: onTrace !== undefined };
    try {
      return await this.#engine.submit<K>({
        job,
        client: CLIENT,
        signal,
        visuals: (pools, facts, leaving) =>
          readVisuals(sources, { facts, handling, reader: readerOf(pools), signal: leaving }),
        ...(onTrace && { onTrace }),
        ...(onLayers && { onLayers }),
      });
    } catch (error) {
      throw this.#isClosed && error instanceof EngineError ? closedError(error) : inWords(error);
    }
  }

  /** Ends the process, and gives its memory back; again, it does nothing. What is under way, and what is asked afterwards,
   *  ends in a UserError whose code is `model_closed`. A program does not end by itself before. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#engine.close();
  }

  /** The same, without waiting for the process to be gone. */
  dispose(): void {
    void this.close();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

const readerOf = ({ pictures, videos }: VisionPools): VisualReader => ({
  picture: (source, options, signal) => pictures.picture(source, options, signal),
  video: (source, options, signal) => videos.video(source, options, signal),
});

const closedError = (cause?: unknown) =>
  new UserError("the model was closed", "Start it again, or close it later.", { code: "model_closed", cause });

/** What the engine has to say, as an application hears it. */
function inWords(error: unknown): unknown {
  if (!(error instanceof EngineError)) return error;
  const { problem, message, cause } = error;
  switch (problem) {
    case "crashed":
      return new UserError(message, "Ask again: the question waits until it is loaded.", {
        code: "model_crashed",
        cause: error,
      });
    case "busy":
      return new UserError(message, "Ask again when some are answered.", { code: "queue_full", cause: error });
    case "draining":
      return closedError(error);
    case "failed": // to load: what is wrong with the folder
      return cause instanceof UserError ? UserError.inside("unusable_model", cause) : error;
    case "loading":
      return error;
  }
}
