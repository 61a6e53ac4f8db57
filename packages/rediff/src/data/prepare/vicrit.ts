/** ViCrit (captions with one injected visual error) to training records of ReDiff's stage I.
 *
 *  An item is kept when both captions have the same number of tokens, and both phrases too. The answer is the caption
 *  with the error; the revision turns the wrong phrase into the right one. As preprocess_vicrit.py, which counts the
 *  phrases' tokens without the space that training puts before them: what that costs is reported. */
import { z } from "zod";
import { checkPairs, type Encoder, type PairDrop } from "../correction/pairs.js";
import type { ReviseSpan } from "../sample.js";
import type { JsonRecord } from "./json.js";

export const vicritSchema = z.looseObject({
  /** The picture's path; only its base name is kept. */
  image: z.string(),
  problem: z.string(),
  original_caption: z.string(),
  changed_caption: z.string(),
  solution_original: z.string(),
  solution_target: z.string(),
});

export interface VicritRecord {
  image: string;
  conversations: { from: "human" | "gpt"; value: string }[];
  revise: ReviseSpan[];
}

export const vicritDrops = {
  caption_tokens: "the captions have different numbers of tokens",
  phrase_tokens: "the phrases have different numbers of tokens",
} as const;
export type VicritDrop = keyof typeof vicritDrops;

export type VicritSelected =
  /** `unusable`: why training will not find the phrase in the caption, where that is so. */
  { record: VicritRecord; unusable: PairDrop | undefined } | { drop: VicritDrop };

/** @throws z.ZodError when it is no item of ViCrit */
export function selectVicrit(value: JsonRecord, tokenizer: Encoder): VicritSelected {
  const item = vicritSchema.parse(value);
  const count = (text: string) => tokenizer.encode(text).length;
  if (count(item.original_caption) !== count(item.changed_caption)) return { drop: "caption_tokens" };
  if (count(item.solution_original) !== count(item.solution_target)) return { drop: "phrase_tokens" };
  const pair = { org: item.solution_target, target: item.solution_original };
  return {
    record: {
      image: item.image.slice(item.image.lastIndexOf("/") + 1),
      conversations: [
        { from: "human", value: `<image>\n${item.problem}` },
        { from: "gpt", value: item.changed_caption },
      ],
      revise: [pair],
    },
    unusable: checkPairs(tokenizer, item.changed_caption, [pair]).dropped[0]?.reason,
  };
}
