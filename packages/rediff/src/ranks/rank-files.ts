/** Lines that several processes write: each appends to a file of its own beside the output, and rank 0 puts them together,
 *  before they begin (what an earlier run has left) and when all have ended:
 *
 *      captions.jsonl
 *      captions.jsonl.rank-00001-of-00004     while they work
 *
 *  A process that is killed at any moment leaves whole lines in its file, or half a line that is taken away; one that is
 *  killed while it puts files together leaves them all. So nothing is lost, and nothing is there twice. */
import { readdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { AtomicFile } from "../files/atomic-file.js";

const padded = (number: number): string => String(number).padStart(5, "0");

export const rankFile = (output: string, { rank, size }: { rank: number; size: number }): string =>
  `${output}.rank-${padded(rank)}-of-${padded(size)}`;

async function rankFiles(output: string): Promise<string[]> {
  const folder = dirname(output);
  const names = await readdir(folder).catch(() => []);
  const [own, rest] = [basename(output), /^\.rank-\d{5}-of-\d{5}$/];
  return names
    .filter((name) => name.startsWith(own) && rest.test(name.slice(own.length)))
    .sort()
    .map((name) => join(folder, name));
}

export interface Merging<K> {
  /** Reads a file, and hands on every record with what tells it from others. @throws where the file is another run's */
  read(path: string, onRecord: (key: K, record: object) => void): Promise<void>;
  /** Among the records; those of one place stay in the order in which they are found. */
  placeOf(key: K): number;
}

/** Puts what is in the output and in the ranks' files into the output, each record once, in their order: of two with one
 *  key the last. All of it is in memory meanwhile. */
export async function mergeRankFiles<K>(output: string, { read, placeOf }: Merging<K>): Promise<void> {
  const parts = await rankFiles(output);
  if (parts.length === 0) return;
  const found = new Map<K, string>();
  for (const path of [output, ...parts]) await read(path, (key, record) => found.set(key, JSON.stringify(record)));
  const file = await AtomicFile.create(output);
  try {
    for (const [, line] of [...found].sort(([a], [b]) => placeOf(a) - placeOf(b))) await file.write(`${line}\n`);
    await file.commit();
  } finally {
    await file.abort();
  }
  for (const path of parts) await rm(path, { force: true });
}
