/** What a picture's header says of its size, without the work of decoding it: for looking over large data sets. */
import sharp from "sharp";
import { UserError } from "../../errors.js";
import { fileError } from "../../files/read-errors.js";
import { openRegular } from "../../files/regular-file.js";
import type { Size, TilingOptions } from "../tiles/anyres.js";
import { refuseThin } from "../tiles/thin-pictures.js";
import { DEFAULT_MAX_PIXELS, type DecodeOptions, decodePicture, type PictureSource } from "./decode-picture.js";
import { noPicture, refuseHuge } from "./picture-errors.js";
import { type PictureFormat, SNIFF_BYTES, sniffFormat } from "./picture-header.js";

export type GlanceOptions = Pick<DecodeOptions, "name" | "maxPixels" | "autoOrient"> & TilingOptions;

/** @throws UserError for what is no picture, and for a size that would not be decoded */
export async function readPictureSize(source: PictureSource, options: GlanceOptions): Promise<Size> {
  const name = typeof source === "string" ? source : (options.name ?? "picture");
  const format = await formatOf(source, name);
  const header = format === "bmp" || format === "heic" ? undefined : await readHeader(source, options);
  if (header === undefined) {
    // sharp cannot read it, or says less well than the decoder what is wrong.
    const { width, height } = await decodePicture(source, options, (size) => refuseThin(size, options));
    return { width, height };
  }
  refuseHuge(name, header.width, header.height, options.maxPixels ?? DEFAULT_MAX_PIXELS);
  refuseThin(header, options);
  return header;
}

/** sharp would read an SVG, too, and much else that is not decoded. */
async function formatOf(source: PictureSource, name: string): Promise<PictureFormat> {
  const head = typeof source === "string" ? await readHead(source) : source.subarray(0, SNIFF_BYTES);
  const format = sniffFormat(head);
  if (format === undefined) throw noPicture(name, head);
  return format;
}

async function readHead(path: string): Promise<Uint8Array> {
  const file = await openRegular(path, "a picture file");
  try {
    const head = new Uint8Array(SNIFF_BYTES);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    return head.subarray(0, bytesRead);
  } catch (cause) {
    throw cause instanceof UserError ? cause : fileError(path, cause);
  } finally {
    await file.close();
  }
}

/** Undefined when the header is damaged. */
async function readHeader(source: PictureSource, { autoOrient: isUpright = true }: GlanceOptions) {
  try {
    const { width, height, autoOrient } = await sharp(source, { limitInputPixels: false }).metadata();
    return isUpright ? autoOrient : { width, height };
  } catch {
    return undefined;
  }
}
