// Pictures and videos that are small as files and large as pictures.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import sharp from "sharp";

const CRC = Int32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** @param {Uint8Array} bytes */
function crc32(bytes) {
  let crc = -1;
  for (const byte of bytes) crc = (crc >>> 8) ^ /** @type {number} */ (CRC[(crc ^ byte) & 0xff]);
  return ~crc >>> 0;
}

/** @param {string} type @param {Uint8Array} data */
function pngChunk(type, data) {
  const named = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const ends = Buffer.alloc(8);
  ends.writeUInt32BE(data.length, 0);
  ends.writeUInt32BE(crc32(named), 4);
  return Buffer.concat([ends.subarray(0, 4), named, ends.subarray(4)]);
}

/** A grey PNG of one colour. @param {number} width @param {number} height @param {number} [rows] that are really there */
export function png(width, height, rows = height) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  const data = deflateSync(Buffer.alloc(rows * (width + 1)), { level: 1 });
  return Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    pngChunk("IHDR", header),
    pngChunk("IDAT", data),
    pngChunk("IEND", Buffer.alloc(0)),
  ]);
}

/** An animation whose first frame is small. @param {readonly (readonly [number, number])[]} sizes of its frames */
export function gif(sizes) {
  const [[width, height] = [1, 1]] = sizes;
  const le = (/** @type {number} */ value) => [value & 0xff, value >> 8];
  const frames = sizes.map(([w, h]) => Buffer.from([0x2c, 0, 0, 0, 0, ...le(w), ...le(h), 0, 2, 2, 0x44, 0x01, 0]));
  return Buffer.concat([
    Buffer.from("GIF89a", "latin1"),
    Buffer.from([...le(width), ...le(height), 0x80, 0, 0, 0, 0, 0, 255, 255, 255]),
    ...frames,
    Buffer.from([0x3b]),
  ]);
}

/** A grey TIFF without compression, whose pages share their few bytes. @param {readonly (readonly [number, number])[]} sizes of its pages */
export function tiff(sizes) {
  const strip = Buffer.alloc(64);
  const entries = 9;
  const pageBytes = 2 + 12 * entries + 4;
  const first = 8 + strip.length;
  const pages = sizes.map(([width, height], i) => {
    const page = Buffer.alloc(pageBytes);
    page.writeUInt16LE(entries, 0);
    const tags = [
      [256, 4, width],
      [257, 4, height],
      [258, 3, 8],
      [259, 3, 1],
      [262, 3, 1],
      [273, 4, 8],
      [277, 3, 1],
      [278, 4, height],
      [279, 4, Math.min(strip.length, width * height)],
    ];
    for (const [k, [tag = 0, type = 0, value = 0]] of tags.entries()) {
      page.writeUInt16LE(tag, 2 + 12 * k);
      page.writeUInt16LE(type, 4 + 12 * k);
      page.writeUInt32LE(1, 6 + 12 * k);
      page.writeUInt32LE(value, 10 + 12 * k);
    }
    page.writeUInt32LE(i + 1 < sizes.length ? first + (i + 1) * pageBytes : 0, pageBytes - 4);
    return page;
  });
  const head = Buffer.alloc(8);
  head.write("II*\0", "latin1");
  head.writeUInt32LE(first, 4);
  return Buffer.concat([head, strip, ...pages]);
}

/** A JPEG whose header claims another size than it has data for. @param {number} width @param {number} height */
export async function claimingJpeg(width, height) {
  const bytes = await sharp({ create: { width: 16, height: 16, channels: 3, background: "#123" } })
    .jpeg()
    .toBuffer();
  const frame = bytes.indexOf(Buffer.from([0xff, 0xc0]));
  bytes.writeUInt16BE(height, frame + 5);
  bytes.writeUInt16BE(width, frame + 7);
  return bytes;
}

/** A video whose later frames are larger; undefined where there is no ffmpeg. @returns {Buffer | undefined} */
export function growingVideo() {
  const folder = mkdtempSync(join(tmpdir(), "rediff-attack-"));
  try {
    const parts = ["64x64", "3840x2160"].map((size, i) => {
      const file = join(folder, `${i}.ts`);
      const source = ["-f", "lavfi", "-i", `color=c=gray:s=${size}:r=8:d=2`];
      execFileSync("ffmpeg", ["-v", "error", ...source, "-c:v", "mpeg2video", "-f", "mpegts", file], {
        stdio: "ignore",
      });
      return readFileSync(file);
    });
    return Buffer.concat(parts);
  } catch {
    return undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
