/** Reads and checks a safetensors header: after this, every tensor lies inside the file and on nothing else.
 *
 *  As strict as the format's own reader, and stricter in one point: a name that occurs twice is an error, where
 *  `JSON.parse` would let the last one win. */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { elementSize } from "../dtype.js";
import {
  dtypeFromName,
  KNOWN_NAMES,
  MAX_DEPTH,
  MAX_HEADER_BYTES,
  MAX_RANK,
  METADATA_KEY,
  plainReason,
  quoted,
  SafetensorsError,
  systemReason,
  type TensorInfo,
  tooDeepAt,
} from "./format.js";

export interface SafetensorsHeader {
  metadata: Record<string, string>;
  /** In the order of the header. */
  tensors: Map<string, TensorInfo>;
  /** Where the data begins in the file, in bytes. */
  dataOffset: number;
  fileSize: number;
}

/** @throws SafetensorsError naming the file, and the tensor where it is about one */
export function readSafetensorsHeader(path: string): SafetensorsHeader {
  const { bytes, fileSize } = readHeaderBytes(path);
  const entries = parseObject(path, bytes);
  const dataOffset = 8 + bytes.length;
  const { [METADATA_KEY]: metadata, ...rest } = entries;
  const tensors = new Map<string, TensorInfo>();
  for (const [name, entry] of Object.entries(rest)) tensors.set(name, parseTensor(path, name, entry));
  checkLayout(path, tensors, fileSize - dataOffset);
  return { metadata: parseMetadata(path, metadata), tensors, dataOffset, fileSize };
}

function fail(path: string, problem: string): never {
  throw new SafetensorsError(`${path}: ${problem}`);
}

function readHeaderBytes(path: string): { bytes: Buffer; fileSize: number } {
  let file: number;
  try {
    // Without waiting for whoever may write into a named pipe; Windows has none.
    file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    fail(path, `cannot be read: ${systemReason(error)}`);
  }
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) fail(path, "is not a file");
    const fileSize = stat.size;
    if (fileSize < 8) fail(path, `is not a safetensors file: ${fileSize} bytes are too few for one`);
    const length = readExactly(path, file, 8, 0).readBigUInt64LE();
    if (length > BigInt(MAX_HEADER_BYTES))
      fail(
        path,
        `is not a safetensors file: the header would have ${length} bytes; at most ${MAX_HEADER_BYTES} may be`,
      );
    if (8 + Number(length) > fileSize)
      fail(path, `is cut off or not a safetensors file: a header of ${length} bytes in a file of ${fileSize}`);
    return { bytes: readExactly(path, file, Number(length), 8), fileSize };
  } finally {
    closeSync(file);
  }
}

function readExactly(path: string, file: number, length: number, position: number): Buffer {
  const buffer = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    let read: number;
    try {
      read = readSync(file, buffer, done, length - done, position + done);
    } catch (error) {
      fail(path, `cannot be read: ${systemReason(error)}`);
    }
    if (read === 0) fail(path, "became shorter while it was read");
    done += read;
  }
  return buffer;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parseObject(path: string, bytes: Buffer): Record<string, unknown> {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    fail(path, "the header is not UTF-8");
  }
  if (!text.startsWith("{")) fail(path, "the header is not a JSON object");
  const deep = tooDeepAt(text, MAX_DEPTH);
  if (deep >= 0) fail(path, `the header's brackets are nested more than ${MAX_DEPTH} deep at character ${deep}`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    fail(path, `the header is not JSON: ${plainReason(error)}`);
  }
  if (!isObject(value)) fail(path, "the header is not a JSON object");
  const twice = duplicateKey(text);
  if (twice !== undefined) fail(path, `the header has two entries ${quoted(twice)}`);
  return value;
}

/** The first key that occurs twice in one object of `json`, which must be valid. */
function duplicateKey(json: string): string | undefined {
  const open: (Set<string> | undefined)[] = []; // the keys of each object around, undefined for an array
  for (let i = 0; i < json.length; i++) {
    const c = json[i];
    if (c === "{") open.push(new Set());
    else if (c === "[") open.push(undefined);
    else if (c === "}" || c === "]") open.pop();
    else if (c === '"') {
      const start = i;
      for (i++; json[i] !== '"'; i++) if (json[i] === "\\") i++;
      let next = i + 1;
      while (" \t\n\r".includes(json[next] ?? "x")) next++;
      const keys = open.at(-1);
      if (json[next] !== ":" || keys === undefined) continue;
      const text = json.slice(start + 1, i);
      const key = text.includes("\\") ? (JSON.parse(`"${text}"`) as string) : text; // one name may be escaped in two ways
      if (keys.has(key)) return key;
      keys.add(key);
    }
  }
  return undefined;
}

function parseMetadata(path: string, value: unknown): Record<string, string> {
  if (value === undefined) return {};
  if (!isObject(value)) fail(path, `${METADATA_KEY} must be an object of strings`);
  for (const [key, entry] of Object.entries(value))
    if (typeof entry !== "string")
      fail(path, `${METADATA_KEY} must be an object of strings, but ${quoted(key)} is not one`);
  return value as Record<string, string>;
}

/** From 0; "-0" is a number below it to readers that know whole numbers. */
const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0 && !Object.is(value, -0);

function parseTensor(path: string, name: string, entry: unknown): TensorInfo {
  const bad = (problem: string): never => fail(path, `tensor ${quoted(name)}: ${problem}`);
  if (!isObject(entry)) return bad("its entry is not an object");
  if (typeof entry.dtype !== "string") return bad("dtype is missing or not a string");
  const dtype = dtypeFromName(entry.dtype);
  if (dtype === undefined)
    return bad(`dtype ${entry.dtype.slice(0, 40)} is not supported; known are ${KNOWN_NAMES.join(", ")}`);
  const shape: unknown = entry.shape;
  if (Array.isArray(shape) && shape.length > MAX_RANK)
    return bad(`its shape has ${shape.length} dimensions; at most ${MAX_RANK} are supported`);
  if (!Array.isArray(shape) || !shape.every(isCount)) return bad("shape must be a list of whole numbers from 0");
  const offsets: unknown = entry.data_offsets;
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount))
    return bad("data_offsets must be two whole numbers from 0");
  const [begin, end] = offsets as [number, number];
  if (begin > end) return bad(`data_offsets go backwards, [${begin}, ${end}]`);
  // Zeros count as ones: torch computes strides of empty tensors as well, and they must not overflow either.
  const extent = (shape as number[]).reduce((product, n) => product * Math.max(n, 1), elementSize(dtype));
  if (!Number.isSafeInteger(extent)) return bad(`shape [${shape.join(", ")}] is too large`);
  const size = shape.includes(0) ? 0 : extent;
  if (end - begin !== size)
    return bad(`${dtype} of shape [${shape.join(", ")}] takes ${size} bytes, but data_offsets span ${end - begin}`);
  return { dtype, shape: shape as number[], begin, end };
}

/** The tensors must cover the data from first to last byte, once. */
function checkLayout(path: string, tensors: Map<string, TensorInfo>, dataSize: number): void {
  const sorted = [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let covered = 0;
  let before = "";
  for (const [name, { begin, end }] of sorted) {
    if (end > dataSize)
      fail(
        path,
        `tensor ${quoted(name)} ends at byte ${end} of the data, which has ${dataSize} bytes: the file is cut off or damaged`,
      );
    if (begin < covered)
      fail(path, `tensor ${quoted(name)} overlaps ${quoted(before)} (bytes ${begin} to ${covered} of the data)`);
    if (begin > covered)
      fail(path, `bytes ${covered} to ${begin} of the data, before tensor ${quoted(name)}, belong to none`);
    covered = end;
    before = name;
  }
  if (covered !== dataSize) fail(path, `the last ${dataSize - covered} bytes of the data belong to no tensor`);
}
