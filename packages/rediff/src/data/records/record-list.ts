/** The training data as one long list: files, brace lists and mixtures behind each other, any record by its number.
 *
 *  Only places are held (see file-index.ts). A record is read by a RecordReader, in whatever thread. */
import { stat } from "node:fs/promises";
import { extname } from "node:path";
import { UserError } from "../../errors.js";
import { fileError } from "../../files/read-errors.js";
import { storedPath } from "../../files/stored-path.js";
import { expandBraces } from "./brace-expansion.js";
import { type FileIndex, placeOf, type RecordPlace } from "./file-index.js";
import { applyStrategy, mixturePaths, parseStrategy, readMixture, type Selection, type Strategy } from "./mixture.js";
import { indexFile } from "./scan-file.js";
import { mixSeed, streams } from "./seeded-random.js";

/** A file, brace list or mixture with how much of it is taken, in the words of mixture files. */
export interface DataFile {
  json_path: string;
  /** all, first:N, end:N or random:N; default all. */
  sampling_strategy?: string | undefined;
}

/** Records of one file: `count` from `first` on, or those of `chosen` in this order. */
export interface RecordPart extends Selection {
  readonly index: FileIndex;
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

/** Opens training data: files (.json, .jsonl, .tar), brace lists of them, mixtures (.yaml), or a list of all these.
 *  @throws UserError when a file is missing, of an unknown kind or damaged, and when there is no record at all */
export async function openRecords(
  data: string | DataFile | readonly (string | DataFile)[],
  options: OpenOptions = {},
): Promise<Records> {
  const given: DataFile[] = [data].flat().map((one) => (typeof one === "string" ? { json_path: one } : one));
  const { groups, sizes } = await findFiles(given);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  let done = 0;
  const scan = {
    onBytes: (bytes: number) => {
      done += bytes;
      options.onProgress?.(done, total);
    },
    ...(options.signal && { signal: options.signal }),
  };
  const indexes = new Map<string, FileIndex>();
  const parts: RecordPart[] = [];
  for (const [place, { files, strategy }] of groups.entries()) {
    const whole: RecordPart[] = [];
    for (const file of files) {
      const index = indexes.get(file) ?? (await indexFile(file, scan));
      indexes.set(file, index);
      whole.push({ index, first: 0, count: index.count });
    }
    const available = whole.reduce((sum, { count }) => sum + count, 0);
    const seed = mixSeed(options.seed ?? 42, streams.mixture, place);
    parts.push(...select(whole, applyStrategy(strategy, available, seed)));
  }
  const records = joinParts(parts);
  if (records.count > 0) return records;
  throw new UserError(
    `${given.map(({ json_path }) => json_path).join(", ")}: no records`,
    "Check the data, and sampling_strategy if it is a mixture",
  );
}

/** The files behind what was given, and their sizes. @throws UserError when one is missing or of an unknown kind */
export async function findFiles(given: readonly DataFile[]): Promise<{ groups: FileGroup[]; sizes: number[] }> {
  const groups: FileGroup[] = [];
  for (const file of given) groups.push(...(await listFiles(file)));
  return { groups, sizes: await Promise.all([...new Set(groups.flatMap(({ files }) => files))].map(fileSize)) };
}

/** Part of several whole files, as if they were one. A random choice stays in its order within each file. */
function select(whole: readonly RecordPart[], { first, count, chosen }: Selection): RecordPart[] {
  const parts: RecordPart[] = [];
  let start = 0;
  for (const part of whole) {
    const end = start + part.count;
    if (chosen !== undefined) {
      const own = chosen.filter((record) => record >= start && record < end).map((record) => record - start);
      if (own.length > 0) parts.push({ ...part, count: own.length, chosen: own });
    } else {
      const [from, to] = [Math.max(first, start), Math.min(first + count, end)];
      if (from < to) parts.push({ ...part, first: from - start, count: to - from });
    }
    start = end;
  }
  return parts;
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

/** Files of which a strategy takes its share, together. */
interface FileGroup {
  files: string[];
  strategy: Strategy;
}

async function listFiles({ json_path, sampling_strategy = "all" }: DataFile): Promise<FileGroup[]> {
  const files = await expand(json_path);
  const mixtures = files.filter(isMixture);
  if (mixtures.length === 0) return [{ files, strategy: parseStrategy(sampling_strategy, `${json_path}: `) }];
  if (mixtures.length < files.length || sampling_strategy !== "all") {
    throw new UserError(
      `${json_path}: a mixture cannot be ${sampling_strategy === "all" ? "mixed with data files" : "sampled itself"}`,
      "Write sampling_strategy into the mixture, for each of its files",
    );
  }
  return (await Promise.all(mixtures.map(listMixture))).flat();
}

const isMixture = (file: string): boolean => [".yaml", ".yml"].includes(extname(file).toLowerCase());

async function listMixture(mixture: string): Promise<FileGroup[]> {
  const groups: FileGroup[] = [];
  for (const entry of await readMixture(mixture)) {
    const tried = mixturePaths(entry);
    const files = await firstThere(tried);
    if (files === undefined) {
      throw new UserError(`${mixture}: ${entry.path} is missing; tried ${tried.join(", ")}`, "Correct its json_path");
    }
    const inner = files.find(isMixture);
    if (inner !== undefined)
      throw new UserError(`${mixture}: ${inner} is a mixture itself`, "Write its files into this one");
    groups.push({ files, strategy: entry.strategy });
  }
  return groups;
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
  return expandBraces(path).map((file) => storedPath(file) ?? file);
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
