/** The processes of a run as one of them sees the others: a group to compute with, a store to talk over, and who failed.
 *
 *  A process that is killed says nothing: the others see their connections break. Each of them then says so in the
 *  store, and who has not said anything after a while is the one that is gone. A process that fails by itself leaves its
 *  reason there first. */
import { setTimeout as sleep } from "node:timers/promises";
import { distributed } from "@rediff/torch";
import { z } from "zod";
import { UserError } from "../errors.js";
import type { Place } from "./place.js";
import { refusal } from "./refusal.js";
import { storedValue } from "./stored-value.js";

export interface Ranks extends AsyncDisposable {
  readonly rank: number;
  readonly size: number;
  readonly localRank: number;
  readonly group: distributed.ProcessGroup;
  readonly store: distributed.TcpStore;
  /** How often they have agreed on something: `agreed` counts. */
  agreements: number;
  /** What to tell the user of an error: the rank that is to blame in place of a connection that broke. Tells the others
   *  of it. To be called once, before the process ends. */
  blame(error: unknown): Promise<unknown>;
}

export interface JoinOptions {
  /** For every process to come, and for each collective. Default 600,000. */
  timeoutMs?: number;
  /** "nccl" where the tensors are on GPUs. Default "gloo". */
  backend?: "gloo" | "nccl";
  /** How long the others have to say that they are there still, after something failed. Default 5,000. */
  graceMs?: number;
}

/** Meets the others. @throws UserError when not all come in time */
export async function joinRanks(place: Place, options: JoinOptions = {}): Promise<Ranks> {
  const { timeoutMs = 600_000, backend = "gloo", graceMs = 5_000 } = options;
  const { host, port, keepsStore, prefix, rank, size, localRank } = place;
  let store: distributed.TcpStore | undefined;
  try {
    store = await distributed.connectStore({ host, port, isServer: keepsStore, timeoutMs, prefix });
    const group = await distributed.openGroup({ store, rank, size, backend, timeoutMs });
    return new JoinedRanks({ rank, size, localRank, group, store }, graceMs);
  } catch (cause) {
    await store?.close();
    throw refusal(place, cause);
  }
}

type Facts = Pick<Ranks, "rank" | "size" | "localRank" | "group" | "store">;

/** What a rank leaves for the others. */
const faultSchema = z.object({
  /** The rank's own failure; not that others were gone. */
  own: z.boolean(),
  message: z.string(),
});
type Fault = z.infer<typeof faultSchema>;

class JoinedRanks implements Ranks {
  readonly rank: number;
  readonly size: number;
  readonly localRank: number;
  readonly group: distributed.ProcessGroup;
  readonly store: distributed.TcpStore;
  agreements = 0;
  readonly #graceMs: number;

  constructor(facts: Facts, graceMs: number) {
    this.rank = facts.rank;
    this.size = facts.size;
    this.localRank = facts.localRank;
    this.group = facts.group;
    this.store = facts.store;
    this.#graceMs = graceMs;
  }

  async blame(error: unknown): Promise<unknown> {
    const isOwn = !(error instanceof distributed.DistributedError);
    const message = error instanceof UserError ? error.line : error instanceof Error ? error.message : String(error);
    this.group.abort(message); // nobody here waits any longer, and the others hear of it
    try {
      const fault: Fault = { own: isOwn, message };
      await this.store.set(faultKey(this.rank), JSON.stringify(fault), this.#graceMs);
    } catch {
      return isOwn ? error : gone([0], this.size, "it kept the store that the others meet at");
    }
    const faults = await this.#faults();
    if (isOwn) return error;
    if (faults === undefined) return gone([0], this.size, `${message}; the store that it keeps does not answer either`);
    const failed = [...faults].find(([, fault]) => fault?.own === true);
    if (failed !== undefined) return new UserError(`rank ${failed[0]} of ${this.size} failed: ${failed[1]?.message}`);
    const silent = [...faults].flatMap(([rank, fault]) => (fault === undefined ? [rank] : []));
    if (silent.length > 0) return gone(silent, this.size, message);
    return new UserError(
      message,
      "All processes are there, so it is the network between them, or one that is slower than the time-out allows.",
      { cause: error },
    );
  }

  /** What each rank says, once all have said something or the time is out; undefined where the store does not answer at
   *  all, as the machine of rank 0 has vanished. */
  async #faults(): Promise<Map<number, Fault | undefined> | undefined> {
    const faults = new Map<number, Fault | undefined>();
    const until = performance.now() + this.#graceMs;
    do {
      for (let rank = 0; rank < this.size; rank++) {
        if (faults.get(rank) !== undefined) continue;
        let known: boolean;
        try {
          known = await this.store.has(faultKey(rank), this.#graceMs);
        } catch (error) {
          // The store went with rank 0, which does not wait for others that may be gone.
          return distributed.isTimeout(error) ? undefined : faults;
        }
        const text = known ? await this.store.get(faultKey(rank)) : undefined;
        faults.set(rank, text === undefined ? undefined : faultOf(rank, text));
      }
      if (![...faults.values()].includes(undefined)) break;
      await sleep(50);
    } while (performance.now() < until);
    return faults;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.group.close().catch(() => undefined);
    await this.store.close().catch(() => undefined);
  }
}

const faultKey = (rank: number): string => `rediff/fault/${rank}`;

/** What cannot be read is its rank's failure: this process has one of its own to tell. */
function faultOf(rank: number, text: string): Fault {
  try {
    return storedValue(faultKey(rank), text, faultSchema);
  } catch (error) {
    return { own: true, message: error instanceof Error ? error.message : String(error) };
  }
}

function gone(ranks: readonly number[], size: number, message: string): UserError {
  const who =
    ranks.length === 1 ? `rank ${ranks[0]} of ${size} is gone` : `ranks ${ranks.join(", ")} of ${size} are gone`;
  return new UserError(
    `${who}: killed, or its machine or network is (${message})`,
    "Start the processes again: a training goes on from its last checkpoint.",
  );
}

/** What rank 0 decides, told to all. To be called by all, in the same order; `decide` runs on rank 0 alone.
 *  @param schema of what is decided, which travels as JSON
 *  @throws UserError where what is told is none of it: another version, or another program */
export async function agreed<T>(
  ranks: Ranks | undefined,
  schema: z.ZodType<T>,
  decide: () => T | Promise<T>,
): Promise<T> {
  if (ranks === undefined) return await decide();
  const key = `rediff/agreed/${++ranks.agreements}`;
  if (ranks.rank === 0) {
    const value = await decide();
    await ranks.store.set(key, JSON.stringify({ value }));
    return value;
  }
  const text = await ranks.store.get(key, ranks.group.timeoutMs);
  return storedValue(key, text, z.object({ value: schema })).value as T;
}
