/** From drafts that an expert has seen to training records: `{id, image, conversations, revise}`. */
import { z } from "zod";
import type { ReviseSpan } from "../../data/samples/sample.js";
import { UserError } from "../../errors.js";
import type { Tokenizer } from "../../text/tokenizer.js";
import type { JsonRecord } from "../formats/exact-json.js";
import type { SourceRecord } from "../formats/record-stream.js";
import {
  type AnyPairDrop,
  type DraftDrop,
  ourSelection,
  type SelectionRules,
  type Verdict,
} from "./selection-rules.js";

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
    private readonly rules: SelectionRules = ourSelection,
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
    const verdict = this.rules.judge(this.tokenizer, draft.pred, draft.revise);
    if (verdict.kind === "dropped") return this.#drop(verdict.reason);
    this.#count(verdict);
    if (verdict.kept.length === 0) return this.#drop("all_pairs_dropped");
    const number = this.report.kept++;
    const { provenance } = this.rules;
    return {
      id: provenance ? (draft.id ?? number) : number,
      image: draft.img,
      conversations: [
        { from: "human", value: draft.ques },
        { from: "gpt", value: draft.pred },
      ],
      revise: verdict.kept,
      ...(provenance && { provenance: provenanceOf(source, draft) }),
    };
  }

  #count({ kept, dropped, ambiguous }: Extract<Verdict, { kind: "pairs" }>): void {
    const { pairs } = this.report;
    pairs.total += kept.length + dropped.length;
    pairs.kept += kept.length;
    pairs.ambiguous += ambiguous;
    for (const reason of dropped) pairs.dropped[reason] = (pairs.dropped[reason] ?? 0) + 1;
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
