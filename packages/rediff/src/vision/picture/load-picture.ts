/** From a picture file to tiles, in this thread. The pool runs the same function in its workers. */

import { refuseThin } from "../tiles/thin-pictures.js";
import { makeTiles, type Tiles, type TilingOptions } from "../tiles/tiles.js";
import { type DecodeOptions, decodePicture, type PictureSource } from "./decode-picture.js";

export type PictureOptions = DecodeOptions & TilingOptions;

export async function loadPicture(source: PictureSource, options: PictureOptions): Promise<Tiles> {
  return makeTiles(await decodePicture(source, options, (size) => refuseThin(size, options)), options);
}
