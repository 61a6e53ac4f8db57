/** Jobs in threads or processes: each does one at a time, in the order in which it got them. One is started when there is
 *  work for it. Idle ones do not keep the process alive. */
import { setMaxListeners } from "node:events";
import type { TransferListItem } from "node:worker_threads";
import type { JobReply, ServantUse } from "./answer-jobs.js";
import type { KernelLimits } from "./limited-process.js";
import { unpackError } from "./portable-error.js";
import { type Death, type Servant, startProcess, startThread, type ThreadSettings } from "./servants.js";

export interface WorkerPoolOptions<Job> extends ThreadSettings {
  /** A module that calls `answerJobs`. */
  url: URL;
  /** Threads or processes at most; at least 1. */
  workers: number;
  /** Processes in place of threads: `workerData` and `heapMb` are of threads. */
  processes?: ProcessSettings;
  /** What they work for, in messages: "loader". */
  name: string;
  /** Names a job in the message about a thread that died of it. */
  describe: (job: Job) => string;
  /** A thread that dies takes its job with it, and the next job starts another. Or it ends the pool: in a run that must
   *  not go on with fewer threads unnoticed, and where the job would kill the next thread too. */
  onDeath: "replace" | "end";
  /** Who has waited longest for a turn is next, however many jobs others have in line; jobs of one signal are one's. */
  fair?: boolean;
  /** What a job holds that is moved to a thread, not copied. */
  moved?: (job: Job) => readonly TransferListItem[];
  /** What is wrong with the job that one died of. Default a plain line. */
  deathError?: (job: Job, death: Death) => Error;
  /** Jobs that each holds at once, the one under way included. With more than one it goes on while the main thread is too
   *  busy to hand out anything; what is beyond that waits in line. Default 1. */
  handedOut?: number;
  /** One without a job for so long is ended, and gives its memory back. Default as `processes` says, and never for threads. */
  idleMs?: number;
  /** A job that cannot be interrupted ends with its thread, when nobody waits for it any more or it takes too long. For
   *  pools whose threads hold one job at a time. Default: as long as it takes. */
  patience?: Patience<Job>;
}

export interface ProcessSettings extends KernelLimits {
  /** Bytes that one may hold on to. One with more gives its place to a new one when it has done its job, and so does one
   *  that has used half of its `cpuSeconds`. */
  readonly keptMemory: number;
  /** One without a job for so long is ended. */
  readonly idleMs: number;
}

export interface Patience<Job> {
  /** How long a job may go on that was aborted. */
  readonly abandonedMs: number;
  /** How long any job may take, from when its thread has begun with it. */
  readonly longestMs: number | ((job: Job) => number);
  /** What is wrong with one that takes longer. */
  readonly error: (job: Job) => Error;
}

interface Task<Job, Result> {
  readonly id: number;
  readonly job: Job;
  /** Whose it is. */
  readonly of: object;
  /** Somebody killed a process that was at work on it. */
  wasKilled: boolean;
  isAborted: boolean;
  resolve: (result: Result) => void;
  reject: (reason: unknown) => void;
}

interface Slot<Job, Result> {
  readonly servant: Servant<Job>;
  /** By id, the one under way first. */
  readonly tasks: Map<number, Task<Job, Result>>;
  isReady: boolean;
  timer: NodeJS.Timeout | undefined;
}

/** For loading its code, on a machine that has other things to do. */
const START_MS = 120_000;

/** Ends of processes that are somebody's wish, or the system's for want of memory, and tell nothing of the job. */
const FROM_OUTSIDE: readonly (NodeJS.Signals | undefined)[] = ["SIGKILL", "SIGTERM", "SIGINT", "SIGHUP"];

/** Owns its threads: `close()` it. */
export class WorkerPool<Job, Result> implements AsyncDisposable {
  readonly #options: WorkerPoolOptions<Job>;
  readonly #slots = new Set<Slot<Job, Result>>();
  readonly #queue: Task<Job, Result>[] = [];
  /** When each had its last turn, in turns of all. */
  readonly #turns = new WeakMap<object, number>();
  #lastTurn = 0;
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
      const of = signal ?? this;
      // Behind those that wait already, before those that have just had a turn.
      if (!this.#turns.has(of)) this.#turns.set(of, this.#lastTurn - 0.5);
      const id = ++this.#lastId;
      const task: Task<Job, Result> = { id, job, of, wasKilled: false, isAborted: false, resolve, reject };
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
    task.isAborted = true;
    task.reject(reason);
    const queued = this.#queue.indexOf(task);
    if (queued >= 0) this.#queue.splice(queued, 1);
    for (const slot of this.#slots) {
      if (!slot.tasks.has(task.id)) continue;
      slot.servant.post({ type: "abort", id: task.id });
      this.#watch(slot);
    }
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      const slot = this.#nextSlot();
      if (slot === undefined) return;
      const task = this.#next();
      if (task === undefined) return;
      slot.tasks.set(task.id, task);
      slot.servant.keepsAlive(true);
      this.#watch(slot);
      slot.servant.post({ type: "run", id: task.id, job: task.job }, this.#options.moved?.(task.job));
    }
  }

  #next(): Task<Job, Result> | undefined {
    if (!this.#options.fair) return this.#queue.shift();
    const turns = this.#queue.map(({ of }) => this.#turns.get(of) ?? 0);
    const [task] = this.#queue.splice(turns.indexOf(Math.min(...turns)), 1);
    if (task !== undefined) this.#turns.set(task.of, ++this.#lastTurn);
    return task;
  }

  /** The thread with the fewest jobs, a new one rather than a busy one; none when all have enough. */
  #nextSlot(): Slot<Job, Result> | undefined {
    const { handedOut = 1 } = this.#options;
    let fewest: Slot<Job, Result> | undefined;
    for (const slot of this.#slots) if (slot.tasks.size < (fewest?.tasks.size ?? handedOut)) fewest = slot;
    return fewest?.tasks.size === 0 ? fewest : (this.#start() ?? fewest);
  }

  #start(): Slot<Job, Result> | undefined {
    const { workers, url, processes } = this.#options;
    if (this.#slots.size >= workers || this.#failure !== undefined) return undefined;
    const events = {
      replied: (reply: JobReply<Result>) => this.#hear(slot, reply),
      lost: (death: Death) => this.#lose(slot, death),
    };
    const servant =
      processes === undefined
        ? startThread<Job, Result>(url, this.#options, events)
        : startProcess<Job, Result>(url, processes, events);
    const slot: Slot<Job, Result> = { servant, tasks: new Map(), isReady: false, timer: undefined };
    this.#slots.add(slot);
    return slot;
  }

  /** Begins anew to look after how long it takes, for what it does from now on. */
  #watch(slot: Slot<Job, Result>): void {
    clearTimeout(slot.timer);
    const [current] = slot.tasks.values();
    const { patience, processes } = this.#options;
    const after = (ms: number | undefined, then: () => void) => {
      if (ms !== undefined) slot.timer = setTimeout(then, ms).unref();
    };
    if (current === undefined) after(this.#options.idleMs ?? processes?.idleMs, () => this.#dismiss(slot));
    else if (!slot.isReady)
      after(START_MS, () => this.#lose(slot, { what: `did not begin within ${START_MS / 1000} s` }));
    else if (current.isAborted) after(patience?.abandonedMs, () => this.#dismiss(slot));
    else if (patience !== undefined) {
      const { longestMs, error } = patience;
      const ms = typeof longestMs === "number" ? longestMs : longestMs(current.job);
      after(ms, () => this.#dismiss(slot, error(current.job)));
    }
  }

  /** Ends a thread, and with it its jobs. */
  #dismiss(slot: Slot<Job, Result>, error?: Error): void {
    clearTimeout(slot.timer);
    if (!this.#slots.delete(slot)) return;
    for (const task of slot.tasks.values()) task.reject(error);
    void slot.servant.end();
    this.#dispatch();
  }

  #hear(slot: Slot<Job, Result>, reply: JobReply<Result>): void {
    if ("type" in reply) {
      slot.isReady = true;
      if (this.#slots.has(slot)) this.#watch(slot);
      return;
    }
    const task = slot.tasks.get(reply.id);
    slot.tasks.delete(reply.id);
    if (slot.tasks.size === 0) slot.servant.keepsAlive(false);
    if (reply.ok) task?.resolve(reply.result);
    else task?.reject(unpackError(reply.error));
    if (!this.#slots.has(slot)) return; // its end was on its way
    if (slot.tasks.size === 0 && this.#isWorn(reply.used)) this.#dismiss(slot);
    else {
      this.#watch(slot);
      this.#dispatch();
    }
  }

  #isWorn(used: ServantUse | undefined): boolean {
    const { processes } = this.#options;
    if (processes === undefined || used === undefined) return false;
    const { memory, cpuSeconds } = used;
    return memory > processes.keptMemory || cpuSeconds > (processes.cpuSeconds ?? Number.POSITIVE_INFINITY) / 2;
  }

  #lose(slot: Slot<Job, Result>, death: Death): void {
    clearTimeout(slot.timer);
    if (!this.#slots.delete(slot)) return;
    void slot.servant.end();
    const { name, describe, onDeath, processes, deathError } = this.#options;
    const [current, ...waiting] = slot.tasks.values();
    const during = current === undefined ? "" : ` while it prepared ${describe(current.job)}`;
    const error = new Error(`a ${name} ${processes === undefined ? "thread" : "process"} ${death.what}${during}`);
    if (onDeath === "end") {
      for (const task of slot.tasks.values()) task.reject(error);
      void this.#end(error);
      return;
    }
    const again = waiting.filter((task) => !task.isAborted);
    if (current !== undefined && !current.isAborted) {
      const isInnocent = FROM_OUTSIDE.includes(death.signal) && !current.wasKilled;
      current.wasKilled = true;
      if (isInnocent) again.unshift(current);
      else current.reject(deathError?.(current.job, death) ?? error);
    }
    this.#queue.unshift(...again);
    this.#dispatch();
  }

  async #end(reason: Error): Promise<void> {
    this.#failure ??= reason;
    for (const task of this.#queue.splice(0)) task.reject(reason);
    const slots = [...this.#slots];
    this.#slots.clear();
    for (const { servant, tasks, timer } of slots) {
      clearTimeout(timer);
      for (const task of tasks.values()) {
        task.reject(reason);
        // What a job has started outside of the thread, a decoder of videos for one, does not end with the thread.
        servant.post({ type: "abort", id: task.id });
      }
    }
    await Promise.all(slots.map(({ servant }) => servant.end()));
  }
}

function chain<Value>(first: () => void, then: (value: Value) => void): (value: Value) => void {
  return (value) => {
    first();
    then(value);
  };
}
