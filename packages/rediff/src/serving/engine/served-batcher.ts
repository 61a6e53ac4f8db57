/** The batcher as the server's client of it: requests come as messages, and what becomes of them goes out as messages.
 *  What is left over waits in the order in which it came; fairness between clients is the server's affair. */
import { memory, releaseKeptMemory } from "@rediff/torch";
import { asFlag, UserError } from "../../errors.js";
import type { Beginning } from "../../inference/answers.js";
import { Batcher, type ForwardPass, type Taken } from "../../inference/batcher.js";
import type { RequestKind, RequestOfKind } from "../../inference/resolve.js";
import { type Submission, submission } from "../../inference/submission.js";
import type { TraceStep } from "../../inference/trace-format.js";
import type { PassProgress } from "../../models/chain.js";
import { KeptFeatures } from "../../models/llava/kept-features.js";
import type { Model } from "../../models/llava/llava.js";
import { packError } from "../../threads/portable-error.js";
import type { Visual } from "../../vision/tiles/tiles.js";
import type { Answer, FromModel, LoadRequest, PixelPiece, Progress, ReadyJob, ToModel } from "./protocol.js";

/** Passes of a small model take less time than telling of each. */
const TELL_EVERY_MS = 50;

/** Between two reports of how far a long pass is. */
const TELL_LAYERS_EVERY_MS = 500;

/** For which those that are decoded may wait for others between two steps. */
const PATIENCE_MS = 5;

/** Without anything to decode for so long, memory that is kept for the next pass goes back to the system. */
const IDLE_MS = 2000;

export class ServedBatcher {
  readonly #batcher: Batcher;
  /** Pictures that were asked about lately. */
  readonly #kept: KeptFeatures;
  readonly #post: (message: FromModel) => void;
  /** Those whose pixels are not all here. */
  readonly #arriving = new Map<number, { job: ReadyJob; visuals: Visual[]; missing: number }>();
  /** Those that are not answered yet, and of them those that are not begun. */
  readonly #submissions = new Map<number, Submission>();
  readonly #waiting = new Map<number, Submission>();
  #wake: (() => void) | undefined;
  #progress: Progress[] = [];
  #passes: ForwardPass[] = [];
  #toldAt = 0;
  #toldLayersAt = 0;
  #ended = false;
  #patienceMs = PATIENCE_MS;

  constructor(
    model: Model,
    {
      batch,
      keptBytes,
      cacheBytes,
      memoryBytes,
    }: Pick<LoadRequest, "batch" | "keptBytes" | "cacheBytes" | "memoryBytes">,
    post: (message: FromModel) => void,
  ) {
    this.#kept = new KeptFeatures(keptBytes);
    this.#batcher = new Batcher(model, batch, {
      patienceMs: PATIENCE_MS,
      onLayers: (progress) => this.#tellLayers(progress),
      kept: this.#kept,
      cacheBytes,
      memoryBytes,
      onNarrowed: (words) => process.stderr.write(`rediff: ${new UserError(words).spelled(asFlag)}\n`),
    });
    this.#post = post;
  }

  /** A request whose pixels follow. */
  add({ id, job, visuals: heads }: Omit<Extract<ToModel, { type: "add" }>, "type">): void {
    const visuals = heads.map((head) => ({ ...head, pixels: new Uint8Array(head.tiles * 3 * head.tileSize ** 2) }));
    this.#arriving.set(id, { job, visuals, missing: visuals.reduce((sum, { pixels }) => sum + pixels.length, 0) });
    this.#arrived(id);
  }

  pixels({ id, visual, start, pixels }: PixelPiece): void {
    const arrival = this.#arriving.get(id);
    if (arrival === undefined) return; // cancelled
    arrival.visuals[visual]?.pixels.set(pixels, start);
    arrival.missing -= pixels.length;
    this.#arrived(id);
  }

  /** Once it is complete, it waits for its place. */
  #arrived(id: number): void {
    const arrival = this.#arriving.get(id);
    if (arrival === undefined || arrival.missing > 0) return;
    this.#arriving.delete(id);
    const { job, visuals } = arrival;
    const { request } = job;
    const one = submission(request.kind, request as RequestOfKind[RequestKind], visuals, this.#listener(id, job));
    this.#submissions.set(id, one);
    this.#waiting.set(id, one);
    this.#wake?.();
  }

  /** Frees the place before the next step; a step that it was alone in ends before its next layer. A request that is over already is no mistake: the messages crossed. */
  cancel(id: number): void {
    this.#arriving.delete(id);
    const one = this.#submissions.get(id);
    if (one === undefined) return;
    this.#submissions.delete(id);
    this.#waiting.delete(id);
    this.#batcher.cancel(one);
  }

  /** Ends `run` before the next step, or between two layers of the one under way. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async run(): Promise<void> {
    using _kept = this.#kept;
    for await (const pass of this.#batcher.run({ take: (isIdle) => this.#take(isIdle) })) {
      if (pass !== undefined) {
        this.#passes.push(pass);
        this.#patienceMs = Math.min(200, Math.max(PATIENCE_MS, 100 * pass.seconds));
      }
      this.#tellProgress();
      if (performance.now() - this.#toldAt >= TELL_EVERY_MS) this.#tellPasses();
      if (this.#ended) return;
    }
  }

  async #take(isIdle: boolean): Promise<Taken> {
    if (isIdle) this.#tellPasses();
    const idling = isIdle ? setTimeout(releaseKeptMemory, IDLE_MS).unref() : undefined;
    while (isIdle && this.#waiting.size === 0 && !this.#ended)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    clearTimeout(idling);
    this.#wake = undefined;
    if (!isIdle) await this.#listen();
    if (this.#ended) return "over";
    const [first] = this.#waiting;
    if (first === undefined) return "none";
    this.#waiting.delete(first[0]);
    return first[1];
  }

  /** Takes in pixels that are on their way: between two long passes there would be time for a megabyte only. */
  async #listen(): Promise<void> {
    const until = performance.now() + this.#patienceMs;
    while (this.#arriving.size > 0 && this.#waiting.size === 0 && performance.now() < until)
      await new Promise((resolve) => setImmediate(resolve));
  }

  #listener(id: number, { text, trace }: ReadyJob) {
    const answered = (answer: Answer) => {
      this.#submissions.delete(id);
      this.#tellProgress();
      this.#post({ type: "done", id, answer });
    };
    return {
      // The server has the request.
      begun: ({ request: _, ...beginning }: Beginning) => this.#post({ type: "begun", id, beginning }),
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

  /** Also a sign of life: a pass of a large model may take longer than a process may be silent. */
  #tellLayers(progress: PassProgress): void {
    const now = performance.now();
    if (1000 * progress.seconds < TELL_LAYERS_EVERY_MS || now - this.#toldLayersAt < TELL_LAYERS_EVERY_MS) return;
    this.#toldLayersAt = now;
    const ids = [...this.#submissions.keys()].filter((id) => !this.#waiting.has(id));
    this.#post({ type: "layers", ids, progress });
  }

  #tellPasses(): void {
    const kept = this.#kept.use;
    const { tensors, ...others } = memory();
    const used = { ...others, tensors: tensors - kept.pictures }; // those are meant to stay
    const { cacheBytes, keptGraphs } = this.#batcher;
    this.#post({ type: "passes", passes: this.#passes, memory: used, kept, cacheBytes, keptGraphs });
    this.#passes = [];
    this.#toldAt = performance.now();
  }
}
