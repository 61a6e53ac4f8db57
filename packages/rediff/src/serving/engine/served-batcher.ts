/** The batcher as the server's client of it: requests come as messages, and what becomes of them goes out as messages.
 *  What is left over waits in the order in which it came; fairness between clients is the server's affair. */
import { memory } from "@rediff/torch";
import type { Beginning } from "../../inference/answers.js";
import { Batcher, type ForwardPass, type Taken } from "../../inference/batcher.js";
import { cutToRoom } from "../../inference/limits/room.js";
import { type AskableModel, askable } from "../../inference/model-facts.js";
import { type RequestKind, type RequestOfKind, resolveRequest } from "../../inference/resolve.js";
import { type Submission, submission } from "../../inference/submission.js";
import type { TraceStep } from "../../inference/trace-format.js";
import type { Model, ModelConfig } from "../../models/llava/llava.js";
import { packError } from "../../threads/portable-error.js";
import type { Answer, FromModel, Job, Progress, ToModel } from "./protocol.js";

/** Passes of a small model take less time than telling of each. */
const TELL_EVERY_MS = 50;

export class ServedBatcher {
  readonly #batcher: Batcher;
  readonly #model: AskableModel;
  readonly #config: ModelConfig;
  readonly #post: (message: FromModel) => void;
  /** Those that are not answered yet, and of them those that are not begun. */
  readonly #submissions = new Map<number, Submission>();
  readonly #waiting = new Map<number, Submission>();
  #wake: (() => void) | undefined;
  #progress: Progress[] = [];
  #passes: ForwardPass[] = [];
  #toldAt = 0;
  #ended = false;

  constructor(model: Model, batch: number, post: (message: FromModel) => void) {
    this.#batcher = new Batcher(model, batch);
    this.#model = askable(model);
    this.#config = model.config;
    this.#post = post;
  }

  add({ id, job, visuals }: Omit<Extract<ToModel, { type: "add" }>, "type">): void {
    try {
      const asked = resolveRequest(this.#model, visuals.length, job.asked);
      const { usualLength: usual } = job;
      const mayCut = asked.kind === "describe" && usual !== undefined;
      const request = mayCut ? cutToRoom(this.#config, asked, visuals, usual) : asked;
      const one = submission(request.kind, request as RequestOfKind[RequestKind], visuals, this.#listener(id, job));
      this.#submissions.set(id, one);
      this.#waiting.set(id, one);
      this.#wake?.();
    } catch (error) {
      this.#post({ type: "failed", id, error: packError(error) });
    }
  }

  /** Frees the place before the next step. A request that is over already is no mistake: the messages crossed. */
  cancel(id: number): void {
    const one = this.#submissions.get(id);
    if (one === undefined) return;
    this.#submissions.delete(id);
    this.#waiting.delete(id);
    this.#batcher.cancel(one);
  }

  /** Ends `run` after the step under way. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async run(): Promise<void> {
    for await (const pass of this.#batcher.run({ take: (isIdle) => this.#take(isIdle) })) {
      if (pass !== undefined) this.#passes.push(pass);
      this.#tellProgress();
      if (performance.now() - this.#toldAt >= TELL_EVERY_MS) this.#tellPasses();
      if (this.#ended) return;
    }
  }

  async #take(isIdle: boolean): Promise<Taken> {
    if (isIdle) this.#tellPasses();
    while (isIdle && this.#waiting.size === 0 && !this.#ended)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    this.#wake = undefined;
    if (this.#ended) return "over";
    const [first] = this.#waiting;
    if (first === undefined) return "none";
    this.#waiting.delete(first[0]);
    return first[1];
  }

  #listener(id: number, { text, trace }: Job) {
    const answered = (answer: Answer) => {
      this.#submissions.delete(id);
      this.#tellProgress();
      this.#post({ type: "done", id, answer });
    };
    return {
      begun: (beginning: Beginning) => this.#post({ type: "begun", id, beginning }),
      ...(text && { text: (piece: string) => void this.#progress.push({ id, text: piece }) }),
      ...(trace && { trace: (step: TraceStep) => void this.#progress.push({ id, trace: step }) }),
      answered,
      failed: (error: unknown) => {
        this.#submissions.delete(id);
        this.#tellProgress();
        this.#post({ type: "failed", id, error: packError(error) });
      },
    };
  }

  #tellProgress(): void {
    if (this.#progress.length === 0) return;
    this.#post({ type: "progress", progress: this.#progress });
    this.#progress = [];
  }

  #tellPasses(): void {
    this.#post({ type: "passes", passes: this.#passes, memory: memory() });
    this.#passes = [];
    this.#toldAt = performance.now();
  }
}
