/** A picture of any format that is read here as one that every browser shows: upright, small enough, PNG or JPEG. */
import sharp from "sharp";
import type { Size, TilingOptions } from "../tiles/anyres.js";
import { refuseThin } from "../tiles/thin-pictures.js";
import { type DecodeOptions, decodePicture, type PictureSource } from "./decode-picture.js";
import { CHANNELS } from "./raster-image.js";

export interface RedrawOptions extends Pick<DecodeOptions, "maxPixels" | "name"> {
  /** Pixels of the longer side at most; it is never made larger. Default: as it is. */
  readonly maxSide?: number;
}

export interface Redrawn extends Size {
  readonly type: "image/png" | "image/jpeg";
  /** Of the file. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Of the picture that was given, upright. */
  readonly original: Size;
}

/** A PNG of more pixels takes seconds, and one of more bytes is too much for a request. */
const PNG_PIXELS = 4_000_000;
const PNG_BYTES = 6_000_000;
const JPEG_QUALITY = 95;
/** A JPEG has no longer sides. */
const JPEG_SIDE = 65_500;

/** Decoders have work with each row, however short: of millions of them nothing would be seen. */
const ONE_TILE: TilingOptions = { tileSize: 384, aspectRatio: { kind: "square" } };

/** @throws UserError for whatever is wrong with the file */
export async function redrawPicture(source: PictureSource, options: RedrawOptions): Promise<Redrawn> {
  const { maxSide = Number.POSITIVE_INFINITY, ...decoding } = options;
  const { mode, data, ...original } = await decodePicture(source, decoding, (size) => refuseThin(size, ONE_TILE));
  const size = within(original, maxSide);
  const raw = { ...original, channels: CHANNELS[mode] };
  const drawn = (to: Size) => sharp(data, { raw, limitInputPixels: false }).resize({ ...to, fit: "fill" });
  if (size.width * size.height <= PNG_PIXELS) {
    const bytes = await drawn(size).png().toBuffer();
    if (bytes.length <= PNG_BYTES) return { ...size, type: "image/png", bytes: own(bytes), original };
  }
  const smaller = within(size, JPEG_SIDE);
  const bytes = await drawn(smaller).jpeg({ quality: JPEG_QUALITY, chromaSubsampling: "4:4:4" }).toBuffer();
  return { ...smaller, type: "image/jpeg", bytes: own(bytes), original };
}

function within({ width, height }: Size, maxSide: number): Size {
  const factor = Math.min(1, maxSide / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * factor)), height: Math.max(1, Math.round(height * factor)) };
}

/** In memory of its own, which can be moved to another thread. */
const own = (bytes: Uint8Array) => new Uint8Array(bytes);
