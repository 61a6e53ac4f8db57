/** Work that several processes share without waiting for each other: its items have numbers, and each process takes the
 *  next few of them whenever it is free, over the store that they meet at. Who is slow takes fewer. */
import { setTimeout as sleep } from "node:timers/promises";
import { distributed } from "@rediff/torch";
import { z } from "zod";
import { UserError } from "../errors.js";
import type { Place } from "./place.js";
import { refusal } from "./refusal.js";
import { storedValue } from "./stored-value.js";

const LOOK_MS = 100;

/** How pictures are handed out to processes that decode `batch` of them together: a piece is worth asking for, and what a
 *  process has read ahead of its batch nobody else can take. */
export const pieceOf = (batch: number): { length: number; readAhead: number } => ({
  length: 4 * batch,
  readAhead: batch + 1,
});

export class SharedWork implements AsyncDisposable {
  private constructor(
    readonly rank: number,
    readonly size: number,
    private readonly store: distributed.TcpStore,
  ) {}

  /** @param timeoutMs for rank 0 to keep the store, and to prepare. @throws UserError when it does not come */
  static async join(place: Place, timeoutMs = 600_000): Promise<SharedWork> {
    const { host, port, keepsStore, prefix, rank, size } = place;
    try {
      const store = await distributed.connectStore({ host, port, isServer: keepsStore, timeoutMs, prefix });
      return new SharedWork(rank, size, store);
    } catch (cause) {
      throw refusal(place, cause);
    }
  }

  /** What rank 0 prepares, before any of them begins. */
  async begin(prepare: () => Promise<void>): Promise<void> {
    const [key, { store }] = ["rediff/work/begun", this];
    if (this.rank === 0) {
      await prepare();
      await told(this, () => store.set(key, "1"));
    } else await told(this, () => store.get(key));
  }

  /** Items that are handed out `length` at a time.
   *  @param name tells the rounds of a run apart */
  round(name: string, length: number): WorkRound {
    return new WorkRound(this.store, this, { prefix: `rediff/work/${name}`, length });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.store.close();
  }
}

/** One process' part of a row of items, which all of them go through in the same order.
 *
 *  A piece belongs to whoever first writes its name at it. A process that died and was started again beside the others
 *  begins at the first piece: it gets those back that it had, and those that it had counted and not yet named. */
export class WorkRound {
  #piece = -1;
  /** Pieces that were taken before this process came: the next one to look at, and how many. */
  #early = 0;
  #before: number | undefined;

  /** @internal see SharedWork.round */
  constructor(
    private readonly store: distributed.TcpStore,
    private readonly who: { rank: number; size: number },
    private readonly what: { prefix: string; length: number },
  ) {}

  /** Whether this process is to do the `nth` item, from 0. To be asked in growing order; items that all know to be done
   *  need not be asked for. Each item is one process' and no other's. */
  async isOurs(nth: number): Promise<boolean> {
    const piece = Math.floor(nth / this.what.length);
    while (this.#piece < piece) this.#piece = await told(this.who, () => this.#take());
    return this.#piece === piece;
  }

  /** Says that this process has nothing more to do. Rank 0, which keeps the store, waits for all of them, as long as it
   *  takes: a process that dies is its launcher's to tell.
   *  @returns on rank 0 what each gives as `report`, by rank */
  async end<T>(report: T, schema: z.ZodType<T>, signal?: AbortSignal): Promise<T[] | undefined> {
    const { store, who } = this;
    await told(who, () => store.set(this.#key(`ended/${who.rank}`), JSON.stringify(report)));
    if (who.rank !== 0) return undefined;
    const reports: T[] = [];
    for (let rank = 0; rank < who.size; rank++) {
      const key = this.#key(`ended/${rank}`);
      while (!(await told(who, () => store.has(key)))) {
        signal?.throwIfAborted();
        await sleep(LOOK_MS);
      }
      reports.push(storedValue(key, await told(who, () => store.get(key)), schema));
    }
    return reports;
  }

  /** The next piece that is this process' own: always a later one. */
  async #take(): Promise<number> {
    const { store } = this;
    const me = String(this.who.rank);
    if (this.#before === undefined) {
      // Rank 0 may be putting the results together already.
      if (await store.has(this.#key(`ended/${me}`))) return Number.POSITIVE_INFINITY;
      this.#before = await store.add(this.#key("taken"), 0);
    }
    for (;;) {
      const isEarly = this.#early < this.#before;
      const piece = isEarly ? this.#early++ : (await store.add(this.#key("taken"), 1)) - 1;
      if ((await store.compareSet(this.#key(`of/${piece}`), "", me)) === me) return piece;
    }
  }

  #key(name: string): string {
    return `${this.what.prefix}/${name}`;
  }
}

/** For rounds that have nothing to report but counts. */
export const countsSchema = z.record(z.string(), z.number());

async function told<T>({ size }: { size: number }, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    if (!(cause instanceof distributed.DistributedError)) throw cause;
    throw new UserError(
      `rank 0 of ${size}, which keeps the store, does not answer: killed, or its machine or network is (${cause.message})`,
      "Start the same command again: it goes on with what was done.",
      { cause },
    );
  }
}
