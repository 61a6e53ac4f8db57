/** The training data as one long list: files, brace lists and mixtures behind each other, any record by its number.
 *
 *  Only places are held (see file-index.ts). A record is read by a RecordReader, in whatever thread. */
import { stat } from "node:fs/promises";
import { extname } from "node:path";
import { UserError } from "../errors.js";
import { fileError } from "../vision/files.js";
import { expandBraces } from "./braces.js";
import { type FileIndex, indexFile, placeOf, type RecordPlace } from "./file-index.js";
import { applyStrategy, mixturePaths, readMixture, type Strategy } from "./mixture.js";
import { mixSeed, streams } from "./random.js";

/** Records of one file: `count` from `first` on, or those of `chosen` in this order. */
export interface RecordPart {
  readonly index: FileIndex;
  readonly first: number;
  readonly count: number;
  readonly chosen?: Uint32Array;
}

export interface Records {
  readonly count: number;
  /** In the order of the data; a file may come twice. */
  readonly parts: readonly RecordPart[];
  /** @throws RangeError when there is no such record */
  place(record: number): RecordPlace;
}

export interface OpenOptions {
  /** Decides which records `random:N` takes. Default 42. */
  seed?: number;
  /** Bytes indexed so far, and bytes of all files. */
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

/** Opens `data_path`: files (.json, .jsonl, .tar), brace lists of them, mixtures (.yaml), or a list of all these.
 *  @throws UserError when a file is missing, of an unknown kind or damaged, and when there is no record at all */
export async function openRecords(paths: string | readonly string[], options: OpenOptions = {}): Promise<Records> {
  const listed = await listFiles([paths].flat());
  const sizes = await Promise.all([...new Set(listed.map(({ file }) => file))].map(fileSize));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  let done = 0;
  const onBytes = (bytes: number) => {
    done += bytes;
    options.onProgress?.(done, total);
  };
  const indexes = new Map<string, FileIndex>();
  const parts: RecordPart[] = [];
  for (const [place, { file, strategy }] of listed.entries()) {
    const scan = { onBytes, ...(options.signal && { signal: options.signal }) };
    const index = indexes.get(file) ?? (await indexFile(file, scan));
    indexes.set(file, index);
    const seed = mixSeed(options.seed ?? 42, streams.mixture, place);
    parts.push({ index, ...applyStrategy(strategy, index.count, seed) });
  }
  const records = joinParts(parts);
  if (records.count === 0) {
    throw new UserError(
      `${[paths].flat().join(", ")}: no records${listed.length > 0 ? ` in ${listed.length} files` : ""}`,
      "Check data_path, and sampling_strategy if it is a mixture",
    );
  }
  return records;
}

export function joinParts(parts: readonly RecordPart[]): Records {
  const firsts = [0];
  for (const { count } of parts) firsts.push((firsts.at(-1) ?? 0) + count);
  const count = firsts.at(-1) ?? 0;
  return {
    count,
    parts,
    place(record) {
      const [number, part] = findPart(parts, firsts, record);
      if (part === undefined) throw new RangeError(`there is no record ${record}, only ${count}`);
      const within = record - (firsts[number] ?? 0);
      return placeOf(part.index, part.chosen?.[within] ?? part.first + within);
    },
  };
}

/** The last part that starts at or before the record, by bisection: shards can be many. */
function findPart(
  parts: readonly RecordPart[],
  firsts: readonly number[],
  record: number,
): [number, RecordPart | undefined] {
  let [low, high] = [0, parts.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((firsts[middle] ?? 0) <= record) low = middle;
    else high = middle;
  }
  const isThere = Number.isInteger(record) && record >= 0 && record < (firsts.at(-1) ?? 0);
  return [low, isThere ? parts[low] : undefined];
}

interface ListedFile {
  file: string;
  strategy: Strategy;
}

async function listFiles(paths: readonly string[]): Promise<ListedFile[]> {
  const listed: ListedFile[] = [];
  for (const path of paths) {
    for (const file of await expand(path)) {
      if (![".yaml", ".yml"].includes(extname(file).toLowerCase())) listed.push({ file, strategy: { kind: "all" } });
      else listed.push(...(await listMixture(file)));
    }
  }
  return listed;
}

async function listMixture(mixture: string): Promise<ListedFile[]> {
  const listed: ListedFile[] = [];
  for (const entry of await readMixture(mixture)) {
    const tried = mixturePaths(entry);
    const files = await firstThere(tried);
    if (files === undefined) {
      throw new UserError(`${mixture}: ${entry.path} is missing; tried ${tried.join(", ")}`, "Correct its json_path");
    }
    if (files.length > 1 && entry.strategy.kind !== "all") {
      throw new UserError(
        `${mixture}: ${entry.path} is ${files.length} files, of which a share is to be taken`,
        "Give each file an entry of its own, or take all",
      );
    }
    listed.push(...files.map((file) => ({ file, strategy: entry.strategy })));
  }
  return listed;
}

async function firstThere(candidates: readonly string[]): Promise<string[] | undefined> {
  for (const candidate of candidates) {
    const files = await expand(candidate);
    if (files[0] !== undefined && (await exists(files[0]))) return files;
  }
  return undefined;
}

/** A file whose name has braces is taken as it is. */
async function expand(path: string): Promise<string[]> {
  if (path.includes("{") && (await exists(path))) return [path];
  return expandBraces(path);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function fileSize(file: string): Promise<number> {
  const info = await stat(file).catch((cause: unknown) => {
    throw fileError(file, cause);
  });
  if (info.isDirectory()) {
    throw new UserError(
      `${file}: is a folder; expected a data file`,
      "Name the .json, .jsonl, .tar or .yaml file in it",
    );
  }
  return info.size;
}
