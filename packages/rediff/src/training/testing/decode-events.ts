/** Reads TensorBoard's event files: for tests, and independent of the code that writes them. */

export interface DecodedEvent {
  wallTime: number;
  step: number;
  fileVersion?: string;
  scalars?: [tag: string, value: number][];
  sessionStart?: boolean;
}

/** All events of a file. @throws when a checksum is wrong or something is cut off */
export function decodeRecords(file: Buffer): DecodedEvent[] {
  const events: DecodedEvent[] = [];
  for (let at = 0; at < file.length; ) {
    const length = Number(file.readBigUInt64LE(at));
    assertSum(file.subarray(at, at + 8), file.readUInt32LE(at + 8));
    const data = file.subarray(at + 12, at + 12 + length);
    assertSum(data, file.readUInt32LE(at + 12 + length));
    events.push(decodeEvent(data));
    at += 16 + length;
  }
  return events;
}

function decodeEvent(data: Buffer): DecodedEvent {
  const event: DecodedEvent = { wallTime: 0, step: 0 };
  for (const { number, bytes, value } of fields(data)) {
    if (number === 1) event.wallTime = bytes.readDoubleLE();
    else if (number === 2) event.step = Number(value);
    else if (number === 3) event.fileVersion = bytes.toString("utf8");
    else if (number === 5) event.scalars = [...fields(bytes)].map((entry) => decodeScalar(entry.bytes));
    else if (number === 7) event.sessionStart = [...fields(bytes)][0]?.value === 1n;
    else throw new Error(`unknown field ${number}`);
  }
  return event;
}

function decodeScalar(data: Buffer): [string, number] {
  const [tag, value] = [...fields(data)];
  if (tag?.number !== 1 || value?.number !== 2) throw new Error("no scalar");
  return [tag.bytes.toString("utf8"), value.bytes.readFloatLE()];
}

/** Fields of a protocol-buffer message. */
function* fields(data: Buffer): Generator<{ number: number; bytes: Buffer; value: bigint }> {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = data.readUInt8(at++);
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < data.length) {
    const key = Number(varint());
    const kind = key & 7;
    if (kind === 0) {
      yield { number: key >> 3, bytes: Buffer.alloc(0), value: varint() };
      continue;
    }
    const length = kind === 1 ? 8 : kind === 5 ? 4 : Number(varint());
    if (at + length > data.length) throw new Error("cut off");
    yield { number: key >> 3, bytes: data.subarray(at, at + length), value: 0n };
    at += length;
  }
}

/** Bit by bit, without a table. */
function assertSum(bytes: Buffer, found: number): void {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  crc = (crc ^ 0xffffffff) >>> 0;
  const rotated = ((crc >>> 15) | ((crc << 17) >>> 0)) >>> 0;
  if ((rotated + 0xa282ead8) % 2 ** 32 !== found) throw new Error("a checksum is wrong");
}
