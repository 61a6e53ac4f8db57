/** TensorBoard's event files, written by hand: TFRecords of protocol-buffer events.
 *
 *      record   uint64 length, uint32 masked crc of it, bytes, uint32 masked crc of them; little-endian
 *      Event    1: double wall_time, 2: int64 step, 3: string file_version | 5: Summary | 7: SessionLog
 *      Summary  1: repeated Value {1: string tag, 2: float simple_value}
 *
 *  tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto, tensorflow/core/lib/io/record_writer.h */

/** An event before it is encoded. */
export interface Event {
  /** Seconds since 1970. */
  wallTime: number;
  step: number;
  what: { fileVersion: string } | { scalars: readonly (readonly [tag: string, value: number])[] } | { start: true };
}

/** What every event file begins with. */
export const FILE_VERSION = "brain.Event:2";

export function encodeEvent({ wallTime, step, what }: Event): Buffer {
  // A step of 0 is left out, as protocol buffers leave out every 0.
  const head = [Buffer.from([0x09]), doubleBytes(wallTime), ...(step === 0 ? [] : [Buffer.from([0x10]), varint(step)])];
  if ("fileVersion" in what) return Buffer.concat([...head, field(3, Buffer.from(what.fileVersion, "utf8"))]);
  // SessionLog {1: status START}: readers drop what earlier files have at this step and after it.
  if ("start" in what) return Buffer.concat([...head, field(7, Buffer.from([0x08, 0x01]))]);
  const values = what.scalars.map(([tag, value]) => {
    const number = Buffer.alloc(5);
    number.writeUInt8(0x15, 0);
    number.writeFloatLE(value, 1);
    return field(1, Buffer.concat([field(1, Buffer.from(tag, "utf8")), number]));
  });
  return Buffer.concat([...head, field(5, Buffer.concat(values))]);
}

/** A record around an event, as it stands in the file. */
export function encodeRecord(data: Buffer): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(data.length));
  return Buffer.concat([length, maskedCrc(length), data, maskedCrc(data)]);
}

/** A field of bytes: its number, its length, itself. */
const field = (number: number, bytes: Buffer): Buffer =>
  Buffer.concat([Buffer.from([(number << 3) | 2]), varint(bytes.length), bytes]);

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = BigInt(value);
  do {
    const low = Number(rest & 127n);
    rest >>= 7n;
    bytes.push(rest > 0n ? low | 128 : low);
  } while (rest > 0n);
  return Buffer.from(bytes);
}

function doubleBytes(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes;
}

function maskedCrc(bytes: Buffer): Buffer {
  const crc = crc32c(bytes);
  const masked = Buffer.alloc(4);
  masked.writeUInt32LE((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0);
  return masked;
}

let table: Uint32Array | undefined;

/** CRC-32C (Castagnoli, reflected polynomial 0x82F63B78), which Node's zlib does not have. */
export function crc32c(bytes: Uint8Array): number {
  table ??= Uint32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    return crc;
  });
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (table[(crc ^ byte) & 255] ?? 0) ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
