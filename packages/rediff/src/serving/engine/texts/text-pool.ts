/** Texts to ids in threads of their own, off the server's event loop and out of the model's process. Short texts do not
 *  wait for long ones: each kind has a thread. */
import { UserError } from "../../../errors.js";
import { textLength } from "../../../inference/limits/text-room.js";
import type { ResolvedRequest } from "../../../inference/resolve.js";
import "../../../threads/start-in-turn.js"; // has its threads share a turn
import type { Quantization } from "../../../models/quantization.js";
import { WorkerPool } from "../../../threads/worker-pool.js";
import { existingWorkerUrl } from "../../../threads/worker-url.js";
import type { TextJob } from "./text-jobs.js";

export interface TextPoolOptions {
  /** The model's. */
  folder: string;
  /** Of an adapter. */
  base?: string | undefined;
  /** What its weights are rounded to while it is loaded: requests are to say so, and its folder does not. */
  quantize?: Quantization | undefined;
}

/** UTF-16 units of a short text: milliseconds. */
const SHORT = 8192;

/** What fits into a model takes a second or two; nothing may take a thread for ever. */
const TEXT_SECONDS = 20;

/** A thread that works on for nobody is ended after so long: most are done before, and starting one takes longer. */
const PATIENCE_MS = 500;

/** The thread of long texts goes, and its heap with it, when there are none. */
const IDLE_MS = 5000;

/** Of a thread's heap. A large vocabulary takes a quarter of it. */
const HEAP_MB = 1024;

export class TextPool {
  readonly #short: WorkerPool<TextJob | "warm", ResolvedRequest | undefined>;
  readonly #long: WorkerPool<TextJob | "warm", ResolvedRequest | undefined>;

  constructor(options: TextPoolOptions) {
    const { folder, base, quantize } = options;
    const pool = (name: string, idleMs?: number) =>
      new WorkerPool<TextJob | "warm", ResolvedRequest | undefined>({
        ...(idleMs !== undefined && { idleMs }),
        url: existingWorkerUrl("./text-worker.js", import.meta.url),
        workers: 1,
        workerData: { folder, base, quantize } satisfies TextPoolOptions,
        name,
        describe: () => "the text of a request",
        onDeath: "replace",
        heapMb: HEAP_MB,
        patience: {
          abandonedMs: PATIENCE_MS,
          longestMs: TEXT_SECONDS * 1000,
          error: () =>
            new UserError(`reading the text took longer than ${TEXT_SECONDS} seconds`, "Send a shorter text"),
        },
      });
    this.#short = pool("text reader");
    this.#long = pool("long text reader", IDLE_MS);
  }

  /** Starts the thread of short texts, so that the first request does not wait for it. */
  warm(): void {
    // What is wrong with the folder, loading the model tells.
    this.#short.run("warm").catch(() => undefined);
  }

  /** @throws UserError when the request is wrong or does not fit; the signal's reason when its client has gone */
  async resolve(job: TextJob, signal: AbortSignal): Promise<ResolvedRequest> {
    const pool = textLength(job.asked) > SHORT ? this.#long : this.#short;
    try {
      // A job that is no "warm" has an answer.
      return (await pool.run(job, { signal })) as ResolvedRequest;
    } catch (cause) {
      if (!(cause instanceof Error && /memory limit/.test(cause.message))) throw cause;
      throw new UserError("reading the text took too much memory", "Send a shorter text", { cause });
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#short.close(), this.#long.close()]);
  }
}
