/** How a task's questions are answered: its published settings, and what the user wants otherwise. */
import type { GenerationSettings } from "../task.js";
import type { AnswerSettings } from "./evaluate-options.js";

/** What decides by itself how many steps there are. */
const PACES = ["steps", "tokensPerStep", "rule", "threshold", "factor", "entropyBound", "editThreshold"] as const;

/** A longer answer keeps the published tokens per step. */
export function answerSettings(published: GenerationSettings, wanted: AnswerSettings = {}): AnswerSettings {
  const { steps, genLength, stop } = published;
  const isPaced = wanted.fast === true || PACES.some((key) => wanted[key] !== undefined);
  const isStretched = wanted.genLength !== undefined && steps !== undefined && genLength !== undefined;
  const pace = isStretched ? { tokensPerStep: genLength / steps } : steps === undefined ? {} : { steps };
  return {
    ...(genLength !== undefined && { genLength }),
    ...(stop !== undefined && { stop }),
    temperature: 0,
    ...(isPaced ? {} : pace),
    ...wanted,
  };
}

/** @returns what questions end with; undefined for nothing */
export function thinkingOf(
  published: GenerationSettings,
  wanted: "think" | "no_think" | "none" | undefined,
): GenerationSettings["thinking"] {
  if (wanted === "none") return undefined;
  return wanted ?? published.thinking;
}
