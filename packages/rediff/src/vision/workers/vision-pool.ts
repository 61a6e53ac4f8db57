/** Pictures and videos to tiles in worker threads, off the thread that runs the model.
 *
 *  A worker does one job at a time and is started when there is work for it. Idle workers do not keep the process
 *  alive. The pixels of a result are moved, not copied; a picture given as bytes is copied on its way in, so that the
 *  caller keeps it. */

import { setMaxListeners } from "node:events";
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
// sharp has to be loaded in the main thread before any worker does: its libraries must outlive every thread.
import "sharp";
import { endWorkers } from "../../threads/end-workers.js";
import { existingWorkerUrl } from "../../threads/worker-url.js";
import type { PictureSource } from "../picture/decode-picture.js";
import type { PictureOptions } from "../picture/load-picture.js";
import type { Tiles } from "../tiles/tiles.js";
import type { VideoSource } from "../video/ffmpeg.js";
import type { VideoOptions, VideoTiles } from "../video/load-video.js";
import { type Reply, type Request, unpackError, type VisionJob } from "./vision-jobs.js";

export interface PoolOptions {
  /** Threads at most. Default: one for each core, 8 at most. */
  readonly workers?: number;
}

export interface MapOptions {
  /** Jobs taken from the input that the consumer has not seen yet, at most. Default: two for each worker. */
  readonly ahead?: number;
  readonly signal?: AbortSignal;
}

/** A result of `map`; one bad file does not end the others. */
export type JobResult =
  | { readonly index: number; readonly job: VisionJob; readonly ok: true; readonly tiles: Tiles | VideoTiles }
  | { readonly index: number; readonly job: VisionJob; readonly ok: false; readonly error: Error };

interface Task {
  readonly id: number;
  readonly job: VisionJob;
  readonly resolve: (tiles: Tiles | VideoTiles) => void;
  readonly reject: (reason: unknown) => void;
}

interface Slot {
  readonly worker: Worker;
  task: Task | undefined;
}

/** Owns its threads: `close()` it, or declare it with `await using`. */
export class VisionPool {
  readonly workers: number;
  readonly #url: URL;
  readonly #slots = new Set<Slot>();
  readonly #queue: Task[] = [];
  #lastId = 0;
  #closed = false;

  constructor(options: PoolOptions = {}) {
    this.workers = Math.max(1, Math.trunc(options.workers ?? Math.min(availableParallelism(), 8)));
    this.#url = existingWorkerUrl("./vision-worker.js", import.meta.url);
  }

  /** Rejects with what `loadPicture` would throw. */
  async picture(source: PictureSource, options: PictureOptions, signal?: AbortSignal): Promise<Tiles> {
    return this.#run({ kind: "picture", source, options }, signal);
  }

  /** Rejects with what `loadVideo` would throw. */
  async video(source: VideoSource, options: VideoOptions, signal?: AbortSignal): Promise<VideoTiles> {
    // A video job is answered with a video's tiles.
    return (await this.#run({ kind: "video", source, options }, signal)) as VideoTiles;
  }

  /** Results in the order of `jobs`, errors among them. Takes from `jobs` only as far ahead as `ahead` allows. */
  async *map(
    jobs: Iterable<VisionJob> | AsyncIterable<VisionJob>,
    options: MapOptions = {},
  ): AsyncGenerator<JobResult> {
    const ahead = Math.max(1, options.ahead ?? 2 * this.workers);
    const stop = new AbortController();
    const signal = options.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, options.signal]);
    const aborted = new Promise<"aborted">((resolve) => signal.addEventListener("abort", () => resolve("aborted")));
    const source = iterate(jobs);
    const pending: Promise<JobResult>[] = [];
    let next: Promise<IteratorResult<VisionJob>> | undefined = source.next();
    let ended = false;
    let index = 0;
    try {
      while (next !== undefined || pending.length > 0) {
        // Whichever comes first, so that a slow input does not hold back results, nor a slow job the input.
        const came = await Promise.race([aborted, ...(next ? [next] : []), ...pending.slice(0, 1)]);
        options.signal?.throwIfAborted();
        if (came === "aborted") return;
        if ("index" in came) {
          pending.shift();
          yield came;
        } else {
          next = undefined;
          ended = came.done === true;
          if (!came.done) pending.push(this.#result(index++, came.value, signal));
        }
        if (next === undefined && !ended && pending.length < ahead) next = source.next();
      }
    } finally {
      // A consumer that leaves early wants nothing of what is under way.
      stop.abort();
      if (next === undefined) await source.return?.();
    }
  }

  /** Ends the threads. What has not been delivered is rejected. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const task of this.#queue.splice(0)) task.reject(closedError());
    const slots = [...this.#slots];
    this.#slots.clear();
    for (const { worker, task } of slots) {
      task?.reject(closedError());
      if (task !== undefined) worker.postMessage({ type: "abort", id: task.id } satisfies Request);
    }
    // An idle thread does not keep the process alive: it could end before the thread has, and whoever waits here.
    for (const { worker } of slots) worker.ref();
    await endWorkers(slots.map(({ worker }) => worker));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #result(index: number, job: VisionJob, signal: AbortSignal): Promise<JobResult> {
    try {
      return { index, job, ok: true, tiles: await this.#run(job, signal) };
    } catch (cause) {
      return { index, job, ok: false, error: cause instanceof Error ? cause : new Error(String(cause)) };
    }
  }

  #run(job: VisionJob, signal?: AbortSignal): Promise<Tiles | VideoTiles> {
    if (this.#closed) return Promise.reject(closedError());
    if (signal?.aborted) return Promise.reject(signal.reason);
    const { promise, resolve, reject } = withResolvers<Tiles | VideoTiles>();
    const task: Task = { id: ++this.#lastId, job, resolve, reject };
    const onAbort = () => this.#abort(task, signal?.reason);
    // Any number of jobs may hang on one signal; that is no leak.
    if (signal !== undefined) setMaxListeners(0, signal);
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#queue.push(task);
    this.#dispatch();
    return promise.finally(() => signal?.removeEventListener("abort", onAbort));
  }

  /** Rejects at once. A queued task is forgotten; a running one ends its thread's work when it can. */
  #abort(task: Task, reason: unknown): void {
    task.reject(reason);
    const queued = this.#queue.indexOf(task);
    if (queued >= 0) this.#queue.splice(queued, 1);
    for (const slot of this.#slots) {
      if (slot.task === task) slot.worker.postMessage({ type: "abort", id: task.id } satisfies Request);
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
      slot.worker.postMessage({ type: "run", id: task.id, job: task.job } satisfies Request);
    }
  }

  /** A new thread, unless all are there. */
  #start(): Slot | undefined {
    if (this.#slots.size >= this.workers) return undefined;
    const slot: Slot = { worker: new Worker(this.#url), task: undefined };
    slot.worker.unref();
    slot.worker.on("message", (reply: Reply) => this.#finish(slot, reply));
    slot.worker.on("error", (error) => this.#lose(slot, error));
    slot.worker.on("exit", (code) => this.#lose(slot, new Error(`a preprocessing thread ended with status ${code}`)));
    this.#slots.add(slot);
    return slot;
  }

  #finish(slot: Slot, reply: Reply): void {
    const { task } = slot;
    slot.task = undefined;
    slot.worker.unref();
    if (reply.ok) task?.resolve(reply.tiles);
    else task?.reject(unpackError(reply.error));
    this.#dispatch();
  }

  /** A thread that died takes its job with it, not the pool; the next job starts another. */
  #lose(slot: Slot, error: unknown): void {
    if (!this.#slots.delete(slot)) return;
    slot.task?.reject(error);
    slot.task = undefined;
    this.#dispatch();
  }
}

/** One protocol for both kinds of input. */
function iterate(jobs: Iterable<VisionJob> | AsyncIterable<VisionJob>): AsyncIterator<VisionJob> {
  if (Symbol.asyncIterator in jobs) return jobs[Symbol.asyncIterator]();
  const source = jobs[Symbol.iterator]();
  return {
    next: async () => source.next(),
    return: async () => source.return?.() ?? { done: true, value: undefined },
  };
}

function closedError(): Error {
  return new Error("the preprocessing pool is closed");
}

/** Promise.withResolvers, which Node 20 lacks. */
function withResolvers<T>() {
  let resolve: (value: T) => void = () => {};
  let reject: (reason: unknown) => void = () => {};
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
