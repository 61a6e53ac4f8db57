/** Jobs in worker threads: as many at once as there are threads, the rest wait in line.
 *
 *  Unlike a pool for single pictures, these threads are part of a run: one that dies ends it with an error, since the
 *  job that killed it would kill the next one too, and a run must not go on with fewer threads unnoticed. */
import { setMaxListeners } from "node:events";
import { Worker } from "node:worker_threads";
// sharp has to be loaded in the main thread before any worker does: its libraries must outlive every thread.
import "sharp";
import { endWorkers } from "../vision/end-workers.js";
import { type PortableError, unpackError } from "../vision/jobs.js";

export type ThreadRequest<Job> = { type: "run"; id: number; job: Job } | { type: "abort"; id: number };
export type ThreadReply<Result> =
  | { id: number; ok: true; result: Result }
  | { id: number; ok: false; error: PortableError };

export interface ThreadOptions<Job> {
  url: URL;
  /** At least 1. */
  workers: number;
  /** What each thread is given when it starts. */
  workerData: unknown;
  /** Names a job in the message about a thread that died of it. */
  describe: (job: Job) => string;
}

interface Task<Job, Result> {
  readonly id: number;
  readonly job: Job;
  resolve: (result: Result) => void;
  reject: (reason: unknown) => void;
}

interface Slot<Job, Result> {
  readonly worker: Worker;
  task: Task<Job, Result> | undefined;
}

/** Owns its threads: `close()` it. */
export class Threads<Job, Result> implements AsyncDisposable {
  readonly #options: ThreadOptions<Job>;
  readonly #slots = new Set<Slot<Job, Result>>();
  readonly #queue: Task<Job, Result>[] = [];
  #lastId = 0;
  #failure: Error | undefined;

  constructor(options: ThreadOptions<Job>) {
    this.#options = options;
  }

  /** @throws what the job throws; the signal's reason when aborted; an error when a thread has died or all are closed */
  run(job: Job, options: { signal?: AbortSignal; urgent?: boolean } = {}): Promise<Result> {
    const { signal, urgent } = options;
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (signal?.aborted) return Promise.reject(signal.reason);
    const result = new Promise<Result>((resolve, reject) => {
      const task: Task<Job, Result> = { id: ++this.#lastId, job, resolve, reject };
      const onAbort = () => this.#abort(task, signal?.reason);
      if (signal !== undefined) {
        setMaxListeners(0, signal); // Any number of jobs may hang on one signal; that is no leak.
        signal.addEventListener("abort", onAbort, { once: true });
        const forget = () => signal.removeEventListener("abort", onAbort);
        task.resolve = chain(forget, resolve);
        task.reject = chain(forget, reject);
      }
      if (urgent) this.#queue.unshift(task);
      else this.#queue.push(task);
    });
    this.#dispatch();
    return result;
  }

  /** Ends the threads; what is under way is rejected. */
  async close(): Promise<void> {
    await this.#end(new Error("the loader is closed"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #abort(task: Task<Job, Result>, reason: unknown): void {
    task.reject(reason);
    const queued = this.#queue.indexOf(task);
    if (queued >= 0) this.#queue.splice(queued, 1);
    for (const { worker, task: running } of this.#slots) {
      if (running === task) worker.postMessage({ type: "abort", id: task.id } satisfies ThreadRequest<Job>);
    }
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      const slot = [...this.#slots].find(({ task }) => task === undefined) ?? this.#start();
      if (slot === undefined) return;
      const task = this.#queue.shift();
      if (task === undefined) return;
      slot.task = task;
      slot.worker.ref();
      slot.worker.postMessage({ type: "run", id: task.id, job: task.job } satisfies ThreadRequest<Job>);
    }
  }

  #start(): Slot<Job, Result> | undefined {
    const { workers, url, workerData } = this.#options;
    if (this.#slots.size >= workers || this.#failure !== undefined) return undefined;
    const slot: Slot<Job, Result> = { worker: new Worker(url, { workerData }), task: undefined };
    slot.worker.unref();
    slot.worker.on("message", (reply: ThreadReply<Result>) => this.#finish(slot, reply));
    slot.worker.on("error", (error) => this.#lose(slot, `died of ${error instanceof Error ? error.message : error}`));
    slot.worker.on("exit", (status) => this.#lose(slot, `ended with status ${status}`));
    this.#slots.add(slot);
    return slot;
  }

  #finish(slot: Slot<Job, Result>, reply: ThreadReply<Result>): void {
    const { task } = slot;
    slot.task = undefined;
    slot.worker.unref();
    if (reply.ok) task?.resolve(reply.result);
    else task?.reject(unpackError(reply.error));
    this.#dispatch();
  }

  #lose(slot: Slot<Job, Result>, what: string): void {
    if (!this.#slots.delete(slot)) return;
    const during = slot.task === undefined ? "" : ` while it prepared ${this.#options.describe(slot.task.job)}`;
    const error = new Error(`a loader thread ${what}${during}`);
    slot.task?.reject(error);
    void this.#end(error);
  }

  async #end(reason: Error): Promise<void> {
    this.#failure ??= reason;
    for (const task of this.#queue.splice(0)) task.reject(reason);
    const slots = [...this.#slots];
    this.#slots.clear();
    for (const { task } of slots) task?.reject(reason);
    await endWorkers(slots.map(({ worker }) => worker));
  }
}

function chain<Value>(first: () => void, then: (value: Value) => void): (value: Value) => void {
  return (value) => {
    first();
    then(value);
  };
}
