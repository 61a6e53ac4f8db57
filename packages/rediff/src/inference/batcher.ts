/** Continuous batching: requests enter and leave between forward passes, up to `batch` of them in each.
 *
 *  One request that fails (options, too long a prompt, numbers that are none) does not fail the others. What is left over
 *  waits in the order in which it came; fairness between clients is the server's affair. */
import { memory } from "@rediff/torch";
import type { DecodeStep } from "../diffusion/decode-step.js";
import { Decoder, type Decoding, OutputError } from "../diffusion/decoder.js";
import type { FromModel, Job, Progress, Turn } from "../serving/engine/protocol.js";
import { packError } from "../threads/portable-error.js";
import type { Visual } from "../vision/tiles/tiles.js";
import { type Task, taskOf } from "./tasks/task.js";
import type { VisionLanguageModel } from "./vision-language-model.js";

interface Waiting {
  id: number;
  job: Job;
  visuals: Visual[];
}

interface Work {
  id: number;
  task: Task;
  decoding: Decoding;
  /** The step that was reported last. */
  seen: DecodeStep | undefined;
  started: number;
}

/** Passes of a small model take less time than telling of each. */
const TELL_EVERY_MS = 50;

export class Runner {
  readonly #model: VisionLanguageModel;
  readonly #batch: number;
  readonly #post: (message: FromModel) => void;
  readonly #waiting: Waiting[] = [];
  readonly #active = new Map<number, Work>();
  /** Only while there is work: it keeps tensors between steps. */
  #decoder: Decoder | undefined;
  #wake: (() => void) | undefined;
  #turns: Turn[] = [];
  #toldAt = 0;
  #ended = false;

  constructor(model: VisionLanguageModel, batch: number, post: (message: FromModel) => void) {
    this.#model = model;
    this.#batch = batch;
    this.#post = post;
  }

  add(waiting: Waiting): void {
    this.#waiting.push(waiting);
    this.#wake?.();
  }

  /** Frees the place before the next step. A request that is over already is no mistake: the messages crossed. */
  cancel(id: number): void {
    const index = this.#waiting.findIndex((waiting) => waiting.id === id);
    if (index >= 0) this.#waiting.splice(index, 1);
    const work = this.#active.get(id);
    if (work !== undefined) this.#leave(work);
    this.#wake?.();
  }

  /** Ends `run` after the step under way. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async run(): Promise<void> {
    while (!this.#ended) {
      while (this.#active.size < this.#batch && this.#waiting.length > 0) this.#begin(this.#waiting.shift() as Waiting);
      if (this.#active.size === 0) await this.#sleep();
      else {
        this.#step();
        // Messages (cancel, add) have their turn between two forward passes.
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    for (const work of this.#active.values()) this.#leave(work);
    this.#decoder?.[Symbol.dispose]();
  }

  async #sleep(): Promise<void> {
    this.#decoder?.[Symbol.dispose]();
    this.#decoder = undefined;
    this.#tell();
    if (this.#waiting.length > 0 || this.#ended) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = undefined;
  }

  #begin({ id, job, visuals }: Waiting): void {
    const started = performance.now();
    let task: Task | undefined;
    try {
      task = taskOf(this.#model, job, visuals);
      this.#decoder ??= new Decoder(this.#model.model);
      const decoding = this.#decoder.add(task.prompt, task.decode, task.extra);
      const work: Work = { id, task, decoding, seen: undefined, started };
      this.#active.set(id, work);
      this.#post({ type: "begun", id, beginning: task.beginning });
      if (decoding.result !== undefined) this.#finish(work); // nothing to decode
    } catch (error) {
      this.#post({ type: "failed", id, error: packError(error) });
    } finally {
      task?.prompt.dispose();
    }
  }

  #step(): void {
    const batch = this.#active.size;
    const started = performance.now();
    try {
      this.#decoder?.step();
    } catch (error) {
      this.#blame(error);
    }
    const seconds = (performance.now() - started) / 1000;
    this.#report(batch, seconds);
  }

  /** Ends the request that a failed step is due to. The others go on: those that had their turn keep it, and the rest
   *  is asked again. Where the error names nobody, it is the newest: without it, it went well (memory, for one). */
  #blame(error: unknown): void {
    const works = [...this.#active.values()];
    const named = works.find(({ decoding }) => error instanceof OutputError && error.decoding === decoding);
    const work = named ?? works.at(-1);
    if (work === undefined) throw error;
    this.#leave(work);
    this.#post({ type: "failed", id: work.id, error: packError(error) });
  }

  #report(batch: number, seconds: number): void {
    const progress: Progress[] = [];
    const over: Work[] = [];
    let [filled, revised] = [0, 0];
    for (const work of this.#active.values()) {
      const { decoding, task, id } = work;
      if (decoding.step === work.seen) continue;
      work.seen = decoding.step;
      filled += decoding.step?.filled.length ?? 0;
      revised += decoding.step?.revised.length ?? 0;
      const news = task.watch(decoding, seconds);
      if (news.progress !== undefined) progress.push({ id, ...news.progress });
      if (news.over || decoding.result !== undefined) over.push(work);
    }
    if (progress.length > 0) this.#post({ type: "progress", progress });
    for (const work of over) this.#finish(work);
    this.#turns.push({ batch, filled, revised, seconds });
    if (performance.now() - this.#toldAt >= TELL_EVERY_MS) this.#tell();
  }

  #tell(): void {
    this.#post({ type: "turns", turns: this.#turns, memory: memory() });
    this.#turns = [];
    this.#toldAt = performance.now();
  }

  #finish(work: Work): void {
    const { id, task, decoding, started } = work;
    const { result, progress } = task.finish(decoding, (performance.now() - started) / 1000);
    this.#leave(work);
    if (progress !== undefined) this.#post({ type: "progress", progress: [{ id, ...progress }] });
    this.#post({ type: "done", id, result });
  }

  #leave({ id, decoding }: Work): void {
    this.#active.delete(id);
    this.#decoder?.remove(decoding);
    decoding[Symbol.dispose]();
  }
}
