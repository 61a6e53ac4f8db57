/** The frames of zstd data (RFC 8878), for the one number in them that memory depends on: the window, as much of what was
 *  unpacked last as there has to be at hand. */

const FRAME = 0xfd2fb528;
const SKIPPED_FRAME = 0x184d2a50;
/** Four times what most levels of compression take. */
const FREE_WINDOW = 32 << 20;

/** @param size of what it claims to unpack to
 *  @throws Error for a window that is larger than there is a use for, RangeError where the data ends in the middle */
export function assertZstdWindows(data: Uint8Array, size: number): void {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const most = Math.max(FREE_WINDOW, 2 * size);
  for (let at = 0; at < bytes.length; ) {
    const magic = bytes.readUInt32LE(at);
    if ((magic & 0xfffffff0) >>> 0 === SKIPPED_FRAME) {
      at += 8 + bytes.readUInt32LE(at + 4);
      continue;
    }
    if (magic !== FRAME) throw new Error("a page is no zstd data");
    const { window, hasChecksum, length } = frameHeader(bytes, at + 4);
    if (window > most) throw new Error(`a page of ${size} bytes claims a window of ${window}`);
    at = endOfBlocks(bytes, at + 4 + length) + (hasChecksum ? 4 : 0);
  }
}

/** @param at behind the frame's magic number */
function frameHeader(bytes: Buffer, at: number): { window: number; hasChecksum: boolean; length: number } {
  const flags = bytes.readUInt8(at);
  const isSingle = (flags & 32) !== 0;
  const dictionary = [0, 1, 2, 4][flags & 3] ?? 0;
  const wide = flags >> 6;
  const sizeBytes = wide === 0 ? Number(isSingle) : 2 ** wide;
  const length = 1 + (isSingle ? 0 : 1) + dictionary + sizeBytes;
  const hasChecksum = (flags & 4) !== 0;
  if (!isSingle) {
    const descriptor = bytes.readUInt8(at + 1);
    const base = 2 ** (10 + (descriptor >> 3));
    return { window: base + (base / 8) * (descriptor & 7), hasChecksum, length };
  }
  const sizeAt = at + 1 + dictionary;
  const size =
    sizeBytes === 8
      ? Number(bytes.readBigUInt64LE(sizeAt))
      : bytes.readUIntLE(sizeAt, sizeBytes) + (sizeBytes === 2 ? 256 : 0);
  return { window: size, hasChecksum, length };
}

function endOfBlocks(bytes: Buffer, start: number): number {
  for (let at = start; ; ) {
    const head = bytes.readUIntLE(at, 3);
    const isRun = ((head >> 1) & 3) === 1;
    at += 3 + (isRun ? 1 : head >> 3);
    if ((head & 1) === 1) return at;
  }
}
