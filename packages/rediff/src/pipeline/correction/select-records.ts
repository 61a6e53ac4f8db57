/** From drafts that an expert has seen to training records: `{id, image, conversations, revise}`. */
import { z } from "zod";
import type { ReviseSpan } from "../../data/samples/sample.js";
import { UserError } from "../../errors.js";
import type { Tokenizer } from "../../text/tokenizer.js";
import type { JsonRecord } from "../formats/exact-json.js";
import type { SourceRecord } from "../formats/record-stream.js";
import { parseReply, type UnusableReply, unusableReplies } from "./expert-reply.js";
import { readReplyCompat } from "./original-reply.js";
import { checkPairs, droppedPairs, type PairDrop } from "./phrase-pairs.js";

/** A draft with the expert's reply in `revise`, as text. Keys that are not named here go into the record's provenance. */
const draftSchema = z.looseObject({
  id: z.union([z.string(), z.number()]).nullish(),
  /** The picture's name. */
  img: z.string(),
  /** The question, with `<image>`. */
  ques: z.string(),
  /** The reference answer. */
  ans: z.string().nullish(),
  /** The draft. */
  pred: z.string(),
  revise: z.unknown().optional(),
});

export interface TrainingRecord {
  id: string | number;
  image: string;
  conversations: { from: "human" | "gpt"; value: string }[];
  revise: readonly (ReviseSpan | JsonRecord)[];
  provenance?: JsonRecord;
}

export const droppedDrafts = {
  right: "the expert found nothing wrong",
  no_pairs: "the reply is an empty list",
  ...unusableReplies,
  not_iterable: "the reply ends the original's script (null, true or a number)",
  all_pairs_dropped: "no pair is left",
} as const;
export type DraftDrop = "right" | "no_pairs" | UnusableReply | "not_iterable" | "all_pairs_dropped";
/** `no_tokens` only in compat mode. */
type AnyPairDrop = PairDrop | "no_tokens";

export interface SelectionReport {
  drafts: number;
  kept: number;
  dropped: Partial<Record<DraftDrop, number>>;
  pairs: {
    total: number;
    kept: number;
    dropped: Partial<Record<AnyPairDrop, number>>;
    /** Kept although the phrase occurs more than once in its draft. */
    ambiguous: number;
  };
}

export interface SelectOptions {
  /** The original's rules and records, without provenance. */
  compat?: boolean | undefined;
}

/** Turns drafts into records one by one, and counts. */
export class Selection {
  readonly report: SelectionReport = {
    drafts: 0,
    kept: 0,
    dropped: {},
    pairs: { total: 0, kept: 0, dropped: {}, ambiguous: 0 },
  };

  constructor(
    private readonly tokenizer: Tokenizer,
    private readonly options: SelectOptions = {},
  ) {}

  /** The record of a draft; undefined when it is dropped. @throws UserError when it is no draft */
  async take(source: Pick<SourceRecord, "value" | "file" | "index" | "where">): Promise<TrainingRecord | undefined> {
    const parsed = draftSchema.safeParse(source.value);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw new UserError(
        `${await source.where()}: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? "is no draft"}`,
        "Expected {img, ques, ans, pred, revise}, with the expert's reply in revise.",
      );
    }
    this.report.drafts++;
    const draft = parsed.data;
    const revise = this.options.compat ? this.#compatPairs(draft.revise) : this.#pairs(draft.pred, draft.revise);
    if (revise === undefined) return undefined;
    const record: TrainingRecord = {
      id: this.options.compat ? this.report.kept : (draft.id ?? this.report.kept),
      image: draft.img,
      conversations: [
        { from: "human", value: draft.ques },
        { from: "gpt", value: draft.pred },
      ],
      revise,
    };
    this.report.kept++;
    return this.options.compat ? record : { ...record, provenance: provenanceOf(source, draft) };
  }

  #pairs(prediction: string, reply: unknown): ReviseSpan[] | undefined {
    const parsed = parseReply(reply);
    if (parsed.kind === "right") return this.#drop("right");
    if (parsed.kind === "unusable") return this.#drop(parsed.reason);
    const { pairs, malformed } = parsed;
    if (pairs.length + malformed.length === 0) return this.#drop("no_pairs");
    const { kept, dropped, ambiguous } = checkPairs(this.tokenizer, prediction, pairs);
    this.report.pairs.ambiguous += ambiguous;
    const reasons = [...malformed.map((): PairDrop => "malformed"), ...dropped.map(({ reason }) => reason)];
    return this.#count(kept, reasons);
  }

  #compatPairs(reply: unknown): JsonRecord[] | undefined {
    const read = readReplyCompat(reply, (text) => this.tokenizer.encode(text).length);
    if (read.kind === "right") return this.#drop("right");
    if (read.kind === "unreadable") return this.#drop(typeof reply === "string" ? "not_json" : "no_reply");
    if (read.kind === "not_iterable") return this.#drop("not_iterable");
    if (read.kept.length + read.dropped.length === 0) return this.#drop("no_pairs");
    return this.#count(
      read.kept,
      read.dropped.map(({ reason }) => reason),
    );
  }

  #count<Pair>(kept: Pair[], reasons: readonly AnyPairDrop[]): Pair[] | undefined {
    const { pairs } = this.report;
    pairs.total += kept.length + reasons.length;
    pairs.kept += kept.length;
    for (const reason of reasons) pairs.dropped[reason] = (pairs.dropped[reason] ?? 0) + 1;
    return kept.length > 0 ? kept : this.#drop("all_pairs_dropped");
  }

  #drop(reason: DraftDrop): undefined {
    this.report.dropped[reason] = (this.report.dropped[reason] ?? 0) + 1;
    return undefined;
  }
}

/** Where a record comes from: its draft's place, the reference answer, and whatever else the draft says of itself. */
function provenanceOf(
  { file, index }: { file: string; index: number },
  draft: z.infer<typeof draftSchema>,
): JsonRecord {
  const { id: _id, img: _img, ques: _ques, pred: _pred, revise: _revise, ...rest } = draft;
  return { draft: { file, index }, ...rest };
}

/** What the counts' names mean, for people. */
export const meanings: Record<DraftDrop | AnyPairDrop, string> = {
  ...droppedDrafts,
  ...droppedPairs,
  no_tokens: "no object with two texts",
};
