/** From a picture file to tiles, in this thread. The pool runs the same function in its workers. */

import type { Size } from "../tiles/anyres.js";
import { refuseThin } from "../tiles/thin-pictures.js";
import { makeTiles, type Tiles, type TilingOptions } from "../tiles/tiles.js";
import { type DecodeOptions, decodePicture, type PictureSource } from "./decode-picture.js";

export type PictureOptions = DecodeOptions & TilingOptions;

/** @throws UserError for whatever is wrong with the file */
export async function loadPicture(source: PictureSource, options: PictureOptions): Promise<Tiles> {
  return makeTiles(await decodePicture(source, options, (size) => refuseThin(size, options)), options);
}

/** The size that decoding would give, told by the header alone.
 *  @param judge of that size; it may throw
 *  @throws UserError as decoding would before it begins */
export async function measurePicture(
  source: PictureSource,
  options: DecodeOptions,
  judge?: (size: Size) => void,
): Promise<Size> {
  let found: Size | undefined;
  try {
    const { width, height } = await decodePicture(source, options, (size) => {
      judge?.(size);
      found = size;
      throw new Measured();
    });
    return { width, height };
  } catch (error) {
    if (error instanceof Measured && found !== undefined) return found;
    throw error;
  }
}

/** Ends decoding where it would begin. */
class Measured extends Error {}
