/** A task's text as LLaDA-V is asked, and its answer as it reaches the scorer. */
import { stripPython } from "../text/python-strip.js";
import type { GenerationSettings } from "./task.js";

const MARKER = "<image>";
const END_OF_TURN = "<|eot_id|>";

export interface ModelQuestion {
  text: string;
  /** One picture is cut as the checkpoint says, several are padded to squares, of a video each frame is one tile. */
  pictureMode: "checkpoint" | "pad" | "video" | "none";
  stop: string[];
}

export type Shown = { pictures: number } | { video: string };

/** Pictures stand in front of the text, unless it has their places in it; then it is left as it is. */
export function modelQuestion(
  text: string,
  shown: Shown,
  { thinking, stop = [] }: Pick<GenerationSettings, "thinking" | "stop">,
): ModelQuestion {
  const count = "video" in shown ? 1 : shown.pictures;
  if (count === 0) return { text, pictureMode: "none", stop: [...stop] };
  const asked = text.includes(MARKER)
    ? text
    : `${new Array<string>(count).fill(MARKER).join(" ")}\n${text}${thinking === undefined ? "" : ` /${thinking}`}`;
  return {
    text: asked,
    pictureMode: "video" in shown ? "video" : count > 1 ? "pad" : "checkpoint",
    stop: stop.includes(END_OF_TURN) ? [...stop] : [...stop, END_OF_TURN],
  };
}

/** What is scored of an answer. */
export const scoredText = ({ asWritten }: { asWritten?: boolean }, decoded: string): string =>
  asWritten === true ? decoded : answerText(decoded);

/** One full stop at the very end goes, then blanks: "B." is B, and "B. " stays "B.". */
export const answerText = (decoded: string): string =>
  stripPython(decoded.endsWith(".") ? decoded.slice(0, -1) : decoded);
