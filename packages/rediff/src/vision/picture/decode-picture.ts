/** A picture file to pixels, as Pillow 10.3 decodes it: no colour profile, the first frame.
 *
 *  sharp 0.35 gives Pillow's bytes for JPEG, PNG, WebP, GIF and most kinds of TIFF once it is told to leave profiles
 *  alone; the rest is put right here: CMYK stays CMYK until `withoutAlpha`, transparent pixels of a GIF get their palette
 *  colour, and the mode is Pillow's. The other TIFFs are `tiff-colors.ts`; BMP and HEIC, which sharp lacks, have files of
 *  their own. Departure: 16-bit grey is scaled to 8 bits; Pillow cuts it off at 255, which leaves a white
 *  picture (`grey16: "clip"` does the same). */

import sharp, { type Metadata, type Sharp, type SharpOptions } from "sharp";
import { UserError } from "../../errors.js";
import { emptyFile, fileError } from "../../files/read-errors.js";
import { openRegular } from "../../files/regular-file.js";
import type { Size } from "../tiles/anyres.js";
import { BmpError, decodeBmp, readBmpHeader } from "./bmp.js";
import { decodeHeic } from "./heic.js";
import { damaged, noPicture, refuseHuge } from "./picture-errors.js";
import {
  type GifHeader,
  type PictureFormat,
  readGifHeader,
  readPngHeader,
  SNIFF_BYTES,
  sniffFormat,
} from "./picture-header.js";
import { refuseImplausible } from "./plausible-size.js";
import { CHANNELS, type Mode, type RasterImage, withoutAlpha } from "./raster-image.js";
import { isOpenRange, isPlainYcbcr, modeOfTiff, refuseStrangeTiff, ycbcrToRgb } from "./tiff/tiff-colors.js";
import { readTiffHeader, type TiffHeader } from "./tiff/tiff-header.js";

/** A path, or the bytes of a file. */
export type PictureSource = string | Uint8Array;

export interface DecodeOptions {
  /** `rgb` (default) is Pillow's convert("RGB"), as in training: alpha is dropped, palettes are looked up.
   *  `asis` keeps the file's own mode, as the reference's demo does: the resize then works on that mode. */
  readonly colors?: "rgb" | "asis";
  /** Turn the picture upright as its EXIF orientation says. Default true; the reference never does, but for TIFF, which
   *  Pillow turns while it loads it. TIFF and HEIC are upright either way. */
  readonly autoOrient?: boolean;
  /** A picture whose header promises more pixels is refused before it is decoded. Default `DEFAULT_MAX_PIXELS`. */
  readonly maxPixels?: number;
  /** What becomes of 16-bit grey: `scale` (default) keeps the upper byte, `clip` is Pillow's cut at 255. */
  readonly grey16?: "scale" | "clip";
  /** How messages call a picture that is given as bytes. Default "picture". */
  readonly name?: string;
}

/** Where Pillow, too, stops and speaks of a decompression bomb. */
export const DEFAULT_MAX_PIXELS = 178_956_970;

/** Decodes a picture. Throws a UserError for whatever is wrong with the file.
 *  @param judge told the size that the header promises, before any pixel is decoded; it may throw */
export async function decodePicture(
  source: PictureSource,
  options: DecodeOptions = {},
  judge?: (size: Size) => void,
): Promise<RasterImage> {
  const name = typeof source === "string" ? source : (options.name ?? "picture");
  const bytes = typeof source === "string" ? await readPicture(source) : source;
  if (bytes.length === 0) throw emptyFile(name, "a picture");
  const format = sniffFormat(bytes);
  if (format === undefined) throw noPicture(name, bytes);

  const admit = (size: Size) => {
    refuseHuge(name, size.width, size.height, options.maxPixels ?? DEFAULT_MAX_PIXELS);
    judge?.(size);
  };
  const keepMode = options.colors === "asis";
  const image =
    format === "heic"
      ? await decodeHeic(name, bytes, keepMode, admit)
      : format === "bmp"
        ? bmpPicture(name, bytes, admit)
        : await sharpPicture(name, bytes, format, options, admit);
  return keepMode ? image : withoutAlpha(image);
}

function bmpPicture(name: string, bytes: Uint8Array, admit: (size: Size) => void): RasterImage {
  try {
    const header = readBmpHeader(bytes);
    admit(header);
    return decodeBmp(bytes, header);
  } catch (cause) {
    throw cause instanceof BmpError ? damaged(name, "bmp", cause) : cause;
  }
}

async function sharpPicture(
  name: string,
  bytes: Uint8Array,
  format: PictureFormat,
  options: DecodeOptions,
  admit: (size: Size) => void,
): Promise<RasterImage> {
  const tiff = format === "tiff" ? readTiffHeader(bytes) : undefined;
  if (tiff !== undefined) refuseStrangeTiff(name, tiff);
  // Pillow turns a TIFF upright while it loads it, and no other format.
  const autoOrient = format === "tiff" || (options.autoOrient ?? true);
  const mode = await inspect(name, bytes, format, { ...options, autoOrient }, tiff, admit);
  refuseImplausible(name, format, bytes, tiff);
  if (tiff !== undefined && options.grey16 !== "clip" && isOpenRange(tiff)) await refuseCutGrey(name, bytes);
  return rasterize(name, bytes, format, mode, {
    alpha: options.colors === "asis" && (mode === "LA" || mode === "RGBA"),
    autoOrient,
    grey16: options.grey16 ?? "scale",
    tiff,
  });
}

/** Levels of 32 bits go from 0 to 255 for Pillow, which cuts off the rest: what a microscope or a script
 *  wrote as 0 to 1, or to 65,535, would be black or white. */
async function refuseCutGrey(name: string, bytes: Uint8Array): Promise<void> {
  const raw = await sharp(bytes, { limitInputPixels: false })
    .raw({ depth: "float" })
    .toBuffer()
    .catch((cause: unknown) => {
      throw damaged(name, "tiff", cause);
    });
  let [least, most] = [Infinity, -Infinity];
  // Where it lies in memory, floats may begin; elsewhere a copy does.
  const own = raw.byteOffset % 4 === 0 ? raw : new Uint8Array(raw);
  for (const level of new Float32Array(own.buffer, own.byteOffset, own.length / 4)) {
    if (level < least) least = level;
    if (level > most) most = level;
  }
  if (least >= 0 && most <= 255 && (most > 1 || most === 0)) return;
  throw new UserError(
    `${name}: a grey TIFF with levels from ${least} to ${most}, and nothing says which are black and white`,
    "Save it with 8 or 16 bits: magick IN -auto-level -depth 8 OUT.png",
  );
}

/** Reads a file that begins like a picture; anything else is refused before it is read whole. */
async function readPicture(path: string): Promise<Uint8Array> {
  const file = await openRegular(path, "a picture file");
  try {
    const head = new Uint8Array(SNIFF_BYTES);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    if (bytesRead === 0) throw emptyFile(path, "a picture");
    if (sniffFormat(head) === undefined) throw noPicture(path, head.subarray(0, bytesRead));
    return await file.readFile();
  } catch (cause) {
    throw cause instanceof UserError ? cause : fileError(path, cause);
  } finally {
    await file.close();
  }
}

/** Pillow's mode; only the header is read.
 *  @param admit told the size that the picture will have */
async function inspect(
  name: string,
  bytes: Uint8Array,
  format: PictureFormat,
  { maxPixels = DEFAULT_MAX_PIXELS, autoOrient }: DecodeOptions,
  tiff: TiffHeader | undefined,
  admit: (size: Size) => void,
): Promise<Mode> {
  // IHDR is looked at first because libpng wants to see pixel data before it tells the size.
  const png = format === "png" ? readPngHeader(bytes) : undefined;
  if (png !== undefined) refuseHuge(name, png.width, png.height, maxPixels);
  const metadata = await sharp(bytes, { limitInputPixels: false })
    .metadata()
    .catch((cause: unknown) => {
      throw damaged(name, format, cause);
    });
  const { width, height, orientation = 1 } = metadata;
  const isOnItsSide = autoOrient && orientation >= 5;
  admit(isOnItsSide ? { width: height, height: width } : { width, height });
  const known = tiff && modeOfTiff(tiff);
  if (known !== undefined) return known;
  return png?.mode ?? modeOf(metadata, format, bytes);
}

function modeOf(metadata: Metadata, format: PictureFormat, bytes: Uint8Array): Mode {
  if (format === "gif") return readGifHeader(bytes)?.mode ?? "P";
  if (metadata.space === "cmyk") return "CMYK";
  if (metadata.space === "grey16" && !metadata.hasAlpha) return "I;16";
  if (metadata.space === "b-w" || metadata.space === "grey16") {
    if (metadata.bitsPerSample === 1) return "1";
    return metadata.hasAlpha ? "LA" : "L";
  }
  return metadata.hasAlpha ? "RGBA" : "RGB";
}

interface RasterOptions {
  readonly alpha: boolean;
  readonly autoOrient: boolean;
  readonly grey16: "scale" | "clip";
  readonly tiff: TiffHeader | undefined;
}

async function rasterize(
  name: string,
  bytes: Uint8Array,
  format: PictureFormat,
  mode: Mode,
  options: RasterOptions,
): Promise<RasterImage> {
  const settings: SharpOptions = {
    ignoreIcc: true,
    autoOrient: options.autoOrient,
    limitInputPixels: false,
    // Where Pillow draws the line: it forgives bad checksums and odd markers, but not missing data.
    failOn: "truncated",
  };
  // A GIF's alpha is needed to find the pixels that `paintGif` fills.
  const alpha = options.alpha || format === "gif";
  const ink16 = mode === "CMYK" && options.tiff?.bits[0] === 16;
  const wide = ink16 || (mode === "I;16" && options.grey16 === "clip");
  // Frames of a GIF are always decoded to colour: libvips' way from colour to grey would cost exactness.
  const sampled = format === "gif" ? "P" : mode;
  const { data, info } = await inMode(sharp(bytes, settings), sampled, alpha, wide)
    .toBuffer({ resolveWithObject: true })
    .catch((cause: unknown) => {
      throw damaged(name, format, cause);
    });

  const found: Mode = options.alpha ? mode : mode === "LA" ? "L" : mode === "RGBA" ? "RGB" : mode;
  const size = { width: info.width, height: info.height };
  if (format === "gif") {
    const header = readGifHeader(bytes);
    if (header === undefined) throw damaged(name, format, new Error("no frame"));
    return paintGif(data, info.channels, size, found, header);
  }
  if (found === "LA" && info.channels === 4) return { mode: found, ...size, data: greyAndAlpha(data) };
  // Beyond the four inks a file may have alpha, or inks that no screen shows.
  if (found === "CMYK") return { mode: found, ...size, data: fourInks(ink16 ? upperBytes(data) : data, info.channels) };
  if (info.channels !== CHANNELS[found]) {
    throw new Error(`${name}: sharp gave ${info.channels} channels for a picture of mode ${found}`);
  }
  if (options.tiff !== undefined && isPlainYcbcr(options.tiff)) ycbcrToRgb(data, options.tiff);
  return { mode: found, ...size, data: wide ? clipToByte(data) : data };
}

/** The conversion that leaves as many 8-bit channels as the mode has. */
function inMode(image: Sharp, mode: Mode, alpha: boolean, wide: boolean): Sharp {
  // Without its own pipeline space, sharp would turn CMYK to RGB by a built-in profile, far from Pillow.
  if (mode === "CMYK") {
    const depth = wide ? "ushort" : "uchar";
    return image.pipelineColourspace("cmyk").toColourspace("cmyk").raw({ depth });
  }
  const opaque = alpha ? image : image.removeAlpha();
  if (wide) return opaque.toColourspace("grey16").raw({ depth: "ushort" });
  // As grey, sharp would hand out the first channel only, so grey with alpha comes as colour with alpha.
  const grey = mode === "1" || mode === "L" || mode === "I;16" || (mode === "LA" && !alpha);
  return opaque.toColourspace(grey ? "b-w" : "srgb").raw({ depth: "uchar" });
}

// Plain loops: a callback for each sample of a large picture takes half a minute.

function greyAndAlpha(rgba: Uint8Array): Uint8Array {
  const out = new Uint8Array(rgba.length / 2);
  for (let source = 0, target = 0; source < rgba.length; source += 4, target += 2) {
    out[target] = rgba[source] as number;
    out[target + 1] = rgba[source + 3] as number;
  }
  return out;
}

function upperBytes(data: Uint8Array): Uint8Array {
  // libvips writes samples in the machine's order, which is little-endian wherever sharp is built for.
  const out = new Uint8Array(data.length / 2);
  for (let i = 0; i < out.length; i++) out[i] = data[2 * i + 1] as number;
  return out;
}

function fourInks(data: Uint8Array, channels: number): Uint8Array {
  if (channels === 4) return data;
  const out = new Uint8Array((data.length / channels) * 4);
  for (let source = 0, target = 0; source < data.length; source += channels, target += 4) {
    for (let ink = 0; ink < 4; ink++) out[target + ink] = data[source + ink] as number;
  }
  return out;
}

function clipToByte(data: Uint8Array): Uint8Array {
  const out = new Uint8Array(data.length / 2);
  for (let i = 0; i < out.length; i++) out[i] = (data[2 * i + 1] as number) > 0 ? 255 : (data[2 * i] as number);
  return out;
}

/** A GIF's frame as its palette has it: transparent pixels, and those that the frame leaves out, get their colour. */
function paintGif(rgba: Uint8Array, channels: number, size: Size, mode: Mode, header: GifHeader): RasterImage {
  const { fill, frame } = header;
  const kept = CHANNELS[mode];
  const data = new Uint8Array(size.width * size.height * kept);
  let source = 0;
  let target = 0;
  for (let y = 0; y < size.height; y++) {
    const rowInFrame = y >= frame.top && y < frame.top + frame.height;
    for (let x = 0; x < size.width; x++) {
      const inFrame = rowInFrame && x >= frame.left && x < frame.left + frame.width;
      const visible = inFrame && (channels === 3 || rgba[source + 3] !== 0);
      for (let i = 0; i < kept; i++) data[target + i] = (visible ? rgba[source + i] : fill[i]) ?? 0;
      source += channels;
      target += kept;
    }
  }
  return { mode, ...size, data };
}
