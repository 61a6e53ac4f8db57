/** Pictures and videos to tiles of bytes, and the arithmetic of what they become in the prompt. */

export { DEFAULT_MAX_PIXELS, type DecodeOptions, decodePicture, type PictureSource } from "./decode.js";
export type { VideoSource } from "./ffmpeg.js";
export {
  type AspectRatio,
  anyresGrid,
  bestResolution,
  type Grid,
  letterbox,
  limitMap,
  type Offset,
  parseAspectRatio,
  parsePinpoints,
  type Size,
  unpadWindow,
} from "./geometry.js";
export type { Mode, OpaqueImage, RasterImage } from "./image.js";
export type { VisionJob } from "./jobs.js";
export {
  type MergeType,
  type NewlinePosition,
  type PictureLayout,
  type PoolMode,
  parseMergeType,
  pictureLayout,
  pictureViews,
  type VideoLayout,
  type VisionGeometry,
  videoLayout,
} from "./layout.js";
export { loadPicture, type PictureOptions } from "./picture.js";
export { type JobResult, type MapOptions, type PoolOptions, VisionPool } from "./pool.js";
export { bicubic, resizeImage } from "./resize.js";
export { linspaceIndices, sampleFrames, type VideoSampling } from "./sampling.js";
export { IMAGE_MEAN, IMAGE_STD, makeTiles, normalizedLevels, type Tiles, type TilingOptions } from "./tiles.js";
export { framesToTiles, loadVideo, type VideoOptions, type VideoTiles } from "./video.js";
