/** What pool and workers say to each other, and one job done: the same function in any thread. */

import { UserError } from "../../errors.js";
import type { PictureSource } from "../picture/decode-picture.js";
import { loadPicture, type PictureOptions } from "../picture/load-picture.js";
import type { Tiles } from "../tiles/tiles.js";
import type { VideoSource } from "../video/ffmpeg.js";
import { loadVideo, type VideoOptions, type VideoTiles } from "../video/load-video.js";

export type VisionJob =
  | { readonly kind: "picture"; readonly source: PictureSource; readonly options: PictureOptions }
  | { readonly kind: "video"; readonly source: VideoSource; readonly options: VideoOptions };

export type Request =
  | { readonly type: "run"; readonly id: number; readonly job: VisionJob }
  | { readonly type: "abort"; readonly id: number };

export type Reply =
  | { readonly id: number; readonly ok: true; readonly tiles: Tiles | VideoTiles }
  | { readonly id: number; readonly ok: false; readonly error: PortableError };

/** An error that survives the way between threads; structured clone would lose the class and the hint. */
export interface PortableError {
  readonly user: boolean;
  readonly message: string;
  readonly hint: string | undefined;
  readonly stack: string | undefined;
}

/** Does a job in this thread. A picture cannot be stopped half-way, a video can. */
export async function runJob(job: VisionJob, signal?: AbortSignal): Promise<Tiles | VideoTiles> {
  signal?.throwIfAborted();
  return job.kind === "picture" ? loadPicture(job.source, job.options) : loadVideo(job.source, job.options, signal);
}

export function packError(cause: unknown): PortableError {
  const error = cause instanceof Error ? cause : new Error(String(cause));
  const hint = error instanceof UserError ? error.hint : undefined;
  return { user: error instanceof UserError, message: error.message, hint, stack: error.stack };
}

export function unpackError(packed: PortableError): Error {
  const error = packed.user ? new UserError(packed.message, packed.hint) : new Error(packed.message);
  if (packed.stack !== undefined) error.stack = packed.stack;
  return error;
}
