/** Pictures and videos to tiles in worker threads, off the thread that runs the model.
 *
 *  A worker does one job at a time. The pixels of a result are moved, not copied; a picture given as bytes is copied on
 *  its way in, so that the caller keeps it. */

import { availableParallelism } from "node:os";
import { WorkerPool } from "../../threads/worker-pool.js";
import { existingWorkerUrl } from "../../threads/worker-url.js";
import type { PictureSource } from "../picture/decode-picture.js";
import type { PictureOptions } from "../picture/load-picture.js";
import type { Redrawn, RedrawOptions } from "../picture/redraw-picture.js";
import type { Tiles } from "../tiles/tiles.js";
import type { VideoSource } from "../video/decoder-process.js";
import type { VideoOptions, VideoTiles } from "../video/load-video.js";
import type { RedrawJob, VisionJob } from "./vision-jobs.js";

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

/** Owns its threads: `close()` it, or declare it with `await using`. */
export class VisionPool {
  readonly workers: number;
  readonly #pool: WorkerPool<VisionJob | RedrawJob, Tiles | VideoTiles | Redrawn>;

  constructor(options: PoolOptions = {}) {
    this.workers = Math.max(1, Math.trunc(options.workers ?? Math.min(availableParallelism(), 8)));
    this.#pool = new WorkerPool({
      url: existingWorkerUrl("./vision-worker.js", import.meta.url),
      workers: this.workers,
      name: "picture loader",
      describe: ({ source }) => (typeof source === "string" ? source : "a picture or video that was given as bytes"),
      onDeath: "replace",
    });
  }

  /** Rejects with what `loadPicture` would throw. */
  async picture(source: PictureSource, options: PictureOptions, signal?: AbortSignal): Promise<Tiles> {
    return this.#run({ kind: "picture", source, options }, signal);
  }

  /** Rejects with what `redrawPicture` would throw. */
  async redraw(source: PictureSource, options: RedrawOptions, signal?: AbortSignal): Promise<Redrawn> {
    // A job of this kind is answered with a file.
    return (await this.#do({ kind: "redraw", source, options }, signal)) as Redrawn;
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
    await this.#pool.close();
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

  async #run(job: VisionJob, signal?: AbortSignal): Promise<Tiles | VideoTiles> {
    return (await this.#do(job, signal)) as Tiles | VideoTiles;
  }

  #do(job: VisionJob | RedrawJob, signal?: AbortSignal): Promise<Tiles | VideoTiles | Redrawn> {
    return this.#pool.run(job, signal === undefined ? {} : { signal });
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
