/** How a corrected draft becomes a training record, ours and the original's side by side: what is made of the expert's
 *  reply, and what a record says of its origin. */
import type { ReviseSpan } from "../../data/samples/sample.js";
import type { Tokenizer } from "../../text/tokenizer.js";
import type { JsonRecord } from "../formats/exact-json.js";
import { parseReply, type UnusableReply, unusableReplies } from "./expert-reply.js";
import { readOriginalReply } from "./original-reply.js";
import { checkPairs, droppedPairs, isControl, type PairDrop } from "./phrase-pairs.js";

/** Why a draft becomes no record. */
export type DraftDrop = "right" | "no_pairs" | UnusableReply | "special_token" | "not_iterable" | "all_pairs_dropped";

export const droppedDrafts: Readonly<Record<DraftDrop, string>> = {
  right: "the expert found nothing wrong",
  no_pairs: "the reply is an empty list",
  ...unusableReplies,
  special_token: "the draft spells a special token, or <image>",
  not_iterable: "the reply ends the original's script (null, true or a number)",
  all_pairs_dropped: "no pair is left",
};

/** Why a pair of phrases is not learnt. `no_tokens` under the original's rules only. */
export type AnyPairDrop = PairDrop | "no_tokens";

/** What the counts' names mean, for people. */
export const meanings: Record<DraftDrop | AnyPairDrop, string> = {
  ...droppedPairs,
  ...droppedDrafts,
  special_token: "the text spells a special token, or <image>",
  no_tokens: "no object with two texts",
};

/** What a reply says of its draft. */
export type Verdict =
  | { kind: "dropped"; reason: DraftDrop }
  | {
      kind: "pairs";
      kept: readonly (ReviseSpan | JsonRecord)[];
      dropped: readonly AnyPairDrop[];
      /** Of those kept, how many have a phrase that occurs more than once in the draft. */
      ambiguous: number;
    };

export interface SelectionRules {
  /** @param draft the text that the expert was shown */
  judge: (tokenizer: Tokenizer, draft: string, reply: unknown) => Verdict;
  /** Records keep their drafts' ids and say where they come from; else they are numbered, and say nothing. */
  provenance: boolean;
}

/** @param shorter whether a draft's last phrase may have a shorter replacement */
export const ourSelectionWith = ({ shorter = false }: { shorter?: boolean } = {}): SelectionRules => ({
  judge(tokenizer, draft, reply) {
    const read = parseReply(reply);
    if (read.kind === "right") return { kind: "dropped", reason: "right" };
    if (read.kind === "unusable") return { kind: "dropped", reason: read.reason };
    const { pairs, malformed } = read;
    if (pairs.length + malformed.length === 0) return { kind: "dropped", reason: "no_pairs" };
    if (isControl(tokenizer, draft)) return { kind: "dropped", reason: "special_token" };
    const { kept, dropped, ambiguous } = checkPairs(tokenizer, draft, pairs, { shorter });
    const reasons = [...malformed.map((): PairDrop => "malformed"), ...dropped.map(({ reason }) => reason)];
    return { kind: "pairs", kept, dropped: reasons, ambiguous };
  },
  provenance: true,
});

export const ourSelection = ourSelectionWith();

export const originalSelection: SelectionRules = {
  judge(tokenizer, _, reply) {
    const read = readOriginalReply(reply, (text) => tokenizer.encode(text).length);
    if (read.kind === "right") return { kind: "dropped", reason: "right" };
    if (read.kind === "unreadable")
      return { kind: "dropped", reason: typeof reply === "string" ? "not_json" : "no_reply" };
    if (read.kind === "not_iterable") return { kind: "dropped", reason: "not_iterable" };
    const { kept, dropped } = read;
    if (kept.length + dropped.length === 0) return { kind: "dropped", reason: "no_pairs" };
    return { kind: "pairs", kept, dropped: dropped.map(({ reason }) => reason), ambiguous: 0 };
  },
  provenance: false,
};

/** What `compat` of a recipe or of the command line stands for; `shorter` is of ours alone. */
export const selectionRules = (compat: boolean, shorter = false): SelectionRules =>
  compat ? originalSelection : ourSelectionWith({ shorter });
