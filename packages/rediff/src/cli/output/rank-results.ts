/** Results of several processes: each appends to a file of its own beside the output, and rank 0 puts them together, before
 *  they begin (what an earlier run has left) and when all have ended:
 *
 *      captions.jsonl
 *      captions.jsonl.rank-00001-of-00004     while they work
 *
 *  A process that is killed at any moment leaves whole lines in its file, or half a line that is taken away; one that is
 *  killed while it puts files together leaves them all. So nothing is lost, and nothing is there twice. */
import { readdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { AtomicFile } from "../../files/atomic-file.js";
import type { ResultOrigin } from "../../pipeline/drafts/result-origin.js";
import { ResultsFile } from "./results-file.js";

const padded = (number: number): string => String(number).padStart(5, "0");

export const rankFile = (output: string, rank: number, size: number): string =>
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

/** Puts what is in the output and in the ranks' files into the output: each result once, in the order of `names`; others,
 *  of an earlier run over other pictures, come first.
 *  @throws UserError for results of another model or other options */
export async function mergeResults(output: string, names: readonly string[], origin: ResultOrigin): Promise<void> {
  const parts = await rankFiles(output);
  if (parts.length === 0) return;
  const places = new Map(names.map((name, place) => [name, place]));
  const found = new Map<string, string>();
  const onRecord = (record: { image: string }): void => {
    if (!found.has(record.image)) found.set(record.image, JSON.stringify(record));
  };
  for (const path of [output, ...parts]) await (await ResultsFile.open(path, origin, onRecord)).close();
  const file = await AtomicFile.create(output);
  try {
    const placeOf = (name: string) => places.get(name) ?? -1;
    const ordered = [...found].sort(([a], [b]) => placeOf(a) - placeOf(b));
    for (const [, line] of ordered) await file.write(`${line}\n`);
    await file.commit();
  } finally {
    await file.abort();
  }
  for (const path of parts) await rm(path, { force: true });
}
