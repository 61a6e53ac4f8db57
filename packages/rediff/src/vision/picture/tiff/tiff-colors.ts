/** What sharp leaves undone of a TIFF's colours, and which kinds of TIFF it would show in wrong ones.
 *
 *  libvips hands out the samples of CIELAB, of inks other than CMYK and of floating-point colours under names that
 *  lead nowhere near Pillow's pixels, and YCbCr at full resolution as if it were RGB. */

import { UserError } from "../../../errors.js";
import type { Mode } from "../raster-image.js";
import type { TiffHeader } from "./tiff-header.js";

const GREY = [0, 1];
const RGB = 2;
const PALETTE = 3;
const CMYK = 5;
const YCBCR = 6;
/** Samples that make no colour that Pillow would show, by their photometric interpretation. */
const OTHER: Readonly<Record<number, string>> = {
  4: "that is a transparency mask",
  8: "in CIELAB colours",
  9: "in ICC LAB colours",
  10: "in ITU LAB colours",
  32803: "of raw sensor data",
  32844: "in LogL levels",
  32845: "in LogLuv colours",
  34892: "of raw sensor data",
  51177: "that is a depth map",
};

/** Compressions of libtiff that sharp has, by number. */
const COMPRESSIONS = [1, 2, 3, 4, 5, 7, 8, 32771, 32773, 32946];
const OTHER_COMPRESSIONS: Readonly<Record<number, string>> = {
  6: "old-style JPEG",
  9: "JBIG",
  10: "JBIG",
  32809: "ThunderScan",
  32908: "PixarFilm",
  32909: "PixarLog",
  33003: "JPEG 2000",
  33005: "JPEG 2000",
  34661: "JBIG",
  34676: "SGI LogLuv",
  34677: "SGI LogLuv",
  34712: "JPEG 2000",
  34887: "LERC",
  34892: "lossy JPEG",
  34925: "LZMA",
  50000: "Zstandard",
  50001: "WebP",
  50002: "JPEG XL",
  52546: "JPEG XL",
};

/** @throws UserError for a TIFF whose colours would come out wrong, or not at all */
export function refuseStrangeTiff(name: string, header: TiffHeader): void {
  const what = strangeness(header);
  if (what === undefined) return;
  throw new UserError(
    `${name}: a TIFF ${what}; expected grey, palette, RGB, CMYK or YCbCr of 8 or 16 bits`,
    "Save it as an 8-bit RGB PNG, JPEG or TIFF: an image editor can, as can ImageMagick (magick IN -colorspace sRGB -depth 8 OUT.png)",
  );
}

/** What is unusual about the file; undefined when sharp and this module get it right. */
function strangeness(header: TiffHeader): string | undefined {
  const { photometric, compression, bits, sampleFormat, samples, inkSet, subsampling } = header;
  if (!COMPRESSIONS.includes(compression))
    return `compressed as ${OTHER_COMPRESSIONS[compression] ?? `kind ${compression}`}`;
  const [depth = 1] = bits;
  const [format = 1] = sampleFormat;
  if (bits.length > 1) return `of samples with ${bits.join(" and ")} bits`;
  if (sampleFormat.length > 1 || format > 4) return "of samples with several number formats";
  const kind = format === 3 ? "floating-point numbers" : format === 2 ? "signed numbers" : "numbers";
  const odd = (...depths: number[]) =>
    (format !== 1 && format !== 4) || !depths.includes(depth) ? `of ${depth}-bit ${kind}` : undefined;

  if (photometric === undefined) return undefined; // sharp says what it makes of it
  if (GREY.includes(photometric)) {
    // Numbers of 32 bits, and signed ones, are cut off to 0-255, as Pillow does it.
    if (format === 2 && (depth === 16 || depth === 32)) return undefined;
    if (format === 3 && depth === 32) return undefined;
    return odd(1, 2, 4, 8, 16, 32);
  }
  if (photometric === RGB) return samples < 3 ? `of RGB with ${samples} samples` : odd(8, 16);
  if (photometric === PALETTE) return odd(1, 2, 4, 8, 16);
  if (photometric === CMYK) return inkSet !== 1 || samples < 4 ? `of ${samples} inks that are not CMYK` : odd(8, 16);
  if (photometric === YCBCR) {
    const isFull = subsampling[0] === 1 && subsampling[1] === 1;
    if (header.isPlanar) return "of YCbCr in separate planes";
    if (isFull && samples !== 3) return `of YCbCr with ${samples} samples`;
    return hasMoreChroma(header) ? "of YCbCr that is said to be subsampled, and is not" : odd(8);
  }
  return OTHER[photometric] ?? `of an unknown photometric interpretation (${photometric})`;
}

/** Pillow, for one, writes YCbCr at full resolution and leaves out to say so, which means 2 x 2. */
function hasMoreChroma({ compression, width, height, stripBytes, subsampling: [across, down] }: TiffHeader): boolean {
  return compression === 1 && across * down > 1 && stripBytes === width * height * 3;
}

/** Grey whose number format has no white of its own. */
export const isOpenRange = ({ photometric, bits: [depth = 1] }: TiffHeader): boolean =>
  photometric !== undefined && GREY.includes(photometric) && depth === 32;

const JPEG = 7;

/** Whether sharp gives Y, Cb and Cr. (It has JPEG and chroma at lower resolution converted by libjpeg and libtiff.) */
export const isPlainYcbcr = ({ photometric, compression, subsampling }: TiffHeader): boolean =>
  photometric === YCBCR && compression !== JPEG && subsampling[0] === 1 && subsampling[1] === 1;

/** Pillow's mode, where sharp does not tell it: it looks palettes up, and YCbCr may come with an alpha of libtiff's. */
export const modeOfTiff = ({ photometric, samples }: TiffHeader): Mode | undefined =>
  photometric === YCBCR ? "RGB" : photometric === PALETTE && samples === 1 ? "P" : undefined;

const FRACTION_BITS = 16;
const HALF = 1 << (FRACTION_BITS - 1);
const fixed = (value: number): number => Math.trunc(Math.min(Math.max(value, 0), 2) * (1 << FRACTION_BITS) + 0.5);

/** Y, Cb, Cr to R, G, B with the file's own weights and range, in libtiff's integers: TIFF 6.0, 21. In place.
 *  @param data [pixels, 3] */
export function ycbcrToRgb(data: Uint8Array, { luma, range }: TiffHeader): void {
  const [red, green, blue] = luma;
  const [blackY = 0, whiteY = 255, blackCb = 128, whiteCb = 255, blackCr = 128, whiteCr = 255] = range ?? [];
  const crToRed = fixed(2 - 2 * red);
  const crToGreen = fixed((red * (2 - 2 * red)) / green);
  const cbToBlue = fixed(2 - 2 * blue);
  const cbToGreen = fixed((blue * (2 - 2 * blue)) / green);
  const levels = (black: number, white: number, full: number, from: number) =>
    Int32Array.from({ length: 256 }, (_, code) => {
      const level = ((code - from - Math.trunc(black - from)) * full) / (white === black ? 1 : white - black);
      return Math.trunc(Math.min(Math.max(level, -4096), 4096));
    });
  const lumas = levels(blackY, whiteY, 255, 0);
  const cbs = levels(blackCb, whiteCb, 127, 128);
  const crs = levels(blackCr, whiteCr, 127, 128);

  const out = new Uint8ClampedArray(data.buffer, data.byteOffset, data.byteLength);
  for (let i = 0; i + 2 < data.length; i += 3) {
    const y = lumas[data[i] ?? 0] ?? 0;
    const cb = cbs[data[i + 1] ?? 0] ?? 0;
    const cr = crs[data[i + 2] ?? 0] ?? 0;
    out[i] = y + ((crToRed * cr + HALF) >> FRACTION_BITS);
    out[i + 1] = y + ((HALF - cbToGreen * cb - crToGreen * cr) >> FRACTION_BITS);
    out[i + 2] = y + ((cbToBlue * cb + HALF) >> FRACTION_BITS);
  }
}
