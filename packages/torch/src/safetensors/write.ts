/** Writes safetensors files and sharded checkpoints: chunk by chunk through one buffer, under a temporary name that
 *  becomes the real one when every byte is on the disk. Whoever looks sees the old file or the new one, whole. */
import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, renameSync, rmSync, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { type DType, elementSize } from "../dtype.js";
import { narrow, select } from "../generated/ops.generated.js";
import { native } from "../native.js";
import { scope } from "../scope.js";
import type { Tensor } from "../tensor.js";
import { INDEX_FILE, SINGLE_FILE } from "./checkpoint.js";
import { dtypeName, MAX_HEADER_BYTES, METADATA_KEY, SafetensorsError, systemReason } from "./format.js";

/** A tensor that is made when its turn comes. What `tensor` makes is freed once it is written, so a conversion holds
 *  one tensor at a time; a tensor that existed before is left alone. */
export interface TensorSource {
  name: string;
  dtype: DType;
  shape: readonly number[];
  tensor: () => Tensor;
}

/** `{ name: tensor }`, pairs such as a Map gives, or sources. */
export type TensorEntries = Readonly<Record<string, Tensor>> | Iterable<readonly [string, Tensor] | TensorSource>;

export interface SaveOptions {
  metadata?: Readonly<Record<string, string>>;
}

export interface SaveCheckpointOptions extends SaveOptions {
  /** A file holds at least one tensor, and else at most this many bytes of them. Default 5e9. */
  maxShardBytes?: number;
}

/** Writes one file. @throws SafetensorsError when the disk is full or may not be written; nothing is left behind then */
export function saveSafetensors(path: string, entries: TensorEntries, { metadata = {} }: SaveOptions = {}): void {
  const sources = toSources(entries);
  const temporary = temporaryName(path);
  try {
    for (const _ of writeFile(path, temporary, sources, metadata));
    atPath(path, () => renameSync(temporary, path));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  syncFolder(dirname(path));
}

/** Writes `model.safetensors`, or shards and their index when `maxShardBytes` asks for it; the folder is made.
 *
 *  Everything is written before anything is renamed, the index comes last, and files of an older checkpoint in the
 *  folder go. A crash in between leaves a folder without an index, which no reader takes for a checkpoint.
 *  @returns the paths written */
export function saveCheckpoint(folder: string, entries: TensorEntries, options: SaveCheckpointOptions = {}): string[] {
  const saving = savingCheckpoint(folder, entries, options);
  for (;;) {
    const { done, value } = saving.next();
    if (done) return value;
  }
}

/** The same with a turn for others between two tensors, so that what takes minutes can be stopped.
 *  @throws the signal's reason; nothing is left behind then */
export async function saveCheckpointInTurns(
  folder: string,
  entries: TensorEntries,
  { signal, ...options }: SaveCheckpointOptions & { signal?: AbortSignal | undefined } = {},
): Promise<string[]> {
  const saving = savingCheckpoint(folder, entries, options);
  for (;;) {
    await setImmediate();
    const { done, value } = signal?.aborted ? saving.throw(signal.reason) : saving.next();
    if (done) return value;
  }
}

/** Yields before each tensor. */
function* savingCheckpoint(
  folder: string,
  entries: TensorEntries,
  { maxShardBytes = 5e9, metadata = { format: "pt" } }: SaveCheckpointOptions,
): Generator<void, string[], void> {
  const shards = intoShards(toSources(entries), maxShardBytes);
  const names =
    shards.length === 1
      ? [SINGLE_FILE]
      : shards.map((_, i) => `model-${five(i + 1)}-of-${five(shards.length)}.safetensors`);
  const paths = names.map((name) => join(folder, name));
  const indexPath = join(folder, INDEX_FILE);
  const pending: [temporary: string, path: string][] = [];
  try {
    atPath(folder, () => mkdirSync(folder, { recursive: true }));
    for (const [i, shard] of shards.entries()) {
      const path = paths[i] as string;
      const temporary = temporaryName(path);
      pending.push([temporary, path]);
      yield* writeFile(path, temporary, shard, metadata);
    }
    if (shards.length > 1) {
      const temporary = temporaryName(indexPath);
      pending.push([temporary, indexPath]);
      writeIndex(indexPath, temporary, shards, names);
      // The old index must not speak for the new shards, nor the old single file be preferred to them.
      for (const old of [indexPath, join(folder, SINGLE_FILE)]) atPath(old, () => rmSync(old, { force: true }));
    }
    for (const [temporary, path] of pending) atPath(path, () => renameSync(temporary, path));
  } catch (error) {
    for (const [temporary] of pending) rmSync(temporary, { force: true });
    throw error;
  }
  const written = pending.map(([, path]) => path);
  removeStale(folder, written);
  syncFolder(folder);
  return written;
}

const five = (n: number): string => String(n).padStart(5, "0");

const sizeOf = ({ dtype, shape }: TensorSource): number =>
  shape.reduce((product, n) => product * n, elementSize(dtype));

function toSources(entries: TensorEntries): TensorSource[] {
  const sources: TensorSource[] = [];
  const seen = new Set<string>();
  const list =
    Symbol.iterator in entries
      ? (entries as Iterable<readonly [string, Tensor] | TensorSource>)
      : Object.entries(entries);
  for (const entry of list) {
    const source =
      "tensor" in entry
        ? entry
        : { name: entry[0], dtype: entry[1].dtype, shape: entry[1].shape, tensor: () => entry[1] };
    if (source.name === METADATA_KEY) throw new SafetensorsError(`a tensor cannot be called ${METADATA_KEY}`);
    if (seen.has(source.name)) throw new SafetensorsError(`two tensors are called "${source.name}"`);
    seen.add(source.name);
    sources.push(source);
  }
  return sources;
}

/** In the given order, each file as full as the limit lets it be. */
function intoShards(sources: TensorSource[], maxShardBytes: number): TensorSource[][] {
  const shards: TensorSource[][] = [[]];
  let bytes = 0;
  for (const source of sources) {
    const size = sizeOf(source);
    if (bytes > 0 && bytes + size > maxShardBytes) {
      shards.push([]);
      bytes = 0;
    }
    shards.at(-1)?.push(source);
    bytes += size;
  }
  return shards;
}

function temporaryName(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}.tmp`);
}

/** Runs one step of the file system; its failure names the file that was to be written. */
function atPath<T>(path: string, step: () => T): T {
  try {
    return step();
  } catch (error) {
    throw new SafetensorsError(`${path}: cannot be written: ${systemReason(error)}`, { cause: error });
  }
}

function withFile(path: string, temporary: string, body: (write: (bytes: Uint8Array) => void) => void): void {
  const file = atPath(path, () => openSync(temporary, "wx"));
  try {
    body(writerInto(path, file));
    atPath(path, () => fsyncSync(file));
  } finally {
    closeSync(file);
  }
}

const writerInto = (path: string, file: number) => (bytes: Uint8Array) => {
  for (let done = 0; done < bytes.length; ) done += atPath(path, () => writeSync(file, bytes, done));
};

/** Yields before each tensor. */
function* writeFile(
  path: string,
  temporary: string,
  sources: readonly TensorSource[],
  metadata: Readonly<Record<string, string>>,
): Generator<void, void, void> {
  // Wide elements first: there are no gaps in the format, so this is what keeps every tensor aligned.
  const ordered = [...sources].sort((a, b) => elementSize(b.dtype) - elementSize(a.dtype));
  const header = encodeHeader(path, ordered, metadata);
  const file = atPath(path, () => openSync(temporary, "wx"));
  try {
    const write = writerInto(path, file);
    write(header);
    const chunk = new Uint8Array(new ArrayBuffer(CHUNK_BYTES));
    for (const source of ordered) {
      yield;
      scope(() => {
        const tensor = source.tensor();
        if (tensor.dtype !== source.dtype || tensor.shape.join() !== source.shape.join())
          throw new SafetensorsError(
            `${path}: tensor "${source.name}" was to be ${source.dtype} [${source.shape.join(", ")}] but came as ${tensor.dtype} [${tensor.shape.join(", ")}]`,
          );
        if (sizeOf(source) > 0) writeTensor(tensor, chunk, write);
      });
    }
    atPath(path, () => fsyncSync(file));
  } finally {
    closeSync(file);
  }
}

function encodeHeader(
  path: string,
  sources: readonly TensorSource[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  let offset = 0;
  const entries: [string, unknown][] = Object.keys(metadata).length > 0 ? [[METADATA_KEY, metadata]] : [];
  for (const source of sources) {
    const end = offset + sizeOf(source);
    entries.push([source.name, { dtype: dtypeName(source.dtype), shape: source.shape, data_offsets: [offset, end] }]);
    offset = end;
  }
  const json = Buffer.from(JSON.stringify(Object.fromEntries(entries)), "utf8");
  const length = Math.ceil(json.length / 8) * 8; // padded with spaces so that the data is aligned
  if (length > MAX_HEADER_BYTES)
    throw new SafetensorsError(`${path}: cannot be written: ${sources.length} tensors need a header that is too large`);
  const bytes = Buffer.alloc(8 + length, " ");
  bytes.writeBigUInt64LE(BigInt(length));
  json.copy(bytes, 8);
  return bytes;
}

const CHUNK_BYTES = 8 << 20;

/** Row-major bytes in pieces of at most a chunk, so that no tensor, however strided or far away, is copied whole.
 *  Each piece overwrites `scratch`. */
function writeTensor(tensor: Tensor, scratch: Uint8Array<ArrayBuffer>, write: (bytes: Uint8Array) => void): void {
  const [rows = 1, ...rest] = tensor.shape;
  const rowBytes = rest.reduce((product, n) => product * n, elementSize(tensor.dtype));
  if (rows * rowBytes <= scratch.length) {
    native.copyInto(tensor.slot, scratch.buffer, 0);
    write(scratch.subarray(0, rows * rowBytes));
    return;
  }
  const step = Math.max(1, Math.floor(scratch.length / rowBytes));
  for (let row = 0; row < rows; row += step)
    scope(() => {
      const part =
        rowBytes > scratch.length ? select(tensor, 0, row) : narrow(tensor, 0, row, Math.min(step, rows - row));
      writeTensor(part, scratch, write);
    });
}

function writeIndex(
  path: string,
  temporary: string,
  shards: readonly TensorSource[][],
  names: readonly string[],
): void {
  const weightMap = shards.flatMap((shard, i) => shard.map(({ name }): [string, string] => [name, names[i] as string]));
  const totalSize = shards.flat().reduce((sum, source) => sum + sizeOf(source), 0);
  const index = { metadata: { total_size: totalSize }, weight_map: Object.fromEntries(weightMap) };
  withFile(path, temporary, (write) => write(Buffer.from(`${JSON.stringify(index, null, 2)}\n`, "utf8")));
}

/** Weights of an older checkpoint, which would be a second truth beside the new one. */
function removeStale(folder: string, written: readonly string[]): void {
  const keep = new Set(written.map((path) => basename(path)));
  for (const name of readdirSync(folder)) {
    const ours = /^model(-\d{5}-of-\d{5})?\.safetensors$/.test(name) || name === INDEX_FILE;
    if (ours && !keep.has(name)) rmSync(join(folder, name), { force: true });
  }
}

/** Makes the renames themselves durable. Where folders cannot be opened for that (Windows), the system sees to it. */
function syncFolder(folder: string): void {
  let file: number;
  try {
    file = openSync(folder, "r");
  } catch {
    return;
  }
  try {
    fsyncSync(file);
  } catch {
    // Some network file systems refuse; the renames have happened all the same.
  } finally {
    closeSync(file);
  }
}
