/** The weights in a model folder of Hugging Face's layout: one file, or shards listed by an index.
 *
 *  Where both are there, `model.safetensors.index.json` decides: it says what belongs together, and a `model.safetensors`
 *  beside it mostly is a leftover (transformers takes that one). An index none of whose files is there is a leftover
 *  itself. Beyond these, the only safetensors file, or the only index, of a folder is taken whatever its name. What else
 *  looks like weights of a whole model is `unread`. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join } from "node:path";
import type { Tensor } from "../tensor.js";
import {
  MAX_DEPTH,
  MAX_HEADER_BYTES,
  plainReason,
  quoted,
  SafetensorsError,
  systemReason,
  type TensorInfo,
  tooDeepAt,
} from "./format.js";
import { SafetensorsFile } from "./read.js";

export const SINGLE_FILE = "model.safetensors";
export const INDEX_FILE = "model.safetensors.index.json";

export interface Checkpoint extends Disposable {
  /** In the order of the files and of their headers. */
  names(): string[];
  has(name: string): boolean;
  /** @throws SafetensorsError when there is no such tensor */
  info(name: string): TensorInfo & { file: string };
  /** A tensor over the mapped file; see `SafetensorsFile.get`. */
  get(name: string): Tensor;
  /** One in memory of its own; see `SafetensorsFile.read`. */
  read(name: string): Tensor;
  /** Of all files; where they differ, the first one's. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Paths of the safetensors files. */
  readonly files: readonly string[];
  /** The index that names `files`; undefined where there is a single file. */
  readonly index: string | undefined;
  /** Names of files in the folder that look like weights of a whole model too, and are not read. */
  readonly unread: readonly string[];
  /** Of all tensors. */
  readonly totalBytes: number;
}

/** Opens a folder, a safetensors file or an index file. Headers are read and checked, data is not touched.
 *  @throws SafetensorsError when something is missing, damaged or contradictory */
export function openCheckpoint(folderOrFile: string): Checkpoint {
  const weights = locateWeights(folderOrFile);
  const index = weights.endsWith(".json") ? readIndex(weights) : undefined;
  const paths = index === undefined ? [weights] : shardPaths(weights, index);
  const files = paths.map((path) => SafetensorsFile.open(path));

  const owners = new Map<string, SafetensorsFile>();
  for (const file of files)
    for (const name of file.names()) {
      const other = owners.get(name);
      if (other !== undefined)
        throw new SafetensorsError(`tensor ${quoted(name)} is in ${other.path} and again in ${basename(file.path)}`);
      owners.set(name, file);
    }
  if (index !== undefined) checkIndex(weights, index, owners);

  const owner = (name: string): SafetensorsFile => {
    const file = owners.get(name);
    if (file === undefined) throw new SafetensorsError(`${folderOrFile}: has no tensor ${quoted(name)}`);
    return file;
  };
  let totalBytes = 0;
  for (const file of files) for (const { begin, end } of file.header.tensors.values()) totalBytes += end - begin;
  return {
    names: () => [...owners.keys()],
    has: (name) => owners.has(name),
    info: (name) => {
      const file = owner(name);
      return { ...file.info(name), file: file.path };
    },
    get: (name) => owner(name).get(name),
    read: (name) => owner(name).read(name),
    metadata: Object.assign({}, ...files.map((file) => file.header.metadata).reverse()) as Record<string, string>,
    files: paths,
    index: index === undefined ? undefined : weights,
    unread: weights === folderOrFile ? [] : unreadWeights(folderOrFile, [weights, ...paths]),
    totalBytes,
    [Symbol.dispose]: () => {
      for (const file of files) file[Symbol.dispose]();
    },
  };
}

/** The safetensors file or the index to read. */
function locateWeights(folderOrFile: string): string {
  let isFolder: boolean;
  try {
    isFolder = statSync(folderOrFile).isDirectory();
  } catch (error) {
    throw new SafetensorsError(`${folderOrFile}: cannot be read: ${systemReason(error)}`);
  }
  if (!isFolder) return folderOrFile;
  let names: string[];
  try {
    names = readdirSync(folderOrFile).sort();
  } catch (error) {
    throw new SafetensorsError(`${folderOrFile}: cannot be read: ${systemReason(error)}`);
  }
  const isStale =
    names.includes(SINGLE_FILE) && names.includes(INDEX_FILE) && hasNoShards(join(folderOrFile, INDEX_FILE));
  for (const name of isStale ? [SINGLE_FILE] : [INDEX_FILE, SINGLE_FILE])
    if (names.includes(name)) return join(folderOrFile, name);
  const shards = names.filter((name) => SHARD.test(name));
  if (shards.length > 0 && !names.some((name) => name.endsWith(".safetensors.index.json")))
    throw new SafetensorsError(
      `${folderOrFile}: has shards (${list(shards)}) and no ${INDEX_FILE}, which says what belongs together`,
    );
  for (const ending of [".safetensors.index.json", ".safetensors"]) {
    const found = names.filter((name) => name.endsWith(ending));
    if (found.length === 1) return join(folderOrFile, found[0] as string);
    if (found.length > 1)
      throw new SafetensorsError(
        `${folderOrFile}: has several *${ending} and neither ${SINGLE_FILE} nor ${INDEX_FILE}: ${list(found)}. Name the one to read`,
      );
  }
  const others = names.filter((name) => /\.(bin|pt|pth|ckpt|gguf)$/.test(name));
  throw new SafetensorsError(
    `${folderOrFile}: has no safetensors files${others.length > 0 ? `, only ${list(others)}, which must be converted first` : ""}`,
  );
}

const SHARD = /-\d+-of-\d+\.safetensors$/;

/** Whether none of the files is there that an index names. One that cannot be read is told when it is read. */
function hasNoShards(path: string): boolean {
  try {
    return ![...new Set(readIndex(path).values())].some((file) => existsSync(join(dirname(path), file)));
  } catch {
    return false;
  }
}

/** Weights under the names that such folders have them, other than those that are read. */
function unreadWeights(folder: string, read: readonly string[]): string[] {
  const taken = new Set(read.map((path) => basename(path)));
  const isWeights = (name: string) =>
    /^(model|pytorch_model|consolidated)([.-][^/]+)?\.(safetensors|bin|pth?|gguf)$/.test(name) ||
    name.endsWith(".safetensors.index.json");
  return readdirSync(folder)
    .filter((name) => isWeights(name) && !taken.has(name))
    .sort();
}

type WeightMap = Map<string, string>;

/** Tensor name → file name, from an index. Checked by hand: this package has no dependencies. */
function readIndex(path: string): WeightMap {
  const fail = (problem: string): never => {
    throw new SafetensorsError(`${path}: ${problem}`);
  };
  let text: string;
  try {
    const stat = statSync(path);
    if (!stat.isFile()) return fail("is not a file");
    if (stat.size > MAX_HEADER_BYTES)
      return fail(`has ${stat.size} bytes, and an index has at most ${MAX_HEADER_BYTES}`);
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof SafetensorsError) throw error;
    return fail(`cannot be read: ${systemReason(error)}`);
  }
  const deep = tooDeepAt(text, MAX_DEPTH);
  if (deep >= 0) return fail(`its brackets are nested more than ${MAX_DEPTH} deep at character ${deep}`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    return fail(`is not JSON: ${plainReason(error)}`);
  }
  const weightMap: unknown = (parsed as { weight_map?: unknown } | null)?.weight_map;
  if (typeof weightMap !== "object" || weightMap === null || Array.isArray(weightMap))
    return fail("has no weight_map, an object that gives each tensor its file");
  for (const [name, file] of Object.entries(weightMap)) {
    if (typeof file !== "string" || file === "") fail(`weight_map gives ${quoted(name)} no file name`);
    if (isAbsolute(file) || file.includes("\0") || file.split(/[\\/]/).includes(".."))
      fail(`weight_map puts ${quoted(name)} into ${quoted(file)}, which is outside of the folder`);
  }
  const map: WeightMap = new Map(Object.entries(weightMap as Record<string, string>));
  if (map.size === 0) fail("lists no tensors");
  return map;
}

/** The largest published models have a few hundred. */
const MAX_SHARDS = 10_000;

function shardPaths(index: string, weightMap: WeightMap): string[] {
  const names = [...new Set(weightMap.values())].sort();
  if (names.length > MAX_SHARDS)
    throw new SafetensorsError(`${index}: names ${names.length} files; at most ${MAX_SHARDS} are read`);
  const missing = names.filter((name) => !existsSync(join(dirname(index), name)));
  if (missing.length > 0)
    throw new SafetensorsError(
      `${dirname(index)}: ${missing.length} of the ${names.length} files in ${basename(index)} are missing: ${list(missing)}`,
    );
  return names.map((name) => join(dirname(index), name));
}

function checkIndex(path: string, weightMap: WeightMap, owners: Map<string, SafetensorsFile>): void {
  const wrong: string[] = [];
  for (const [name, file] of weightMap) {
    const owner = owners.get(name);
    if (owner?.path !== join(dirname(path), file))
      wrong.push(
        `${quoted(name)} is ${owner === undefined ? `not in ${file.slice(0, 100)}` : `in ${basename(owner.path)}, not in ${file.slice(0, 100)}`}`,
      );
  }
  if (wrong.length > 0) throw new SafetensorsError(`${path}: does not fit its files: ${list(wrong)}`);
}

function list(items: readonly string[]): string {
  const shown = items
    .slice(0, 10)
    .map((item) => (item.length > 300 ? `${item.slice(0, 297)}...` : item))
    .join(", ");
  return items.length > 10 ? `${shown} and ${items.length - 10} more` : shown;
}
