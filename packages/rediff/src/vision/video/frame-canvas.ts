/** The tiles of a video while its frames come in. */
import { UserError } from "../../errors.js";
import { DEFAULT_MAX_PIXELS } from "../picture/decode-picture.js";
import type { OpaqueImage } from "../picture/raster-image.js";
import { resizeImage } from "../picture/resize.js";
import type { Size } from "../tiles/anyres.js";
import { refuseThin } from "../tiles/thin-pictures.js";
import { cutIntoTiles, type Tiles } from "../tiles/tiles.js";
import { type DecodedFrame, type FrameReceiver, MAX_FRAMES } from "./ffmpeg.js";
import { tooLargeFrame } from "./video-limits.js";

/** [frames, 3, size, size], filled as frames come; a frame that is shown several times is resized once. */
export class FrameCanvas implements FrameReceiver {
  readonly #path: string;
  readonly wanted: readonly number[];
  readonly #indices: readonly number[];
  readonly #tileSize: number;
  readonly #pixels: Uint8Array<ArrayBuffer>;
  #imageSize: Size | undefined;

  readonly #maxPixels: number;

  constructor(path: string, indices: readonly number[], tileSize: number, maxPixels = DEFAULT_MAX_PIXELS) {
    if (indices.length > MAX_FRAMES) {
      throw new UserError(
        `${path}: ${indices.length} frames would be taken; at most ${MAX_FRAMES} are possible`,
        "Set frames_upbound or a smaller video_fps",
      );
    }
    this.#path = path;
    this.#maxPixels = maxPixels;
    this.wanted = [...new Set(indices)];
    this.#indices = indices;
    this.#tileSize = tileSize;
    this.#pixels = new Uint8Array(indices.length * 3 * tileSize * tileSize);
  }

  /** @throws UserError for a frame that is larger than the limit, or too thin to be resized */
  admit({ width, height }: Size): void {
    if (width * height > this.#maxPixels) throw tooLargeFrame(this.#path, width, height, this.#maxPixels);
    refuseThin({ width, height }, { tileSize: this.#tileSize, aspectRatio: { kind: "square" } });
  }

  put({ index, image }: DecodedFrame): void {
    this.#imageSize ??= { width: image.width, height: image.height };
    const bytes = 3 * this.#tileSize ** 2;
    const first = this.#indices.indexOf(index);
    const tile = this.#pixels.subarray(first * bytes, (first + 1) * bytes);
    cutIntoTiles(squash(image, this.#tileSize), { left: 0, top: 0 }, 1, this.#tileSize, tile);
    for (let i = first + 1; this.#indices[i] === index; i++) this.#pixels.set(tile, i * bytes);
  }

  finish(): Tiles {
    return {
      pixels: this.#pixels,
      tiles: this.#indices.length,
      tileSize: this.#tileSize,
      imageSize: this.#imageSize ?? { width: 0, height: 0 },
    };
  }
}

/** Resizes a frame to one tile; its shape is not kept, as in the reference. */
function squash(image: OpaqueImage, tileSize: number): OpaqueImage {
  return resizeImage(image, { width: tileSize, height: tileSize });
}
