/** Pictures and videos to tiles in worker threads, off the thread that runs the model, or in processes, where nothing that
 *  a file does to its decoder reaches anybody else.
 *
 *  A worker does one job at a time. From a thread the pixels of a result are moved, not copied; a picture given as bytes
 *  is copied on its way in, so that the caller keeps it. */

import { availableParallelism } from "node:os";
import { WorkerPool } from "../../threads/worker-pool.js";
import { existingWorkerUrl } from "../../threads/worker-url.js";
import type { PictureSource } from "../picture/decode-picture.js";
import type { PictureOptions } from "../picture/load-picture.js";
import type { Redrawn, RedrawOptions } from "../picture/redraw-picture.js";
import type { Size } from "../tiles/anyres.js";
import type { Tiles } from "../tiles/tiles.js";
import { type VideoSource, videoName } from "../video/decoder-process.js";
import type { VideoOptions, VideoTiles } from "../video/load-video.js";
import { withDefaults } from "../video/video-limits.js";
import { type DecodingLimits, deathError, processesUnder, tookTooLong, withoutRiddles } from "./decoding-limits.js";
import type { AnyJob, JobOutput, VisionJob } from "./vision-jobs.js";

export interface PoolOptions {
  /** Threads or processes at most. Default: one for each core, 8 at most. */
  readonly workers?: number;
  /** Decode in processes, under these limits: for files of strangers. A process takes a third of a second to begin. A
   *  file that crashes its decoder or goes beyond the limits fails alone. Default threads of this process. */
  readonly isolation?: DecodingLimits;
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
  readonly #pool: WorkerPool<AnyJob, JobOutput>;

  readonly #limits: DecodingLimits | undefined;

  constructor(options: PoolOptions = {}) {
    const limits = options.isolation;
    this.#limits = limits;
    this.workers = Math.max(1, Math.trunc(options.workers ?? Math.min(availableParallelism(), 8)));
    this.#pool = new WorkerPool({
      url: existingWorkerUrl("./vision-worker.js", import.meta.url),
      workers: this.workers,
      name: "picture loader",
      describe: ({ source }) => (typeof source === "string" ? source : "a picture or video that was given as bytes"),
      onDeath: "replace",
      fair: true,
      ...(limits !== undefined && {
        processes: processesUnder(limits),
        deathError: (job, death) => deathError(nameOf(job), limits, death),
        patience: {
          abandonedMs: ABANDONED_MS,
          longestMs: (job) => 1000 * secondsFor(job, limits),
          error: (job) => tookTooLong(nameOf(job), secondsFor(job, limits)),
        },
      }),
    });
  }

  /** Rejects with what `loadPicture` would throw. */
  async picture(source: PictureSource, options: PictureOptions, signal?: AbortSignal): Promise<Tiles> {
    return this.#run({ kind: "picture", source, options }, signal);
  }

  /** Before pictures that wait to be decoded. Rejects with what `measurePicture` would throw. */
  async size(source: PictureSource, options: PictureOptions, signal?: AbortSignal): Promise<Size> {
    return (await this.#do({ kind: "size", source, options }, signal, true)) as Size;
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

  async #do(job: AnyJob, signal?: AbortSignal, urgent = false): Promise<JobOutput> {
    const running = this.#pool.run(job, { urgent, ...(signal !== undefined && { signal }) });
    if (this.#limits === undefined) return running;
    try {
      return inOwnMemory(await running);
    } catch (error) {
      throw withoutRiddles(error, nameOf(job), this.#limits);
    }
  }
}

/** A picture under way that nobody waits for is soon done, as a rule, and a process that is ended takes as long to start
 *  again. */
const ABANDONED_MS = 500;

/** A video ends by itself when its time is over; this is for one that does not. */
const GRACE_SECONDS = 15;

const secondsFor = (job: AnyJob, { seconds }: DecodingLimits): number =>
  job.kind === "video" ? withDefaults(job.options.limits ?? {}).seconds + GRACE_SECONDS : seconds;

function nameOf(job: AnyJob): string {
  if (job.kind === "video") return videoName(job.source);
  return typeof job.source === "string" ? job.source : (job.options.name ?? "picture");
}

/** What comes from a process lies among the other bytes of its message, which would be kept, and could not be moved. */
function inOwnMemory(result: JobOutput): JobOutput {
  if ("pixels" in result) return { ...result, pixels: new Uint8Array(result.pixels) };
  return "bytes" in result ? { ...result, bytes: new Uint8Array(result.bytes) } : result;
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
