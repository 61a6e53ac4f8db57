/** The words that tell a model which moments of a video it sees (`add_time_instruction`), put before the first question.
 *
 *  Structure as in the reference, down to the missing space behind the last time; the wording is ours, no published model
 *  was trained with it. Departure: times are seconds of the video. The reference divides by its sampling step, which is
 *  right only where that equals the frame rate. */
import { imageToken } from "../../text/image-tokens.js";
import type { Turn } from "../../text/labels.js";
import type { VideoTiles } from "../../vision/video/load-video.js";

export type VideoTimes = Pick<VideoTiles, "times" | "totalFrames" | "fps">;

export function timeInstruction({ times, totalFrames, fps }: VideoTimes): string {
  const seconds = (totalFrames / fps).toFixed(2);
  const moments = times.map((time) => `${time.toFixed(2)}s`).join(",");
  return (
    `This video is ${seconds} seconds long. You see ${times.length} frames of it, taken at ${moments}.` +
    "Answer the questions about this video that follow."
  );
}

/** The turns with the instruction in the first of them; the picture marker comes first. */
export function addTimeInstruction(turns: readonly Turn[], video: VideoTimes): Turn[] {
  return turns.map((turn, index) => {
    if (index > 0) return turn;
    const question = turn.content.replaceAll(imageToken, "");
    return { role: turn.role, content: `${imageToken}\n${timeInstruction(video)}\n${question}` };
  });
}
