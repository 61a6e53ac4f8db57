/** What an expert's answer is good for, in the words of the report. */
import { parseReply, type UnusableReply, unusableReplies } from "./expert-reply.js";

/** Why an answer is good for nothing. */
export type UnusableAnswer = "cut_off" | "content_filter" | "refusal" | "malformed" | UnusableReply;

export const unusableAnswers: Readonly<Record<UnusableAnswer, string>> = {
  cut_off: "cut off at the token limit",
  content_filter: "stopped by a content filter",
  refusal: "refused by the expert",
  malformed: "the reply is a list without any org and target",
  ...unusableReplies,
};
export type AnswerKind = "right" | "corrected" | UnusableAnswer;

export interface Answered {
  text: string | null;
  refusal?: string | undefined;
  finishReason: string | null;
}

export function answerKind({ text, refusal, finishReason }: Answered): AnswerKind {
  const reply = parseReply(text);
  if (reply.kind === "right") return "right";
  if (reply.kind === "pairs") {
    if (reply.pairs.length > 0) return "corrected";
    return reply.malformed.length > 0 ? "malformed" : "right"; // an empty list: nothing to correct
  }
  if (refusal !== undefined) return "refusal";
  if (finishReason === "content_filter") return "content_filter";
  return finishReason === "length" ? "cut_off" : reply.reason;
}

export const isUsable = (kind: AnswerKind): boolean => kind === "right" || kind === "corrected";
