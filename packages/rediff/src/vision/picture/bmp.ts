/** BMP files, as Pillow decodes them: 1, 4 and 8 bits with a palette, run lengths, 16, 24 and 32 bits, bit fields,
 *  headers of Windows and OS/2, rows from the bottom or from the top.
 *
 *  libvips as sharp has it does not read BMP. Of the packages on npm, bmp-ts 1.0.9 and fast-bmp 4.0.1 get 24 bits
 *  right, and palettes, 16 bits or OS/2 headers wrong or not at all. */

import type { Size } from "../tiles/anyres.js";
import type { Mode, RasterImage } from "./raster-image.js";

/** A BMP that is cut off, contradicts itself, or is of a kind that hardly anybody writes. */
export class BmpError extends Error {
  override readonly name = "BmpError";
}

const PLAIN = 0;
const RLE8 = 1;
const RLE4 = 2;
const BIT_FIELDS = 3;
const ALPHA_BIT_FIELDS = 6;

export interface BmpHeader extends Size {
  readonly mode: Mode;
  readonly bits: number;
  readonly compression: number;
  readonly fromTop: boolean;
  /** Where pixels begin. */
  readonly start: number;
  /** Red, green and blue of each index. */
  readonly palette: Uint8Array;
  /** Of red, green, blue and alpha in a pixel of 16 or 32 bits. */
  readonly masks: readonly [number, number, number, number];
}

/** Lengths of the second header: OS/2 has 12 and 64, Windows the others. */
const HEADER_BYTES = [12, 40, 52, 56, 64, 108, 124];

/** Whether bytes begin like a BMP; two letters alone would make a BMP of any text. */
export function isBmp(head: Uint8Array): boolean {
  return head[0] === 0x42 && head[1] === 0x4d && HEADER_BYTES.includes(viewOf(head, 18)?.getUint32(14, true) ?? 0);
}

/** @throws BmpError */
export function readBmpHeader(bytes: Uint8Array): BmpHeader {
  const length = viewOf(bytes, 26)?.getUint32(14, true);
  const view = length === undefined ? undefined : viewOf(bytes, 14 + length);
  if (length === undefined || view === undefined) throw new BmpError("its header is cut off");
  const isCore = length === 12;
  const [width, lines, bits] = isCore
    ? [view.getUint16(18, true), view.getUint16(20, true), view.getUint16(24, true)]
    : [view.getInt32(18, true), view.getInt32(22, true), view.getUint16(28, true)];
  const compression = isCore ? PLAIN : view.getUint32(30, true);
  if (width <= 0 || lines === 0) throw new BmpError(`${width} x ${lines} pixels`);
  if (!isKnown(bits, compression, length)) throw new BmpError(`${bits} bits a pixel in compression ${compression}`);

  const start = view.getUint32(10, true);
  const masks = readMasks(bytes, bits, compression, length);
  const trailingMasks =
    length === 40 ? (compression === BIT_FIELDS ? 12 : compression === ALPHA_BIT_FIELDS ? 16 : 0) : 0;
  const named = isCore ? 0 : view.getUint32(46, true);
  const palette = readPalette(bytes, bits, 14 + length + trailingMasks, start, isCore ? 3 : 4, named);
  return {
    width,
    height: Math.abs(lines),
    fromTop: lines < 0,
    bits,
    compression,
    start,
    palette,
    masks,
    mode: bits <= 8 ? paletteMode(palette, bits) : masks[3] === 0 ? "RGB" : "RGBA",
  };
}

function isKnown(bits: number, compression: number, length: number): boolean {
  if (compression === PLAIN) return [1, 4, 8, 16, 24, 32].includes(bits);
  if (compression === RLE8) return bits === 8;
  if (compression === RLE4) return bits === 4;
  const isWindows = length !== 64; // where 3 is Huffman's code
  return (compression === BIT_FIELDS || compression === ALPHA_BIT_FIELDS) && isWindows && (bits === 16 || bits === 32);
}

function readMasks(bytes: Uint8Array, bits: number, compression: number, length: number): BmpHeader["masks"] {
  if (compression !== BIT_FIELDS && compression !== ALPHA_BIT_FIELDS)
    return bits === 16 ? [0x7c00, 0x3e0, 0x1f, 0] : [0xff0000, 0xff00, 0xff, 0];
  const withAlpha = compression === ALPHA_BIT_FIELDS || length >= 56;
  const view = viewOf(bytes, withAlpha ? 70 : 66);
  if (view === undefined) throw new BmpError("its header is cut off");
  const mask = (at: number): number => view.getUint32(at, true);
  return [mask(54), mask(58), mask(62), withAlpha ? mask(66) : 0];
}

/** Indices that the file gives no colour are black, as in Pillow. */
function readPalette(bytes: Uint8Array, bits: number, from: number, to: number, stride: number, named: number) {
  if (bits > 8) return new Uint8Array(0);
  const room = Math.max(Math.floor((Math.min(to, bytes.length) - from) / stride), 0);
  const colors = Math.min(named || 1 << bits, 1 << bits, room);
  const palette = new Uint8Array(3 << bits);
  for (let i = 0; i < colors; i++) {
    for (let channel = 0; channel < 3; channel++)
      palette[3 * i + channel] = bytes[from + i * stride + 2 - channel] ?? 0;
  }
  return palette;
}

function paletteMode(palette: Uint8Array, bits: number): Mode {
  const step = bits === 1 ? 255 : 1;
  const isRamp = palette.every((level, i) => level === Math.floor(i / 3) * step);
  return !isRamp ? "P" : bits === 1 ? "1" : "L";
}

/** @throws BmpError when rows are missing */
export function decodeBmp(bytes: Uint8Array, header: BmpHeader): RasterImage {
  const { mode, width, height, bits, compression } = header;
  const size = { width, height };
  if (bits > 8) return { mode, ...size, data: directColors(bytes, header) };
  const isPacked = compression === RLE8 || compression === RLE4;
  const indices = isPacked ? runLengths(bytes, header) : plainIndices(bytes, header);
  if (mode === "L") return { mode, ...size, data: indices };
  const channels = mode === "1" ? 1 : 3;
  const data = new Uint8Array(indices.length * channels);
  for (let i = 0, target = 0; i < indices.length; i++) {
    for (let channel = 0; channel < channels; channel++) {
      data[target++] = header.palette[3 * (indices[i] ?? 0) + channel] ?? 0;
    }
  }
  return { mode, ...size, data };
}

/** Calls `row` with where each row begins in the file and in the picture, from the top. */
function eachRow(bytes: Uint8Array, header: BmpHeader, row: (source: number, y: number) => void): void {
  const { width, height, bits, start, fromTop } = header;
  const stride = Math.ceil((width * bits) / 32) * 4;
  // The last row needs no padding.
  if (start + stride * (height - 1) + Math.ceil((width * bits) / 8) > bytes.length)
    throw new BmpError("pixels are missing");
  for (let y = 0; y < height; y++) row(start + stride * (fromTop ? y : height - 1 - y), y);
}

function plainIndices(bytes: Uint8Array, header: BmpHeader): Uint8Array {
  const { width, height, bits } = header;
  const indices = new Uint8Array(width * height);
  const mask = (1 << bits) - 1;
  eachRow(bytes, header, (source, y) => {
    for (let x = 0; x < width; x++) {
      const bit = x * bits;
      indices[y * width + x] = ((bytes[source + (bit >> 3)] ?? 0) >> (8 - bits - (bit & 7))) & mask;
    }
  });
  return indices;
}

function directColors(bytes: Uint8Array, header: BmpHeader): Uint8Array {
  const { width, height, bits, mode, masks } = header;
  const channels = mode === "RGBA" ? 4 : 3;
  const data = new Uint8Array(width * height * channels);
  const pixelBytes = bits / 8;
  const fields = masks.slice(0, channels).map((mask) => {
    const shift = mask === 0 ? 0 : 31 - Math.clz32(mask & -mask);
    return { shift, most: mask >>> shift };
  });
  eachRow(bytes, header, (source, y) => {
    let target = y * width * channels;
    for (let at = source; at < source + width * pixelBytes; at += pixelBytes) {
      let pixel = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
      if (pixelBytes > 2) pixel |= (bytes[at + 2] ?? 0) << 16;
      if (pixelBytes > 3) pixel |= (bytes[at + 3] ?? 0) << 24;
      for (const { shift, most } of fields) {
        const value = (pixel >>> shift) & most;
        data[target++] = most === 255 ? value : most === 0 ? 0 : Math.trunc(((value >>> 0) * 255) / most);
      }
    }
  });
  return data;
}

/** Pixels that no run reaches have index 0. Codes: 0 0 ends a row, 0 1 the picture, 0 2 moves on. */
function runLengths(bytes: Uint8Array, header: BmpHeader): Uint8Array {
  const { width, height, compression, start, fromTop } = header;
  const indices = new Uint8Array(width * height);
  const half = compression === RLE4;
  let x = 0;
  let y = 0;
  const put = (index: number) => {
    if (x < width && y < height) indices[(fromTop ? y : height - 1 - y) * width + x] = index;
    x++;
  };
  const nibble = (byte: number, i: number) => (!half ? byte : i % 2 === 0 ? byte >> 4 : byte & 15);
  for (let at = start; y < height; ) {
    const count = bytes[at++];
    const value = bytes[at++];
    if (count === undefined || value === undefined) throw new BmpError("pixels are missing");
    if (count > 0) {
      for (let i = 0; i < count; i++) put(nibble(value, i));
    } else if (value === 0) {
      x = 0;
      y++;
    } else if (value === 1) {
      break;
    } else if (value === 2) {
      x += bytes[at++] ?? 0;
      y += bytes[at++] ?? 0;
    } else {
      const length = half ? Math.ceil(value / 2) : value;
      for (let i = 0; i < value; i++) put(nibble(bytes[at + (half ? i >> 1 : i)] ?? 0, i));
      at += length + (length % 2);
    }
  }
  return indices;
}

function viewOf(bytes: Uint8Array, least: number): DataView | undefined {
  return bytes.length < least ? undefined : new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
