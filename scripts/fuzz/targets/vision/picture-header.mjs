// @ts-check
import { BmpError, isBmp, readBmpHeader } from "../../../../packages/rediff/dist/vision/picture/bmp.js";
import {
  describeContent,
  readGifHeader,
  readPngHeader,
  sniffFormat,
} from "../../../../packages/rediff/dist/vision/picture/picture-header.js";
import { bytes, u16le, u32be, u32le } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

const png = bytes("\x89PNG\r\n\x1a\n", u32be(13), "IHDR", u32be(2), u32be(3), [8, 6, 0, 0, 0], u32be(0));
const gif = bytes(
  "GIF89a",
  u16le(2),
  u16le(2),
  [0x80, 0, 0],
  [0, 0, 0, 1, 1, 1],
  [0x21, 0xf9, 4, 1, 0, 0, 1, 0],
  [0x2c],
  u16le(0),
  u16le(0),
  u16le(2),
  u16le(2),
  [0, 2, 2, 0x4c, 1, 0, 0x3b],
);
const bmp = (/** @type {number} */ bits) =>
  bytes(
    "BM",
    u32le(90),
    u32le(0),
    u32le(62),
    u32le(40),
    u32le(2),
    u32le(2),
    u16le(1),
    u16le(bits),
    u32le(0),
    u32le(0),
    u32le(0),
    u32le(0),
    u32le(2),
    u32le(0),
    [0, 0, 0, 0, 255, 255, 255, 0],
    [1, 2, 3, 4, 5, 6, 7, 8],
  );

/** First bytes of pictures: format, size, palette. */
export default defineTarget({
  covers: ["vision/picture/picture-header.js", "vision/picture/bmp.js"],
  seeds: [
    png,
    gif,
    bmp(8),
    bmp(24),
    bmp(1),
    bytes(u32be(24), "ftypmif1", u32be(0), "avifheic"),
    bytes("RIFF", u32le(4), "WEBPVP8X"),
    bytes([0xff, 0xd8, 0xff, 0xe0]),
  ],
  dictionary: [
    "\x89PNG\r\n\x1a\n",
    "IHDR",
    "GIF89a",
    "BM",
    "ftyp",
    "avif",
    "heic",
    "RIFF",
    "WEBP",
    new Uint8Array([0x21, 0xf9]),
    new Uint8Array([0x2c]),
    new Uint8Array([0x21, 0xfe, 255]),
  ],
  refusals: [BmpError],
  run(input) {
    describeContent(input);
    const format = sniffFormat(input);
    if (format === "png") return readPngHeader(input) !== undefined;
    if (format === "gif") return readGifHeader(input) !== undefined;
    return isBmp(input) ? readBmpHeader(input) : format !== undefined;
  },
});
