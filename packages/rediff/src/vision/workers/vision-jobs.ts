/** A picture or a video to be made into tiles, or a picture to be measured or drawn anew: the same functions in any thread or
 *  process. */

import type { PictureSource } from "../picture/decode-picture.js";
import { loadPicture, measurePicture, type PictureOptions } from "../picture/load-picture.js";
import { type Redrawn, type RedrawOptions, redrawPicture } from "../picture/redraw-picture.js";
import type { Size } from "../tiles/anyres.js";
import { refuseThin } from "../tiles/thin-pictures.js";
import type { Tiles } from "../tiles/tiles.js";
import type { VideoSource } from "../video/decoder-process.js";
import { loadVideo, type VideoOptions, type VideoTiles } from "../video/load-video.js";

export type VisionJob =
  | { readonly kind: "picture"; readonly source: PictureSource; readonly options: PictureOptions }
  | { readonly kind: "video"; readonly source: VideoSource; readonly options: VideoOptions };

export type RedrawJob = {
  readonly kind: "redraw";
  readonly source: PictureSource;
  readonly options: RedrawOptions;
};

/** For the size that its header promises. */
export type SizeJob = { readonly kind: "size"; readonly source: PictureSource; readonly options: PictureOptions };

export type AnyJob = VisionJob | RedrawJob | SizeJob;
export type JobOutput = Tiles | VideoTiles | Redrawn | Size;

/** Does a job in this thread. A picture cannot be stopped half-way, a video can. */
export async function runJob(job: AnyJob, signal?: AbortSignal): Promise<JobOutput> {
  signal?.throwIfAborted();
  if (job.kind === "redraw") return redrawPicture(job.source, job.options);
  if (job.kind === "size") return measurePicture(job.source, job.options, (size) => refuseThin(size, job.options));
  return job.kind === "picture" ? loadPicture(job.source, job.options) : loadVideo(job.source, job.options, signal);
}
