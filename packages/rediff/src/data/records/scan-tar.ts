/** Tar archives (POSIX ustar and pax, GNU) as far as WebDataset needs them: where each member's bytes are.
 *
 *  A sample is a run of members that share a name up to the first dot of its last part; what follows is the field.
 *  Names only tell fields apart, nothing is ever written to where they point. Departure from the `webdataset` package,
 *  which streams shards in resampled order: here samples are indexed and the sampler decides on the order, so that
 *  each is seen once an epoch and a run can be resumed anywhere. */
import { UserError } from "../../errors.js";
import { assertNotMistaken } from "../../files/mistaken-file.js";
import { fileError } from "../../files/read-errors.js";
import { ByteWindow } from "./byte-window.js";
import type { FileIndex, ScanOptions } from "./file-index.js";
import { Offsets } from "./offsets.js";

const BLOCK = 512;

/** Members that say something about the next one: long names, tables of names and sizes. */
const META = ["L", "K", "x", "g"];
const LARGEST_META = 1 << 20;

export interface TarMember {
  name: string;
  /** Where its first header starts; a long name has headers of its own. */
  start: number;
  /** Where its bytes start, and how many there are. */
  offset: number;
  size: number;
}

/** Bytes by their place; fewer than asked for at the end. */
export interface ByteSource {
  /** Where the archive ends. */
  readonly size: number;
  read(offset: number, length: number): Uint8Array;
}

/** The regular files of an archive, or of a part of one that starts at a header. */
export function* tarMembers(file: string, source: ByteSource, from = 0, to = source.size): Generator<TarMember> {
  let position = from;
  let start = from;
  let longName: string | undefined;
  let longSize: number | undefined;
  while (position < to) {
    const header = source.read(position, BLOCK);
    if (header.every((byte) => byte === 0)) return; // The end of an archive, also when the block is cut short.
    if (header.length < BLOCK) throw cutOff(file, position);
    const { name, size: ownSize, type } = readHeader(file, header, position);
    const isFile = type === "0" || type === "\0" || type === "7";
    const size = isFile ? (longSize ?? ownSize) : ownSize;
    const offset = position + BLOCK;
    if (!(offset + size <= source.size)) throw cutOff(file, position, longName ?? name, offset + size - source.size);
    if (META.includes(type) && size > LARGEST_META)
      throw new UserError(
        `${file}: a header at byte ${position} claims ${size} bytes of names and sizes; at most ${LARGEST_META} are read`,
        "The archive is damaged, or made to fill the memory",
      );
    position = offset + Math.ceil(size / BLOCK) * BLOCK;

    if (type === "L") longName = zeroEnded(source.read(offset, size));
    else if (type === "x") {
      const pax = readPax(source.read(offset, size));
      if ([...pax.keys()].some((key) => key.startsWith("GNU.sparse.")))
        throw new UserError(
          `${file}: a member at byte ${offset} is sparse, with holes that stand for zeros`,
          "Pack it again without --sparse",
        );
      longName = pax.get("path") ?? longName;
      longSize = pax.has("size") ? paxSize(file, position - size, pax.get("size") ?? "") : longSize;
    } else if (type !== "K" && type !== "g") {
      if (isFile) yield { name: longName ?? name, start, offset, size };
      [longName, longSize, start] = [undefined, undefined, position];
    }
  }
}

/** `dir/0001.left.jpg` is the field `left.jpg` of the sample `dir/0001`; undefined for files without a field, and for
 *  those that WebDataset keeps for itself. */
export function splitMemberName(name: string): { key: string; field: string } | undefined {
  const match = /^((?:.*\/)?[^./]+)\.([^/]+)$/s.exec(name);
  if (match === null || name.startsWith("__")) return undefined;
  return { key: match[1] ?? "", field: (match[2] ?? "").toLowerCase() };
}

/** Indexes a shard. Only headers are read. */
export async function scanTar(file: string, options: ScanOptions): Promise<FileIndex> {
  await assertNotMistaken(file, "a tar archive", ["tar"]);
  using window = openShard(file);
  const starts = new Offsets();
  let key: string | undefined;
  let end = 0;
  let told = 0;
  let members = 0;
  for (const member of tarMembers(file, window)) {
    const sampleKey = splitMemberName(member.name)?.key;
    if (sampleKey !== undefined && sampleKey !== key) {
      key = sampleKey;
      starts.push(member.start);
    }
    end = member.offset + Math.ceil(member.size / BLOCK) * BLOCK;
    if (++members % 1024 !== 0) continue;
    // Reading is synchronous, because a wait for each of millions of headers would cost more than the reading.
    await new Promise((resolve) => setImmediate(resolve));
    options.signal?.throwIfAborted();
    options.onBytes?.(end - told);
    told = end;
  }
  options.onBytes?.(window.size - told);
  const count = starts.length;
  starts.push(Math.min(end, window.size));
  return { file, kind: "tar", count, starts: starts.finish(), blankLines: [] };
}

function openShard(file: string): ByteWindow {
  try {
    return new ByteWindow(file, 16 << 10);
  } catch (cause) {
    throw fileError(file, cause);
  }
}

function readHeader(file: string, block: Uint8Array, position: number): { name: string; size: number; type: string } {
  let sum = 8 * 0x20; // The checksum's own eight bytes count as spaces.
  for (let i = 0; i < BLOCK; i++) if (i < 148 || i >= 156) sum += block[i] ?? 0;
  if (octal(block.subarray(148, 156)) !== sum) {
    throw new UserError(
      `${file}: no tar header at byte ${position}: the archive is damaged or of another kind`,
      "Copy or download it again; compressed archives have to be unpacked",
    );
  }
  const isUstar = text(block.subarray(257, 262)) === "ustar";
  const prefix = isUstar && block[263] === 0x30 ? zeroEnded(block.subarray(345, 500)) : "";
  const name = zeroEnded(block.subarray(0, 100));
  return {
    name: prefix === "" ? name : `${prefix}/${name}`,
    size: readSize(file, block.subarray(124, 136), position),
    type: String.fromCharCode(block[156] ?? 0),
  };
}

/** Octal digits, or for large files a number of base 256 behind a set bit. */
function readSize(file: string, field: Uint8Array, position: number): number {
  if (((field[0] ?? 0) & 0x80) !== 0) return field.subarray(1).reduce((value, byte) => value * 256 + byte, 0);
  const written = zeroEnded(field).trim();
  if (/^[0-7]*$/.test(written)) return octal(field);
  throw badSize(file, position, written);
}

function badSize(file: string, position: number, written: string): UserError {
  return new UserError(
    `${file}: near byte ${position} a member's size is ${JSON.stringify(written.slice(0, 40))}; expected a whole number from 0`,
    "The archive is damaged: copy or download it again",
  );
}

function octal(field: Uint8Array): number {
  const digits = /[0-7]+/.exec(zeroEnded(field));
  return digits === null ? 0 : Number.parseInt(digits[0], 8);
}

/** A size below 0 would lead back to where the reader is. */
function paxSize(file: string, position: number, written: string): number {
  const size = /^\d+$/.test(written) ? Number(written) : Number.NaN;
  if (Number.isSafeInteger(size)) return size;
  throw badSize(file, position, written);
}

/** Records of the form `<length> <key>=<value>\n`, the length counting itself. */
function readPax(bytes: Uint8Array): Map<string, string> {
  const values = new Map<string, string>();
  let position = 0;
  while (position < bytes.length) {
    const space = bytes.indexOf(0x20, position);
    const length = space < 0 ? 0 : Number(text(bytes.subarray(position, space)));
    if (!Number.isInteger(length) || length <= 0) break;
    const [key = "", ...value] = text(bytes.subarray(space + 1, position + length - 1)).split("=");
    values.set(key, value.join("="));
    position += length;
  }
  return values;
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();

function zeroEnded(bytes: Uint8Array): string {
  const zero = bytes.indexOf(0);
  return text(zero < 0 ? bytes : bytes.subarray(0, zero));
}

function cutOff(file: string, position: number, member?: string, missing?: number): UserError {
  const what =
    member === undefined ? "in a header" : `in ${member.slice(0, 200)}, of which ${missing} bytes are missing`;
  return new UserError(`${file}: the archive is cut off at byte ${position}, ${what}`, "Copy or download it again");
}
