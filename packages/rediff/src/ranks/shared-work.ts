/** Work that several processes share without waiting for each other: its pieces have numbers, and each process takes the
 *  next one whenever it is free, over the store that they meet at. Who is slow takes fewer. */
import { setTimeout as sleep } from "node:timers/promises";
import { distributed } from "@rediff/torch";
import { UserError } from "../errors.js";
import type { Place } from "./place.js";

const LOOK_MS = 100;

export class SharedWork implements AsyncDisposable {
  private constructor(
    readonly rank: number,
    readonly size: number,
    private readonly store: distributed.TcpStore,
    private readonly timeoutMs: number,
  ) {}

  /** @param timeoutMs for rank 0 to keep the store, and to prepare. @throws UserError when it does not come */
  static async join(place: Place, timeoutMs = 600_000): Promise<SharedWork> {
    const { host, port, keepsStore, prefix, rank, size } = place;
    try {
      const store = await distributed.connectStore({ host, port, isServer: keepsStore, timeoutMs, prefix });
      return new SharedWork(rank, size, store, timeoutMs);
    } catch (cause) {
      if (!(cause instanceof distributed.DistributedError)) throw cause;
      throw new UserError(cause.message, "Was the process of rank 0 started?", { cause });
    }
  }

  /** What rank 0 prepares, before any of them begins. */
  async begin(prepare: () => Promise<void>): Promise<void> {
    if (this.rank === 0) {
      await prepare();
      await this.store.set("rediff/work/begun", "1");
    } else await this.store.get("rediff/work/begun", this.timeoutMs);
  }

  /** The next piece of `count`; undefined when all are taken. No piece is given out twice. */
  async next(count: number): Promise<number | undefined> {
    const piece = (await this.store.add("rediff/work/next", 1)) - 1;
    return piece < count ? piece : undefined;
  }

  /** Says that this process has nothing more to do. Rank 0, which keeps the store, waits for all of them.
   *  @returns on rank 0 the sum of what all give as `count` */
  async end(count: number, signal?: AbortSignal): Promise<number | undefined> {
    await this.store.add("rediff/work/count", count);
    await this.store.add("rediff/work/ended", 1);
    if (this.rank !== 0) return undefined;
    // As long as it takes: a process that dies is its launcher's to tell.
    while ((await this.store.add("rediff/work/ended", 0)) < this.size) {
      signal?.throwIfAborted();
      await sleep(LOOK_MS);
    }
    return await this.store.add("rediff/work/count", 0);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.store.close();
  }
}
