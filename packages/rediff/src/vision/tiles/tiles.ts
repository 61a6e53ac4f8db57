/** A decoded picture to the tiles that the vision tower sees, bytes in the reference's order.
 *
 *  - anyres: the whole picture squashed to one tile (its shape is lost, as in the reference), then the tiles of the
 *    letterboxed picture, row by row.
 *  - pad: one tile; the picture centred on a grey square.
 *  - square: one tile; the picture squashed.
 *
 *  A picture that still has its own mode (`colors: "asis"`) is resized in that mode under anyres and loses alpha or
 *  palette afterwards. The other two convert first: there the reference does so too, or fails. */

import { type OpaqueImage, type RasterImage, withoutAlpha } from "../picture/raster-image.js";
import { resizeImage } from "../picture/resize.js";
import { bestResolution, letterbox, type Offset, type Size, type TilingOptions } from "./anyres.js";
import { refuseThin } from "./thin-pictures.js";

export type { TilingOptions } from "./anyres.js";

/** Tiles as bytes. The float input of the tower is ((level / 255) - IMAGE_MEAN) / IMAGE_STD, see `normalizedLevels`. */
export interface Tiles {
  /** [tiles, 3, tileSize, tileSize]; the array owns its whole buffer, so that it can be transferred. */
  readonly pixels: Uint8Array<ArrayBuffer>;
  readonly tiles: number;
  readonly tileSize: number;
  /** Of the decoded picture, before any resizing: what the unpadding needs. */
  readonly imageSize: Size;
}

/** Tiles of a picture, or frames of a video. */
export interface Visual extends Tiles {
  readonly kind: "picture" | "video";
}

/** SigLIP's normalisation, the same for all channels. */
export const IMAGE_MEAN = 0.5;
export const IMAGE_STD = 0.5;

/** floor(255 IMAGE_MEAN): the surroundings of a padded picture. */
const PAD_LEVEL = 127;

/** What each of the 256 levels becomes, in the reference's roundings: scaled in float64, the rest in float32. */
export function normalizedLevels(): Float32Array {
  return Float32Array.from({ length: 256 }, (_, level) => {
    const scaled = Math.fround(level * (1 / 255));
    return Math.fround(Math.fround(scaled - IMAGE_MEAN) / IMAGE_STD);
  });
}

/** @throws UserError for a picture so long and thin that nothing of it would be seen, or that resizing it would cost
 *  gigabytes on the way to a few tiles */
export function makeTiles(image: RasterImage, options: TilingOptions): Tiles {
  refuseThin(image, options);
  switch (options.aspectRatio.kind) {
    case "anyres":
      return anyresTiles(image, options.tileSize, options.pinpoints ?? []);
    case "pad":
      return oneTile(centerOnSquare(withoutAlpha(image)), options.tileSize, image);
    case "square":
      return oneTile(withoutAlpha(image), options.tileSize, image);
  }
}

function anyresTiles(image: RasterImage, tileSize: number, pinpoints: readonly Size[]): Tiles {
  const target = bestResolution(image, pinpoints);
  const columns = Math.floor(target.width / tileSize);
  const tiles = 1 + columns * Math.floor(target.height / tileSize);
  const pixels = new Uint8Array(tiles * 3 * tileSize * tileSize);
  const base = withoutAlpha(resizeImage(image, { width: tileSize, height: tileSize }));
  cutIntoTiles(base, { left: 0, top: 0 }, 1, tileSize, pixels);
  const place = letterbox(image, target);
  const inner = withoutAlpha(resizeImage(image, { width: place.width, height: place.height }));
  cutIntoTiles(inner, place, columns, tileSize, pixels.subarray(3 * tileSize * tileSize));
  return { pixels, tiles, tileSize, imageSize: { width: image.width, height: image.height } };
}

function oneTile(image: OpaqueImage, tileSize: number, original: Size): Tiles {
  const pixels = new Uint8Array(3 * tileSize * tileSize);
  cutIntoTiles(resizeImage(image, { width: tileSize, height: tileSize }), { left: 0, top: 0 }, 1, tileSize, pixels);
  return { pixels, tiles: 1, tileSize, imageSize: { width: original.width, height: original.height } };
}

function centerOnSquare(image: OpaqueImage): OpaqueImage {
  const { width, height, data } = image;
  if (width === height) return image;
  const side = Math.max(width, height);
  const channels = image.mode === "L" ? 1 : 3;
  const canvas = new Uint8Array(side * side * channels).fill(PAD_LEVEL);
  const left = (side - width) >> 1;
  const top = (side - height) >> 1;
  for (let y = 0; y < height; y++) {
    const row = data.subarray(y * width * channels, (y + 1) * width * channels);
    canvas.set(row, ((top + y) * side + left) * channels);
  }
  return { mode: image.mode, width: side, height: side, data: canvas };
}

/** Writes a picture, placed at `at` on a black canvas of `columns` tiles across, into [tiles, 3, size, size]. */
export function cutIntoTiles(image: OpaqueImage, at: Offset, columns: number, tileSize: number, out: Uint8Array): void {
  const { width, height, data } = image;
  const plane = tileSize * tileSize;
  const channels = image.mode === "L" ? 1 : 3;
  // Grey is written three times from the same sample.
  const [green, blue] = image.mode === "L" ? [0, 0] : [1, 2];
  for (let y = 0; y < height; y++) {
    const tileRow = Math.floor((at.top + y) / tileSize);
    const rowInTile = (at.top + y) % tileSize;
    for (let column = Math.floor(at.left / tileSize); column < columns; column++) {
      const from = Math.max(column * tileSize, at.left);
      const to = Math.min((column + 1) * tileSize, at.left + width);
      let source = (y * width + from - at.left) * channels;
      let target = (tileRow * columns + column) * 3 * plane + rowInTile * tileSize + (from - column * tileSize);
      for (let x = from; x < to; x++) {
        out[target] = data[source] as number;
        out[target + plane] = data[source + green] as number;
        out[target + 2 * plane] = data[source + blue] as number;
        source += channels;
        target++;
      }
    }
  }
}
