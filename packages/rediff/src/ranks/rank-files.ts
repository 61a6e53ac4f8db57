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
import { NumberedLines } from "./numbered-lines.js";

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
  /** Reads a file and mends its end, and hands on what tells each record from others, with its line's number from 1.
   *  @throws where the file is another run's */
  read(path: string, onRecord: (key: K, line: number) => void): Promise<void>;
  /** Among the records; those of one place stay in the order in which they are found. */
  placeOf(key: K): number;
}

/** Puts what is in the output and in the ranks' files into the output, each record once, in their order: of two with one
 *  key the last. Lines are copied byte for byte; in memory are their keys and where they lie. */
export async function mergeRankFiles<K>(output: string, { read, placeOf }: Merging<K>): Promise<void> {
  const parts = await rankFiles(output);
  if (parts.length === 0) return;
  const paths = [output, ...parts];
  /** Of each record its file and line, as one number: ten million of them have to fit. */
  const found = new Map<K, number>();
  for (const [i, path] of paths.entries()) await read(path, (key, line) => found.set(key, i * LINES + line));
  const sources = new Map<number, NumberedLines>();
  const file = await AtomicFile.create(output);
  try {
    for (const where of inPlace(found, placeOf)) {
      const i = Math.floor(where / LINES);
      const source = sources.get(i) ?? (await NumberedLines.open(paths[i] ?? output));
      sources.set(i, source);
      await file.write(await source.read(where % LINES));
    }
    await file.commit();
  } finally {
    await file.abort();
    for (const source of sources.values()) await source.close();
  }
  for (const path of parts) await rm(path, { force: true });
}

/** More than a file has; 2 ** 53 / LINES files fit. */
const LINES = 2 ** 36;

/** The values of a map in the order of their keys' places. */
function* inPlace<K>(found: ReadonlyMap<K, number>, placeOf: (key: K) => number): Generator<number> {
  const [places, wheres] = [new Float64Array(found.size), new Float64Array(found.size)];
  let count = 0;
  for (const [key, where] of found) {
    places[count] = placeOf(key);
    wheres[count++] = where;
  }
  const order = Uint32Array.from(places.keys()).sort((a, b) => (places[a] ?? 0) - (places[b] ?? 0) || a - b);
  for (const i of order) yield wheres[i] ?? 0;
}
