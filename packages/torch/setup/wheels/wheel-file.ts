/** For tests: wheels, made of names and contents. */
import { createHash } from "node:crypto";
import { crc32, deflateRawSync } from "node:zlib";

/** A zip archive, its members deflated. */
export function zipOf(files: Record<string, string | Buffer>): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of Object.entries(files)) {
    const data = Buffer.from(content);
    const packed = deflateRawSync(data);
    const file = Buffer.from(name);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(8, 4);
    common.writeUInt32LE(crc32(data), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(data.length, 18);
    common.writeUInt16LE(file.length, 22);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(offset, 10);
    parts.push(Buffer.from("PK\x03\x04"), common, file, packed);
    directory.push(Buffer.from("PK\x01\x02\x14\x00"), common, place, file);
    offset += 30 + file.length + packed.length;
  }
  const end = Buffer.alloc(18);
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  end.writeUInt16LE(Object.keys(files).length, 4);
  end.writeUInt16LE(Object.keys(files).length, 6);
  end.writeUInt32LE(size, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...parts, ...directory, Buffer.from("PK\x05\x06"), end]);
}

/** A wheel that says what it requires. */
export function wheelOf(name: string, files: Record<string, string | Buffer>, requires: string[] = []): Buffer {
  const metadata = ["Metadata-Version: 2.1", ...requires.map((line) => `Requires-Dist: ${line}`), "", "Text"];
  return zipOf({ ...files, [`${name}.dist-info/METADATA`]: metadata.join("\n") });
}

export function sha256(content: Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}
