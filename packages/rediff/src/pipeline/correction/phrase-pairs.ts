/** Which of an expert's replacements training can use.
 *
 *  Training replaces tokens one by one, so phrase and replacement must have the same number of them: as they are at the
 *  start of a text (what the original's filter looks at) and behind a space (what its training looks at). Where the
 *  phrase stands is asked of the function that training asks. */

import { encodeInside, markRevisions } from "../../data/samples/revised-phrases.js";
import type { ReviseSpan } from "../../data/samples/sample.js";
import { spellsSpecialToken } from "../../text/conversation-prompt.js";
import { imageToken } from "../../text/image-tokens.js";
import type { Tokenizer } from "../../text/tokenizer.js";

export type PairDrop =
  | "malformed"
  | "empty"
  | "special_token"
  | "unchanged"
  | "duplicate"
  | "conflict"
  | "not_in_draft"
  | "token_count"
  | "token_count_after_space"
  | "inside_tokens"
  | "overlap";

export const droppedPairs: Readonly<Record<PairDrop, string>> = {
  malformed: "no object with the texts org and target",
  empty: "org or target is empty",
  special_token: "org or target spells a special token, or <image>",
  unchanged: "org and target are the same",
  duplicate: "the same pair again",
  conflict: "another replacement for the same phrase",
  not_in_draft: "the draft does not hold the phrase",
  token_count: "phrase and replacement have different numbers of tokens",
  token_count_after_space: "the numbers of tokens differ behind a space",
  inside_tokens: "the phrase begins or ends inside a token of the draft",
  overlap: "the phrase overlaps an earlier one",
};

export interface CheckedPairs {
  kept: ReviseSpan[];
  dropped: { pair: ReviseSpan; reason: PairDrop }[];
  /** Kept pairs whose phrase occurs more than once; training takes the first place. */
  ambiguous: number;
}

/** @param draftIds the draft's tokens, where they are known already
 *  @param shorter whether the draft's last phrase may have a shorter replacement (`revise_shorter` of training) */
export function checkPairs(
  tokenizer: Tokenizer,
  draft: string,
  pairs: readonly ReviseSpan[],
  { draftIds = tokenizer.encode(draft), shorter = false }: { draftIds?: readonly number[]; shorter?: boolean } = {},
): CheckedPairs {
  const result: CheckedPairs = { kept: [], dropped: [], ambiguous: 0 };
  const taken = new Set<number>();
  for (const pair of pairs) {
    const earlier = result.kept.find(({ org }) => org === pair.org);
    const place =
      earlier === undefined
        ? locate(tokenizer, { text: draft, ids: draftIds }, pair, shorter)
        : repeated(pair, earlier);
    const reason = typeof place === "string" ? place : place.some((at) => taken.has(at)) ? "overlap" : undefined;
    if (typeof place === "string" || reason !== undefined) {
      result.dropped.push({ pair, reason: reason ?? "overlap" });
      continue;
    }
    for (const at of place) taken.add(at);
    result.kept.push(pair);
    if (draft.indexOf(pair.org, draft.indexOf(pair.org) + 1) >= 0) result.ambiguous++;
  }
  return result;
}

const repeated = ({ target }: ReviseSpan, earlier: ReviseSpan): PairDrop =>
  earlier.target === target ? "duplicate" : "conflict";

/** The phrase's places among the draft's tokens, or why training cannot use the pair. */
function locate(
  tokenizer: Tokenizer,
  draft: { text: string; ids: readonly number[] },
  { org, target }: ReviseSpan,
  shorter: boolean,
): number[] | PairDrop {
  if (org.trim() === "" || target.trim() === "") return "empty";
  // The words of a stranger: as tokens they would end turns and open others.
  if (isControl(tokenizer, org) || isControl(tokenizer, target)) return "special_token";
  if (org === target) return "unchanged";
  if (!draft.text.includes(org)) return "not_in_draft";
  const countsDiffer = (encode: (text: string) => number[]) => encode(org).length !== encode(target).length;
  const { eot } = tokenizer.special;
  const row = { ids: [...draft.ids, eot], labels: [...draft.ids, eot] };
  const { revise, outcomes } = markRevisions(tokenizer, row, [{ org, target }], { shorter, fill: eot });
  const shrinks = outcomes[0] === "found" && revise.at(-1) === true;
  if (!shrinks && countsDiffer((text) => tokenizer.encode(text))) return "token_count";
  if (!shrinks && countsDiffer((text) => encodeInside(tokenizer, text))) return "token_count_after_space";
  return outcomes[0] === "found" ? revise.flatMap((isHere, at) => (isHere ? [at] : [])) : "inside_tokens";
}

/** Whether training would read more than text in it. */
export const isControl = (tokenizer: Tokenizer, text: string): boolean =>
  text.includes(imageToken) || spellsSpecialToken(tokenizer, text);
