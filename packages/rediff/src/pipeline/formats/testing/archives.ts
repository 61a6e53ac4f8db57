/** Archives for tests, also such as no decent tool writes. */
import { crc32, deflateRawSync } from "node:zlib";

export interface Member {
  name: string;
  content?: string | Uint8Array;
  /** Tar: the type flag; "0" is a file. */
  type?: string;
  /** Tar: the header's twelve bytes of size, in place of the truth. */
  sizeField?: Uint8Array;
  link?: string;
  /** Zip: Unix mode with file type, and lies. */
  mode?: number;
  flags?: number;
  checksum?: number;
  claimedSize?: number;
}

type Members = readonly Member[] | Readonly<Record<string, string | Uint8Array>>;

const toList = (members: Members): readonly Member[] =>
  Array.isArray(members) ? members : Object.entries(members).map(([name, content]) => ({ name, content }));

const bytesOf = ({ content = "" }: Member): Buffer => Buffer.from(content as Uint8Array);

export const octal = (size: number | string): Uint8Array =>
  Buffer.from(`${typeof size === "string" ? size : size.toString(8).padStart(11, "0")}\0`);

/** GNU tar's other way to write a number. */
export function base256(value: bigint): Uint8Array {
  const bytes = Buffer.alloc(12, value < 0n ? 0xff : 0);
  bytes.writeBigInt64BE(value, 4);
  if (value >= 0n) bytes[0] = 0x80;
  return bytes;
}

/** What stands before a member and says something about it: `size=5`, `path=name`. */
export function paxHeader(...records: readonly string[]): Member {
  const content = records.map((record) => {
    let length = record.length + 3;
    while (`${length} ${record}\n`.length !== length) length++;
    return `${length} ${record}\n`;
  });
  return { name: "pax", type: "x", content: content.join("") };
}

/** ustar, with the end mark. */
export function tarArchive(members: Members): Buffer {
  const blocks = toList(members).flatMap((member) => {
    const content = bytesOf(member);
    const header = Buffer.alloc(512);
    header.write(member.name, 0, 100);
    header.write("0000644\0", 100);
    header.write("0000000\0".repeat(2), 108);
    header.set(member.sizeField ?? octal(content.length), 124);
    header.write("00000000000\0", 136);
    header.write(" ".repeat(8), 148);
    header.write(member.type ?? "0", 156);
    header.write(member.link ?? "", 157, 100);
    header.write("ustar\x0000", 257);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    return [header, content, Buffer.alloc((512 - (content.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

export function zipArchive(members: Members, { store = false } = {}): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const member of toList(members)) {
    const name = Buffer.from(member.name);
    const content = bytesOf(member);
    const packed = store ? content : deflateRawSync(content);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE((member.flags ?? 0) | 0x800, 2);
    common.writeUInt16LE(store ? 0 : 8, 4);
    common.writeUInt32LE(member.checksum ?? crc32(content), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(member.claimedSize ?? content.length, 18);
    common.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), common, name, packed]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(((member.mode ?? 0o100644) << 16) >>> 0, 6);
    rest.writeUInt32LE(offset, 10);
    const unix = Buffer.from([20, 3]); // made by Unix: the mode counts
    directory.push(Buffer.concat([Buffer.from("PK\x01\x02"), unix, common, rest, name]));
    locals.push(local);
    offset += local.length;
  }
  const entries = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(directory.length, 4);
  end.writeUInt16LE(directory.length, 6);
  end.writeUInt32LE(entries.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...locals, entries, Buffer.from("PK\x05\x06"), end]);
}
