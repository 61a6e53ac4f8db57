/** ViCrit (captions with one injected visual error) to training records of ReDiff's stage I.
 *
 *  An item is kept when both captions have the same number of tokens, and both phrases too. The answer is the caption
 *  with the error; the revision turns the wrong phrase into the right one. As preprocess_vicrit.py, which counts the
 *  phrases' tokens without the space that training puts before them: what that costs is reported. */
import { z } from "zod";
import type { ReviseSpan } from "../../data/samples/sample.js";
import { UserError } from "../../errors.js";
import type { Tokenizer } from "../../text/tokenizer.js";
import { checkPairs, type PairDrop } from "../correction/phrase-pairs.js";
import type { JsonRecord } from "../formats/exact-json.js";
import type { RecordSource } from "../formats/record-stream.js";
import { writeRecords } from "../formats/record-writer.js";

const vicritSchema = z.looseObject({
  /** The picture's path, of which only the base name is kept: `image` in the original's file, `image_path` in the data set
   *  as it is published. */
  image: z.string().optional(),
  image_path: z.string().optional(),
  problem: z.string(),
  original_caption: z.string(),
  changed_caption: z.string(),
  solution_original: z.string(),
  solution_target: z.string(),
});

const itemSchema = vicritSchema.transform((item, context) => {
  const image = item.image ?? item.image_path;
  if (image !== undefined) return { ...item, image };
  context.addIssue({ code: "custom", path: ["image"], message: "there is neither image nor image_path" });
  return z.NEVER;
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
export function selectVicrit(value: JsonRecord, tokenizer: Tokenizer): VicritSelected {
  const item = itemSchema.parse(value);
  const count = (text: string) => tokenizer.encode(text).length;
  const captionIds = tokenizer.encode(item.changed_caption);
  if (count(item.original_caption) !== captionIds.length) return { drop: "caption_tokens" };
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
    unusable: checkPairs(tokenizer, item.changed_caption, [pair], { draftIds: captionIds }).dropped[0]?.reason,
  };
}

export interface VicritReport {
  items: number;
  kept: number;
  dropped: Partial<Record<VicritDrop, number>>;
  /** Kept as in the original, or dropped with `strict`: why training cannot use the pair. */
  unusable: Partial<Record<PairDrop, number>>;
}

export interface VicritOptions {
  /** Drop items whose phrase training will not find, which the original keeps. */
  strict?: boolean | undefined;
  onProgress?: (done: number, total: number) => void;
}

/** A file of ViCrit items to a file of training records. @throws UserError naming the line of an item that is none */
export async function prepareVicrit(
  source: RecordSource,
  output: string,
  tokenizer: Tokenizer,
  { strict, onProgress }: VicritOptions = {},
): Promise<VicritReport> {
  const report: VicritReport = { items: 0, kept: 0, dropped: {}, unusable: {} };
  await writeRecords(output, async (writer) => {
    for await (const { value, where } of source.records()) {
      const selected = await parsed(() => selectVicrit(value, tokenizer), where);
      report.items++;
      onProgress?.(report.items, source.count);
      if ("drop" in selected) {
        report.dropped[selected.drop] = (report.dropped[selected.drop] ?? 0) + 1;
        continue;
      }
      if (selected.unusable !== undefined)
        report.unusable[selected.unusable] = (report.unusable[selected.unusable] ?? 0) + 1;
      if (strict && selected.unusable !== undefined) continue;
      await writer.write({ ...selected.record });
      report.kept++;
    }
  });
  return report;
}

async function parsed<Result>(select: () => Result, where: () => Promise<string>): Promise<Result> {
  try {
    return select();
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    const [issue] = error.issues;
    throw new UserError(
      `${await where()}: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? "is no item of ViCrit"}`,
      "An item of ViCrit has image_path (or image), problem, original_caption, changed_caption, solution_original and solution_target.",
    );
  }
}
