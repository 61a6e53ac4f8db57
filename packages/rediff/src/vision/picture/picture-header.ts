/** What the first bytes of a picture file tell: its format, and what sharp does not pass on.
 *
 *  Pillow's mode of a PNG follows from its header alone, while sharp reports what it has expanded (a transparent
 *  colour becomes an alpha channel); and transparent pixels of a GIF are black in sharp, but have a colour of the
 *  palette in Pillow. */

import type { Offset, Size } from "../tiles/anyres.js";
import { isBmp } from "./bmp.js";
import type { Mode } from "./raster-image.js";

export type PictureFormat = "jpeg" | "png" | "webp" | "gif" | "tiff" | "avif" | "bmp" | "heic";

/** For messages. */
export const PICTURE_FORMATS = "JPEG, PNG, WebP, GIF, TIFF, AVIF, BMP or HEIC";

/** Bytes that `sniffFormat` wants to see; fewer will do for most formats. */
export const SNIFF_BYTES = 64;

/** The format by its signature, whatever the file is called; undefined when it is none that can be decoded. */
export function sniffFormat(head: Uint8Array): PictureFormat | undefined {
  const text = latin1(head.subarray(0, SNIFF_BYTES));
  if (text.startsWith("\xff\xd8\xff")) return "jpeg";
  if (text.startsWith("\x89PNG\r\n\x1a\n")) return "png";
  if (text.startsWith("GIF87a") || text.startsWith("GIF89a")) return "gif";
  if (text.startsWith("RIFF") && text.slice(8, 12) === "WEBP") return "webp";
  if (["II*\0", "MM\0*", "II+\0", "MM\0+"].includes(text.slice(0, 4))) return "tiff";
  if (text.slice(4, 8) === "ftyp") return heifFormat(text.slice(8));
  return isBmp(head) ? "bmp" : undefined;
}

/** HEIF's brands (ISO 23008-12, Annex B): `mif1` and `msf1` leave the codec to the brands after them. */
function heifFormat(brands: string): "avif" | "heic" | undefined {
  const major = brands.slice(0, 4);
  if (/^avi[fs]/.test(major)) return "avif";
  if (/^(?:hei[cxms]|hev[cxms])/.test(major)) return "heic";
  if (!/^m[is]f1/.test(major)) return undefined;
  return /avi[fs]/.test(brands) ? "avif" : "heic";
}

/** What a file seems to be that is no picture, to say so in one word or two. */
export function describeContent(head: Uint8Array): string {
  const text = latin1(head.subarray(0, SNIFF_BYTES));
  if (/^P[1-7]\s/.test(text)) return "a Netpbm picture";
  if (text.slice(4, 8) === "ftyp" || text.startsWith("\x1aE\xdf\xa3")) return "a video";
  if (text.startsWith("version https://git-lfs")) return "a Git LFS pointer";
  if (/^\s*(<!doctype html|<html)/i.test(text)) return "an HTML page";
  if (/^\s*<(\?xml|svg)/.test(text)) return "an SVG or XML document";
  if (text.startsWith("%PDF")) return "a PDF document";
  if (text.startsWith("PK\x03\x04")) return "a ZIP archive";
  if (/^[\t\n\r\x20-\x7e]+$/.test(text)) return "text";
  return "no known kind of picture";
}

export interface PngHeader extends Size {
  readonly mode: Mode;
  readonly bitsPerPixel: number;
}

/** Size and Pillow's mode from IHDR; undefined when the header is cut off or makes no sense. */
export function readPngHeader(bytes: Uint8Array): PngHeader | undefined {
  if (bytes.length < 26 || latin1(bytes.subarray(12, 16)) !== "IHDR") return undefined;
  const view = viewOf(bytes);
  const [bitDepth, colorType] = [view.getUint8(24), view.getUint8(25)];
  const mode = pngMode(bitDepth, colorType);
  if (mode === undefined) return undefined;
  const bitsPerPixel = bitDepth * (PNG_SAMPLES[colorType] ?? 1);
  return { width: view.getUint32(16), height: view.getUint32(20), mode, bitsPerPixel };
}

/** By colour type. */
const PNG_SAMPLES: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

function pngMode(bitDepth: number, colorType: number): Mode | undefined {
  switch (colorType) {
    case 0:
      return bitDepth === 1 ? "1" : bitDepth === 16 ? "I;16" : "L";
    case 2:
      return "RGB";
    case 3:
      return "P";
    case 4:
      // Pillow has no 16-bit LA and opens it as RGBA.
      return bitDepth === 16 ? "RGBA" : "LA";
    case 6:
      return "RGBA";
    default:
      return undefined;
  }
}

export interface GifHeader {
  /** L when the palette is the ramp of greys, as Pillow has it. */
  readonly mode: "L" | "P";
  /** What transparent pixels and those outside the first frame look like. */
  readonly fill: readonly [number, number, number];
  /** Where the first frame lies on the screen. */
  readonly frame: Size & Offset;
}

/** Palette facts of the first frame; undefined when no frame is found. Structure: GIF89a specification, 18-23. */
export function readGifHeader(bytes: Uint8Array): GifHeader | undefined {
  const at = (position: number): number => bytes[position] ?? 0;
  const paletteBytes = (flags: number): number => (flags & 0x80 ? 3 << ((flags & 7) + 1) : 0);

  let position = 13 + paletteBytes(at(10));
  let palette = bytes.subarray(13, position);
  let transparent = 0;
  while (position < bytes.length) {
    const block = at(position);
    if (block === 0x2c) {
      const local = paletteBytes(at(position + 9));
      if (local > 0) palette = bytes.subarray(position + 10, position + 10 + local);
      break;
    }
    if (block === 0x3b) return undefined;
    if (block !== 0x21) {
      position++;
      continue;
    }
    // Graphic control extension: its flags, two bytes of delay, the transparent index.
    if (at(position + 1) === 0xf9 && at(position + 3) & 1) transparent = at(position + 6);
    position += 2;
    while (at(position) !== 0) position += at(position) + 1;
    position++;
  }
  if (position >= bytes.length) return undefined;

  const short = (offset: number): number => at(position + offset) | (at(position + offset + 1) << 8);
  const frame = { left: short(1), top: short(3), width: short(5), height: short(7) };
  const ramp = palette.every((level, index) => level === Math.floor(index / 3));
  if (ramp) return { mode: "L", fill: [transparent, transparent, transparent], frame };
  const color = transparent * 3;
  return { mode: "P", fill: [palette[color] ?? 0, palette[color + 1] ?? 0, palette[color + 2] ?? 0], frame };
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
