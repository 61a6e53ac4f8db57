/** The picture of a draft, as it goes to the expert: a data URL with the type that its bytes have, whatever its name
 *  says. (The original calls every picture a JPEG.) Formats that chat APIs do not take become PNG; so does the first
 *  frame of an animation, since that is what the model has seen. */

import { createHash } from "node:crypto";
import { isAbsolute, join } from "node:path";
import sharp from "sharp";
import { UserError } from "../../errors.js";
import { emptyFile, fileError } from "../../files/read-errors.js";
import { openRegular } from "../../files/regular-file.js";
import { decodePicture } from "../../vision/picture/decode-picture.js";
import { measurePicture } from "../../vision/picture/load-picture.js";
import {
  describeContent,
  PICTURE_FORMATS,
  type PictureFormat,
  sniffFormat,
} from "../../vision/picture/picture-header.js";
import { CHANNELS, type RasterImage } from "../../vision/picture/raster-image.js";

export interface PictureFile {
  path: string;
  bytes: Buffer;
  sha256: string;
}

/** What chat APIs take: OpenAI's list. */
const ACCEPTED: ReadonlySet<PictureFormat> = new Set<PictureFormat>(["jpeg", "png", "webp", "gif"]);

/** @throws UserError when there is no file */
export async function readPictureFile(img: string, folder: string | undefined): Promise<PictureFile> {
  const path = isAbsolute(img) || folder === undefined ? img : join(folder, img);
  await using file = await openRegular(path, "a picture file");
  const bytes = await file.readFile().catch((cause: unknown) => {
    throw fileError(path, cause);
  });
  return { path, bytes, sha256: createHash("sha256").update(bytes).digest("hex") };
}

/** @throws UserError when it is no picture, or a broken one */
export async function pictureUrl({ path, bytes }: PictureFile): Promise<string> {
  if (bytes.length === 0) throw emptyFile(path, "a picture");
  const format = sniffFormat(bytes);
  if (format === undefined) throw new UserError(`${path}: is ${describeContent(bytes)}, expected ${PICTURE_FORMATS}`);
  // BMP and HEIC are not sharp's, and of some TIFFs it has the colours wrong: the expert sees what the model saw.
  const asItIs = ACCEPTED.has(format) && (await isStill(bytes, path));
  return asItIs
    ? dataUrl(`image/${format}`, bytes)
    : dataUrl("image/png", await asPng(await decodePicture(bytes, { name: path })));
}

/** @throws UserError for a header that decoding would refuse */
async function isStill(bytes: Buffer, name: string): Promise<boolean> {
  await measurePicture(bytes, { name });
  const { pages = 1 } = await sharp(bytes, { limitInputPixels: false }).metadata();
  return pages === 1;
}

const asPng = ({ data, width, height, mode }: RasterImage): Promise<Buffer> =>
  sharp(data, { raw: { width, height, channels: CHANNELS[mode] }, limitInputPixels: false })
    .png()
    .toBuffer();

const dataUrl = (type: string, bytes: Buffer): string => `data:${type};base64,${bytes.toString("base64")}`;
