/** Jobs in worker threads: each thread does one at a time, in the order in which it got them. A thread is started when
 *  there is work for it. Idle threads do not keep the process alive. */
import { setMaxListeners } from "node:events";
import { type TransferListItem, Worker } from "node:worker_threads";
// sharp has to be loaded in the main thread before any worker does: its libraries must outlive every thread.
import "sharp";
import type { ThreadReply, ThreadRequest } from "./answer-jobs.js";
import { endWorkers } from "./end-workers.js";
import { unpackError } from "./portable-error.js";

export interface WorkerPoolOptions<Job> {
  /** A module that calls `answerJobs`. */
  url: URL;
  /** Threads at most; at least 1. */
  workers: number;
  /** What each thread is given when it starts. */
  workerData?: unknown;
  /** What the threads work for, in messages: "loader". */
  name: string;
  /** Names a job in the message about a thread that died of it. */
  describe: (job: Job) => string;
  /** A thread that dies takes its job with it, and the next job starts another. Or it ends the pool: in a run that must
   *  not go on with fewer threads unnoticed, and where the job would kill the next thread too. */
  onDeath: "replace" | "end";
  /** What a job holds that is moved to the thread, not copied. */
  moved?: (job: Job) => readonly TransferListItem[];
  /** Jobs that a thread holds at once, the one under way included. With more than one a thread goes on while the main
   *  thread is too busy to hand out anything; what is beyond that waits in line. Default 1. */
  handedOut?: number;
  /** Megabytes of a thread's heap; a job that needs more dies with its thread. Default Node's. */
  heapMb?: number;
  /** A job that cannot be interrupted ends with its thread, when nobody waits for it any more or it takes too long. For
   *  pools whose threads hold one job at a time. Default: as long as it takes. */
  patience?: Patience;
}

export interface Patience {
  /** How long a job may go on that was aborted. */
  readonly abandonedMs: number;
  /** How long any job may take. */
  readonly longestMs: number;
  /** What is wrong with one that takes longer. */
  readonly error: () => Error;
}

interface Task<Job, Result> {
  readonly id: number;
  readonly job: Job;
  resolve: (result: Result) => void;
  reject: (reason: unknown) => void;
}

interface Slot<Job, Result> {
  readonly worker: Worker;
  /** By id, the one under way first. */
  readonly tasks: Map<number, Task<Job, Result>>;
  timer: NodeJS.Timeout | undefined;
}

/** Owns its threads: `close()` it. */
export class WorkerPool<Job, Result> implements AsyncDisposable {
  readonly #options: WorkerPoolOptions<Job>;
  readonly #slots = new Set<Slot<Job, Result>>();
  readonly #queue: Task<Job, Result>[] = [];
  #lastId = 0;
  #failure: Error | undefined;

  constructor(options: WorkerPoolOptions<Job>) {
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
    await this.#end(new Error(`the ${this.#options.name} is closed`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #abort(task: Task<Job, Result>, reason: unknown): void {
    task.reject(reason);
    const queued = this.#queue.indexOf(task);
    if (queued >= 0) this.#queue.splice(queued, 1);
    for (const slot of this.#slots) {
      if (!slot.tasks.has(task.id)) continue;
      slot.worker.postMessage({ type: "abort", id: task.id } satisfies ThreadRequest<Job>);
      this.#limit(slot, this.#options.patience?.abandonedMs);
    }
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      const slot = this.#nextSlot();
      if (slot === undefined) return;
      const task = this.#queue.shift();
      if (task === undefined) return;
      slot.tasks.set(task.id, task);
      slot.worker.ref();
      this.#limit(slot, this.#options.patience?.longestMs);
      const moved = this.#options.moved?.(task.job) ?? [];
      slot.worker.postMessage({ type: "run", id: task.id, job: task.job } satisfies ThreadRequest<Job>, [...moved]);
    }
  }

  /** The thread with the fewest jobs, a new one rather than a busy one; none when all have enough. */
  #nextSlot(): Slot<Job, Result> | undefined {
    const { handedOut = 1 } = this.#options;
    let fewest: Slot<Job, Result> | undefined;
    for (const slot of this.#slots) if (slot.tasks.size < (fewest?.tasks.size ?? handedOut)) fewest = slot;
    return fewest?.tasks.size === 0 ? fewest : (this.#start() ?? fewest);
  }

  #start(): Slot<Job, Result> | undefined {
    const { workers, url, workerData, heapMb } = this.#options;
    if (this.#slots.size >= workers || this.#failure !== undefined) return undefined;
    const worker = new Worker(url, {
      workerData,
      ...(heapMb !== undefined && { resourceLimits: { maxOldGenerationSizeMb: heapMb } }),
    });
    const slot: Slot<Job, Result> = { worker, tasks: new Map(), timer: undefined };
    slot.worker.unref();
    slot.worker.on("message", (reply: ThreadReply<Result>) => this.#finish(slot, reply));
    slot.worker.on("error", (error) => this.#lose(slot, `died of ${error instanceof Error ? error.message : error}`));
    slot.worker.on("exit", (status) => this.#lose(slot, `ended with status ${status}`));
    this.#slots.add(slot);
    return slot;
  }

  /** Ends a thread that goes on with its job for longer than that. */
  #limit(slot: Slot<Job, Result>, ms: number | undefined): void {
    clearTimeout(slot.timer);
    if (ms === undefined) return;
    slot.timer = setTimeout(() => {
      if (!this.#slots.delete(slot)) return;
      const error = this.#options.patience?.error();
      for (const task of slot.tasks.values()) task.reject(error);
      void endWorkers([slot.worker]);
      this.#dispatch();
    }, ms).unref();
  }

  #finish(slot: Slot<Job, Result>, reply: ThreadReply<Result>): void {
    clearTimeout(slot.timer);
    const task = slot.tasks.get(reply.id);
    slot.tasks.delete(reply.id);
    if (slot.tasks.size === 0) slot.worker.unref();
    if (reply.ok) task?.resolve(reply.result);
    else task?.reject(unpackError(reply.error));
    this.#dispatch();
  }

  #lose(slot: Slot<Job, Result>, what: string): void {
    clearTimeout(slot.timer);
    if (!this.#slots.delete(slot)) return;
    const { name, describe, onDeath } = this.#options;
    const [current] = slot.tasks.values();
    const during = current === undefined ? "" : ` while it prepared ${describe(current.job)}`;
    const error = new Error(`a ${name} thread ${what}${during}`);
    for (const task of slot.tasks.values()) task.reject(error);
    if (onDeath === "end") void this.#end(error);
    else this.#dispatch();
  }

  async #end(reason: Error): Promise<void> {
    this.#failure ??= reason;
    for (const task of this.#queue.splice(0)) task.reject(reason);
    const slots = [...this.#slots];
    this.#slots.clear();
    for (const { worker, tasks, timer } of slots) {
      clearTimeout(timer);
      for (const task of tasks.values()) {
        task.reject(reason);
        // What a job has started outside of the thread, a decoder of videos for one, does not end with the thread.
        worker.postMessage({ type: "abort", id: task.id } satisfies ThreadRequest<Job>);
      }
    }
    await endWorkers(slots.map(({ worker }) => worker));
  }
}

function chain<Value>(first: () => void, then: (value: Value) => void): (value: Value) => void {
  return (value) => {
    first();
    then(value);
  };
}
