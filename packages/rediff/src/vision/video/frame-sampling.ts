/** Which frames of a video a model sees: by frame index, as the reference counts, never by seeking to a time. */

import { UserError } from "../../errors.js";

/** - `uniform`: `frames` frames spread over the whole video, first and last included (evaluation: 32). A video with
 *    fewer frames gives some of them twice.
 *  - `fps`: the training rule. About `videoFps` frames a second; when these are more than `framesUpbound` (or always,
 *    with `forceSample`), `framesUpbound` uniform ones instead. 0 means no bound. */
export type VideoSampling =
  | { readonly kind: "uniform"; readonly frames: number }
  | {
      readonly kind: "fps";
      /** Default 1. */
      readonly videoFps?: number;
      /** Default 0. */
      readonly framesUpbound?: number;
      /** Default false. */
      readonly forceSample?: boolean;
    };

/** A folder of frames has no frame rate; the reference takes it to be 2, and 10 frames where no bound is forced. */
export const FOLDER_FPS = 2;
const FOLDER_FRAMES = 10;

/** Indices of the frames to show, ascending, of `total` frames at `fps` frames a second.
 *
 *  Departure: below half of `videoFps` the reference's step rounds to 0 and it crashes; here every frame is taken. */
export function sampleFrames(total: number, fps: number, sampling: VideoSampling): number[] {
  if (sampling.kind === "uniform") return linspaceIndices(total, checkedCount("frames", sampling.frames, 1));
  const bound = checkedCount("frames_upbound", sampling.framesUpbound ?? 0, 0);
  const videoFps = sampling.videoFps ?? 1;
  if (!(videoFps > 0)) throw new UserError(`video_fps is ${videoFps}; expected a number above 0`);
  if (!(fps > 0 && Number.isFinite(fps))) {
    throw new UserError("the video does not tell its frame rate", "Sample a fixed number of frames instead");
  }
  const step = Math.max(1, roundHalfEven(fps / videoFps));
  const count = Math.ceil(total / step);
  if (bound > 0 && (count > bound || sampling.forceSample === true)) return linspaceIndices(total, bound);
  return Array.from({ length: count }, (_, i) => i * step);
}

/** The rule for a folder of frame pictures: the training rule shrinks to a number of uniform frames. */
export function sampleFolder(total: number, sampling: VideoSampling): number[] {
  if (sampling.kind === "uniform") return sampleFrames(total, FOLDER_FPS, sampling);
  const forced = sampling.forceSample === true ? checkedCount("frames_upbound", sampling.framesUpbound ?? 0, 0) : 0;
  return linspaceIndices(total, forced > 0 ? forced : FOLDER_FRAMES);
}

/** numpy's `linspace(0, total - 1, count, dtype=int)`: steps in float64, then cut. */
export function linspaceIndices(total: number, count: number): number[] {
  const step = count > 1 ? (total - 1) / (count - 1) : 0;
  return Array.from({ length: count }, (_, i) => (count > 1 && i === count - 1 ? total - 1 : Math.floor(i * step)));
}

/** Python's `round`: a half goes to the even neighbour. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

function checkedCount(what: string, value: number, least: number): number {
  if (Number.isInteger(value) && value >= least) return value;
  throw new UserError(`${what} is ${value}; expected a whole number of at least ${least}`);
}
