/** Pictures and videos to tiles of bytes, and the arithmetic of what they become in the prompt. */

export { DEFAULT_MAX_PIXELS, type DecodeOptions, decodePicture, type PictureSource } from "./picture/decode-picture.js";
export { loadPicture, type PictureOptions } from "./picture/load-picture.js";
export type { Mode, OpaqueImage, RasterImage } from "./picture/raster-image.js";
export { bicubic, resizeImage } from "./picture/resize.js";
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
} from "./tiles/anyres.js";
export { IMAGE_MEAN, IMAGE_STD, makeTiles, normalizedLevels, type Tiles, type TilingOptions } from "./tiles/tiles.js";
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
} from "./tiles/token-layout.js";
export type { VideoSource } from "./video/decoder-process.js";
export { linspaceIndices, sampleFrames, type VideoSampling } from "./video/frame-sampling.js";
export { loadVideo, type VideoOptions, type VideoTiles } from "./video/load-video.js";
export type { VisionJob } from "./workers/vision-jobs.js";
export { type JobResult, type MapOptions, type PoolOptions, VisionPool } from "./workers/vision-pool.js";
