/** Which documents of a data set a run is about: the first ones, or one part of several. What counts together stays together. */
import { OptionError } from "../../errors.js";
import type { Task } from "../task.js";
import { type DocumentSource, withoutBytes } from "./document-source.js";

export interface Shard {
  /** From 1. */
  index: number;
  count: number;
}

export interface Choice {
  limit?: number | undefined;
  shard?: Shard | undefined;
}

/** "2/8" */
export function parseShard(text: string): Shard {
  const [, index, count] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  const shard = { index: Number(index), count: Number(count) };
  if (shard.index >= 1 && shard.index <= shard.count) return shard;
  throw new OptionError("shard", `"${text}" is no part of a whole`, "Write I/N, from 1/N to N/N.");
}

export interface Chosen {
  has(index: number): boolean;
  count: number;
  /** Behind this one nothing more is chosen. */
  last: number;
}

/** Parts are dealt in turns, so that each has something of every subject. */
export async function chooseDocuments(task: Task, source: DocumentSource, choice: Choice): Promise<Chosen> {
  const total = source.count ?? choice.limit ?? 0;
  const { limit = total, shard } = choice;
  const { together } = task;
  if (together === undefined || (limit >= total && shard === undefined)) {
    const most = Math.min(limit, total);
    const has = (index: number) => index < most && (shard === undefined || index % shard.count === shard.index - 1);
    const count = shard === undefined ? most : Math.floor((most - shard.index) / shard.count) + 1;
    return { has, count: Math.max(0, count), last: most - 1 };
  }
  const keys: string[] = [];
  for await (const { document } of source.documents()) keys.push(together(withoutBytes(document)));
  const first = new Set(keys.slice(0, limit));
  const dealt = new Map([...first].map((key, i) => [key, i]));
  const isOurs = (key: string) => {
    const place = dealt.get(key);
    return place !== undefined && (shard === undefined || place % shard.count === shard.index - 1);
  };
  const indices = new Set([...keys.keys()].filter((i) => isOurs(keys[i] ?? "")));
  return { has: (index) => indices.has(index), count: indices.size, last: Math.max(-1, ...indices) };
}
