/** Stored (uncompressed) members of a zip file, which is the container of torch.save. APPNOTE 6.3.10, zip64 included. */
import { crc32 } from "node:zlib";
import { UserError } from "../../errors.js";
import { readRegularSync } from "../../files/regular-file.js";
import { headOf } from "../mistaken-weights.js";

const END = 0x06054b50;
const END_64 = 0x06064b50;
const END_64_LOCATOR = 0x07064b50;
const ENTRY = 0x02014b50;
const LOCAL = 0x04034b50;

/** Such files hold a projector, tens of megabytes; this keeps a wrong one from filling the memory. */
const MAX_BYTES = 2 ** 30;

/** Whether a file begins as a zip file does. */
export function isZip(path: string): boolean {
  const head = headOf(path);
  return head.length >= 4 && Buffer.from(head).readUInt32LE(0) === LOCAL;
}

/** Name -> bytes, checked against their checksums. @throws UserError when the file is damaged or compressed */
export function readStoredZip(path: string): Map<string, Buffer> {
  const bytes = readRegularSync(path, { expected: "a file of torch.save", most: MAX_BYTES });
  try {
    return members(bytes);
  } catch (error) {
    if (error instanceof RangeError) throw new UserError(`${path}: the zip file is cut off or damaged`);
    if (error instanceof Error && !(error instanceof UserError)) throw new UserError(`${path}: ${error.message}`);
    throw error;
  }
}

function members(bytes: Buffer): Map<string, Buffer> {
  const { count, start } = directory(bytes);
  const found = new Map<string, Buffer>();
  let at = start;
  let total = 0;
  for (let i = 0; i < count; i++) {
    if (bytes.readUInt32LE(at) !== ENTRY) throw new Error("the zip file's directory is damaged");
    const nameLength = bytes.readUInt16LE(at + 28);
    const extraLength = bytes.readUInt16LE(at + 30);
    const name = bytes.toString("utf8", at + 46, at + 46 + nameLength);
    const shown = JSON.stringify(name.length > 100 ? `${name.slice(0, 97)}...` : name);
    if (bytes.readUInt16LE(at + 10) !== 0) throw new Error(`${shown} is compressed, which torch.save never does`);
    if ((bytes.readUInt16LE(at + 8) & 1) !== 0) throw new Error(`${shown} is encrypted, which torch.save never does`);
    if (found.has(name)) throw new Error(`it has ${shown} twice`);
    const extra = bytes.subarray(at + 46 + nameLength, at + 46 + nameLength + extraLength);
    const [size = 0, packed = 0, offset = 0] = wideSizes(
      [bytes.readUInt32LE(at + 24), bytes.readUInt32LE(at + 20), bytes.readUInt32LE(at + 42)],
      extra,
    );
    if (size !== packed) throw new Error(`${shown} is said to have ${size} bytes, and ${packed} of them in the file`);
    // Members that lie over each other would be read again and again.
    total += size;
    if (total > bytes.length)
      throw new Error(`with ${shown} its members have ${total} bytes, and the file has ${bytes.length}`);
    const data = localData(bytes, offset, size);
    if (crc32(data) !== bytes.readUInt32LE(at + 16)) throw new Error(`${shown} is damaged: its checksum is wrong`);
    found.set(name, data);
    at += 46 + nameLength + extraLength + bytes.readUInt16LE(at + 32);
  }
  return found;
}

/** Where the list of members is. The record that says so is the last of the file, but for a comment. */
function directory(bytes: Buffer): { count: number; start: number } {
  const least = Math.max(0, bytes.length - 22 - 0xffff);
  for (let at = bytes.length - 22; at >= least; at--) {
    if (bytes.readUInt32LE(at) !== END) continue;
    if (at >= 20 && bytes.readUInt32LE(at - 20) === END_64_LOCATOR) {
      const end = Number(bytes.readBigUInt64LE(at - 20 + 8));
      if (bytes.readUInt32LE(end) !== END_64) throw new Error("the zip file's directory is damaged");
      return { count: Number(bytes.readBigUInt64LE(end + 32)), start: Number(bytes.readBigUInt64LE(end + 48)) };
    }
    return { count: bytes.readUInt16LE(at + 10), start: bytes.readUInt32LE(at + 16) };
  }
  throw new Error("the zip file is cut off: it has no directory");
}

/** Sizes and offset that do not fit 32 bits lie in an extra field, in this order. */
function wideSizes(sizes: number[], extra: Buffer): number[] {
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== 1) continue;
    let next = at + 4;
    return sizes.map((size) => {
      if (size !== 0xffffffff) return size;
      next += 8;
      return Number(extra.readBigUInt64LE(next - 8));
    });
  }
  return sizes;
}

function localData(bytes: Buffer, offset: number, size: number): Buffer {
  if (bytes.readUInt32LE(offset) !== LOCAL) throw new Error("the zip file's directory is damaged");
  const start = offset + 30 + bytes.readUInt16LE(offset + 26) + bytes.readUInt16LE(offset + 28);
  if (start + size > bytes.length) throw new Error("the zip file is cut off");
  return bytes.subarray(start, start + size);
}
