/** The first directory of a TIFF file, as far as it decides how pixels are read. Structure: TIFF 6.0, 2; BigTIFF has
 *  the same fields with 8-byte offsets. */

import type { Size } from "../../tiles/anyres.js";

export interface TiffHeader extends Size {
  /** What samples mean: 2 is RGB, 6 YCbCr, 8 CIELAB ... */
  readonly photometric: number | undefined;
  /** 1 is none, 5 LZW, 7 JPEG ... */
  readonly compression: number;
  /** Of each sample; one number when all are alike. */
  readonly bits: readonly number[];
  /** 1 unsigned, 2 signed, 3 floating point; 4 says nothing. */
  readonly sampleFormat: readonly number[];
  readonly samples: number;
  /** Red, green and blue lie one after the other, and not together. */
  readonly isPlanar: boolean;
  /** 1 is CMYK, 2 other inks. */
  readonly inkSet: number;
  /** Chroma samples lie this far apart, across and down. */
  readonly subsampling: readonly [number, number];
  /** How much red, green and blue make up Y. */
  readonly luma: readonly [number, number, number];
  /** Black and white of Y, Cb and Cr; undefined when the file does not say. */
  readonly range: readonly number[] | undefined;
  /** Of all strips together; 0 where the file has tiles. */
  readonly stripBytes: number;
}

const TAGS = {
  width: 256,
  height: 257,
  bits: 258,
  compression: 259,
  photometric: 262,
  samples: 277,
  stripBytes: 279,
  planar: 284,
  inkSet: 332,
  sampleFormat: 339,
  luma: 529,
  subsampling: 530,
  range: 532,
} as const;

/** Bytes of a value, by its type's number: BYTE, ASCII, SHORT, LONG, RATIONAL, ... */
const TYPE_BYTES = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8];

/** What a directory of 2-byte counts can hold; BigTIFF's could claim more than anybody has written. */
const MOST_ENTRIES = 0xffff;

/** Undefined when the file is cut off before its directory, or makes no sense. */
export function readTiffHeader(bytes: Uint8Array): TiffHeader | undefined {
  try {
    return parse(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (error) {
    if (error instanceof RangeError) return undefined; // an offset that points out of the file
    throw error;
  }
}

function parse(view: DataView): TiffHeader {
  const little = view.getUint8(0) === 0x49;
  const big = view.getUint16(2, little) === 43;
  const word = (at: number): number => (big ? Number(view.getBigUint64(at, little)) : view.getUint32(at, little));

  const directory = word(big ? 8 : 4);
  const entries = big ? word(directory) : view.getUint16(directory, little);
  if (entries > MOST_ENTRIES) throw new RangeError("no directory");
  const [first, entryBytes, inlineBytes] = big ? [directory + 8, 20, 8] : [directory + 2, 12, 4];

  /** Where the numbers of a tag lie: all of them in the file. */
  const placeOf = (tag: number): { type: number; bytes: number; count: number; start: number } | undefined => {
    for (let at = first; at < first + entries * entryBytes; at += entryBytes) {
      if (view.getUint16(at, little) !== tag) continue;
      const type = view.getUint16(at + 2, little);
      const bytes = TYPE_BYTES[type] ?? 0;
      if (bytes === 0) throw new RangeError("no known type of number");
      const count = word(at + 4);
      const place = at + (big ? 12 : 8);
      const start = count * bytes <= inlineBytes ? place : word(place);
      if (start + count * bytes > view.byteLength) throw new RangeError("cut off");
      return { type, bytes, count, start };
    }
    return undefined;
  };
  /** The numbers of a tag, the first `most` of them. */
  const values = (tag: number, most: number): number[] | undefined => {
    const found = placeOf(tag);
    if (found === undefined) return undefined;
    const { type, bytes, count, start } = found;
    return Array.from({ length: Math.min(count, most) }, (_, i) => number(type, start + i * bytes));
  };
  /** Of a tag that may have as many numbers as the file has rows. */
  const sum = (tag: number): number => {
    const { type, bytes, count, start } = placeOf(tag) ?? { type: 1, bytes: 1, count: 0, start: 0 };
    let total = 0;
    for (let i = 0; i < count; i++) total += number(type, start + i * bytes);
    return total;
  };
  const number = (type: number, at: number): number => {
    if (type === 5) return view.getUint32(at, little) / view.getUint32(at + 4, little);
    if (type === 11) return view.getFloat32(at, little);
    if (type === 12) return view.getFloat64(at, little);
    if (type === 3) return view.getUint16(at, little);
    if (type === 16) return Number(view.getBigUint64(at, little));
    return type === 1 ? view.getUint8(at) : view.getUint32(at, little);
  };

  const [across = 2, down = 2] = values(TAGS.subsampling, 2) ?? [];
  const [red = 0.299, green = 0.587, blue = 0.114] = values(TAGS.luma, 3) ?? [];
  const samples = values(TAGS.samples, 1)?.[0] ?? 1;
  return {
    width: values(TAGS.width, 1)?.[0] ?? 0,
    height: values(TAGS.height, 1)?.[0] ?? 0,
    photometric: values(TAGS.photometric, 1)?.[0],
    compression: values(TAGS.compression, 1)?.[0] ?? 1,
    bits: distinct(values(TAGS.bits, samples) ?? [1]),
    sampleFormat: distinct(values(TAGS.sampleFormat, samples) ?? [1]),
    samples,
    inkSet: values(TAGS.inkSet, 1)?.[0] ?? 1,
    subsampling: [across, down],
    luma: [red, green, blue],
    range: values(TAGS.range, 6),
    isPlanar: values(TAGS.planar, 1)?.[0] === 2,
    stripBytes: sum(TAGS.stripBytes),
  };
}

const distinct = (values: readonly number[]): number[] => [...new Set(values)];
