/** Files that promise more than their bytes can hold are told apart from small files of large, plain pictures before anybody
 *  works for them: a decoder would fill in grey for what is not there, after all the work. */
import { UserError } from "../../errors.js";
import { readJpegHeader } from "./jpeg-header.js";
import { damaged } from "./picture-errors.js";
import { type PictureFormat, readPngHeader } from "./picture-header.js";
import type { TiffHeader } from "./tiff/tiff-header.js";

/** Bytes that one byte of a file can stand for at most. Deflate: 258 of 2 bits; LZW: a string of 4096 in 12 bits. */
const DEFLATE = 1032;
const LZW = 2731;
const PACK_BITS = 64;
const TIFF_RATIOS: Readonly<Record<number, number>> = { 1: 1, 5: LZW, 8: DEFLATE, 32946: DEFLATE, 32773: PACK_BITS };

/** A file of many passes is as much work as many files; encoders write about ten. */
const MOST_SCANS = 100;

/** @throws UserError for a file that must be cut off, and for a JPEG of hundreds of scans */
export function refuseImplausible(
  name: string,
  format: PictureFormat,
  bytes: Uint8Array,
  tiff: TiffHeader | undefined,
): void {
  const least = leastBytes(name, format, bytes, tiff);
  if (least <= bytes.length) return;
  const why = `${bytes.length} bytes cannot hold what its header promises, ${Math.ceil(least)} would be the least`;
  throw damaged(name, format, new Error(why));
}

function leastBytes(name: string, format: PictureFormat, bytes: Uint8Array, tiff: TiffHeader | undefined): number {
  if (format === "png") {
    const png = readPngHeader(bytes);
    return png === undefined ? 0 : (png.width * png.height * png.bitsPerPixel) / 8 / DEFLATE;
  }
  if (format === "jpeg") {
    const jpeg = readJpegHeader(bytes);
    if (jpeg !== undefined && jpeg.scans > MOST_SCANS)
      throw new UserError(
        `${name}: a JPEG of ${jpeg.scans} scans; at most ${MOST_SCANS} are decoded`,
        "Save it again, with any program",
      );
    return (jpeg?.leastBits ?? 0) / 8;
  }
  const ratio = tiff && TIFF_RATIOS[tiff.compression];
  if (tiff === undefined || ratio === undefined) return 0;
  const { width, height, bits, samples, subsampling } = tiff;
  const [across, down] = subsampling;
  const perPixel = tiff.photometric === YCBCR ? 1 + 2 / (across * down) : samples;
  return (width * height * perPixel * (bits[0] ?? 1)) / 8 / ratio;
}

const YCBCR = 6;
