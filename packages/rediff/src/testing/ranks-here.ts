/** Several ranks in one process, each with connections of its own: all that several processes do together but dying. */
import { distributed } from "@rediff/torch";
import { joinRanks, type Ranks } from "../ranks/ranks.js";
import { SharedWork } from "../ranks/shared-work.js";

export interface RanksHereOptions {
  timeoutMs?: number;
  graceMs?: number;
}

/** What `body` comes to on each of `size` ranks, at the same time. */
export async function onRanks<T>(
  size: number,
  body: (ranks: Ranks) => Promise<T>,
  options: RanksHereOptions = {},
): Promise<PromiseSettledResult<T>[]> {
  const timeoutMs = options.timeoutMs ?? 60_000;
  const server = await distributed.connectStore({ host: "127.0.0.1", port: 0, isServer: true, timeoutMs });
  const place = { size, localRank: 0, host: "127.0.0.1", port: server.port, keepsStore: false, prefix: "" };
  try {
    return await Promise.allSettled(
      Array.from({ length: size }, async (_, rank) => {
        await using ranks = await joinRanks(
          { ...place, rank, launcher: "rediff launch" },
          { timeoutMs, graceMs: options.graceMs ?? 3_000 },
        );
        return await body(ranks);
      }),
    );
  } finally {
    await server.close();
  }
}

/** The same where all have to end well. */
export async function valuesOnRanks<T>(
  size: number,
  body: (ranks: Ranks) => Promise<T>,
  options: RanksHereOptions = {},
): Promise<T[]> {
  const results = await onRanks(size, body, options);
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  return results.map((result) => (result as PromiseFulfilledResult<T>).value);
}

/** Processes that share work: `join(rank)` is one that was just started, as often as it is called. */
export async function withSharedWork<T>(
  size: number,
  body: (join: (rank: number) => Promise<SharedWork>, store: distributed.TcpStore) => Promise<T>,
): Promise<T> {
  const server = await distributed.connectStore({ host: "127.0.0.1", port: 0, isServer: true, timeoutMs: 60_000 });
  const place = { size, localRank: 0, host: "127.0.0.1", port: server.port, keepsStore: false, prefix: "" };
  const joined: SharedWork[] = [];
  try {
    return await body(async (rank) => {
      const work = await SharedWork.join({ ...place, rank, launcher: "rediff launch" }, 60_000);
      joined.push(work);
      return work;
    }, server);
  } finally {
    for (const work of joined) await work[Symbol.asyncDispose]();
    await server.close();
  }
}

/** What `body` comes to in each of `size` processes that share work. */
export const onSharedWork = <T>(size: number, body: (work: SharedWork) => Promise<T>): Promise<T[]> =>
  withSharedWork(size, (join) =>
    Promise.all(Array.from({ length: size }, async (_, rank) => await body(await join(rank)))),
  );
