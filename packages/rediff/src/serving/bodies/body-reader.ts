/** Reads requests' bodies. One thread answers everybody, so what it does for one request has a bound: bodies up to
 *  `ON_THE_SPOT` bytes are judged there, in a millisecond or two and by turns; larger ones in threads, which get the bytes and give back
 *  the pictures without copying. What else comes back fits into a model, or is an error of a few lines. Bodies of a megabyte
 *  do not wait for those of sixteen: each kind has a thread. */
import "../../threads/start-in-turn.js"; // has its threads share a turn
import { WorkerPool } from "../../threads/worker-pool.js";
import { existingWorkerUrl } from "../../threads/worker-url.js";
import { ApiError } from "../http/error-object.js";
import { PieceTurns } from "../http/piece-turns.js";
import type { Asking } from "./asking.js";
import { type AskedBy, type BodyJob, type Judgement, judgeBody, unpackRefusal } from "./judge-body.js";

const ON_THE_SPOT = 16 << 10;
const LARGE = 1 << 20;

/** No body that is bounded as they are takes a second. */
const LONGEST_MS = 20_000;

/** A thread that works on for a client who has left is ended after so long: most are done before. */
const ABANDONED_MS = 2000;

/** The thread of the largest bodies has a heap of hundreds of megabytes, which goes with it when nobody sends such. */
const IDLE_MS = 5000;

/** Of a thread's heap, for each byte of the largest body: text of two bytes a character, its JSON, its values. */
const HEAP_FACTOR = 16;
const LEAST_HEAP_MB = 256;
/** A heap with room for more garbage keeps more of it. */
const MIDDLE_HEAP_MB = 96;

type BodyPool = WorkerPool<BodyJob | "warm", Judgement | undefined>;

/** Owns its threads: `close()` it. */
export class BodyReader {
  readonly #middle: BodyPool;
  readonly #large: BodyPool;
  readonly #turns = new PieceTurns();

  /** @param bodyLimit bytes of the largest body */
  constructor(bodyLimit: number) {
    const pool = (name: string, heapMb: number, idleMs?: number): BodyPool =>
      new WorkerPool({
        ...(idleMs !== undefined && { idleMs }),
        url: existingWorkerUrl("./body-worker.js", import.meta.url),
        workers: 1,
        name,
        describe: () => "the body of a request",
        onDeath: "replace",
        heapMb,
        moved: (job) => (job === "warm" ? [] : job.pieces.map(({ buffer }) => buffer as ArrayBuffer)),
        patience: {
          abandonedMs: ABANDONED_MS,
          longestMs: LONGEST_MS,
          error: () =>
            new ApiError(400, "reading the body took too long; send a smaller one", { code: "invalid_json" }),
        },
      });
    this.#middle = pool("body reader", MIDDLE_HEAP_MB);
    this.#large = pool(
      "large body reader",
      Math.max(LEAST_HEAP_MB, Math.ceil((HEAP_FACTOR * bodyLimit) / (1 << 20))),
      IDLE_MS,
    );
  }

  /** Starts the thread of usual pictures, so that the first does not wait for it. */
  warm(): void {
    this.#middle.run("warm").catch(() => undefined);
  }

  /** @param pieces of the body, each alone in its buffer. They are gone afterwards.
   *  @throws what `judgeBody` throws; the signal's reason when the client has left */
  async read<R extends keyof AskedBy>(
    route: R,
    pieces: readonly Uint8Array[],
    asking: Asking,
    signal: AbortSignal,
  ): Promise<AskedBy[R]> {
    const size = pieces.reduce((sum, { length }) => sum + length, 0);
    const job: BodyJob<R> = { route, pieces, asking };
    if (size <= ON_THE_SPOT) {
      await this.#turns.take();
      signal.throwIfAborted();
      return judgeBody(job);
    }
    const judged = await (size > LARGE ? this.#large : this.#middle).run(job, { signal });
    if (judged === undefined) throw new Error("a body was not judged");
    if ("refused" in judged) throw unpackRefusal(judged.refused);
    return judged.asked as AskedBy[R]; // of the route that was asked
  }

  async close(): Promise<void> {
    await Promise.all([this.#middle.close(), this.#large.close()]);
  }
}
