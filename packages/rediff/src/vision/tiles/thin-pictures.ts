/** Pictures that are few pixels and yet much work. Pillow's resizing goes across first and down afterwards: a picture of
 *  1 x 39,000,000, a file of 150 kB, becomes 384 x 39,000,000 on its way to one tile, and 39,000,000 squared when it is
 *  centred on a square. What resizing will need is known from the size alone, so it is judged before anything is done. */
import { bestResolution, letterbox, type Size, type TilingOptions, tooThin } from "./anyres.js";

/** Pixels of one picture on the way; 200 MB in colour. A strip of 384 pixels across may be 174,000 high. */
const MOST_BETWEEN = 2 ** 26;

/** Pixels of a side: resizing has four weights for each of them. */
const LONGEST_SIDE = 2 ** 24;

/** Pixels of a square around a picture: where Pillow, too, stops. */
const MOST_IN_SQUARE = 178_956_970;

/** @throws UserError when the work is out of proportion to what would be seen */
export function refuseThin(image: Size, { aspectRatio, tileSize, pinpoints = [] }: TilingOptions): void {
  const { width, height } = image;
  const side = Math.max(width, height);
  if (aspectRatio.kind === "pad" && width !== height && side * side > MOST_IN_SQUARE)
    throw tooThin(image, `it makes a square of ${side} x ${side}, more than ${MOST_IN_SQUARE} pixels`);
  if (side > LONGEST_SIDE) throw tooThin(image, `more than ${LONGEST_SIDE} pixels on a side`);
  const rows = aspectRatio.kind === "pad" ? side : height;
  const across =
    aspectRatio.kind === "anyres"
      ? Math.max(tileSize, letterbox(image, bestResolution(image, pinpoints)).width)
      : tileSize;
  if (across * rows > MOST_BETWEEN)
    throw tooThin(image, `resizing it needs ${across} x ${rows} pixels in between, more than ${MOST_BETWEEN}`);
}
