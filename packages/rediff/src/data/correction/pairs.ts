/** Which of an expert's replacements training can use.
 *
 *  Training replaces tokens one by one: phrase and replacement must have the same number, both as they are at the start
 *  of a text and behind a space (the original's filter looks at the first, its training at the second), and the phrase's
 *  tokens must stand in the draft. */
import type { ReviseSpan } from "../sample.js";

export const droppedPairs = {
  malformed: "no object with the texts org and target",
  empty: "org or target is empty",
  unchanged: "org and target are the same",
  duplicate: "the same pair again",
  conflict: "another replacement for the same phrase",
  not_in_draft: "the draft does not hold the phrase",
  token_count: "phrase and replacement have different numbers of tokens",
  token_count_after_space: "the numbers of tokens differ behind a space",
  inside_tokens: "the phrase begins or ends inside a token of the draft",
  overlap: "the phrase overlaps an earlier one",
} as const;
export type PairDrop = keyof typeof droppedPairs;

/** As much of a tokenizer as is needed. */
export interface Encoder {
  encode(text: string): number[];
}

export interface CheckedPairs {
  kept: ReviseSpan[];
  dropped: { pair: ReviseSpan; reason: PairDrop }[];
  /** Kept pairs whose phrase occurs more than once; training takes the first place. */
  ambiguous: number;
}

interface Span {
  start: number;
  end: number;
}

export function checkPairs(tokenizer: Encoder, draft: string, pairs: readonly ReviseSpan[]): CheckedPairs {
  const draftIds = tokenizer.encode(draft);
  const result: CheckedPairs = { kept: [], dropped: [], ambiguous: 0 };
  const spans: Span[] = [];
  for (const pair of pairs) {
    const place = locate(tokenizer, draft, draftIds, pair);
    const reason =
      reasonAgainstOthers(pair, result.kept) ?? (typeof place === "string" ? place : overlap(place, spans));
    if (reason !== undefined || typeof place === "string") {
      result.dropped.push({ pair, reason: reason ?? "not_in_draft" });
      continue;
    }
    spans.push(place);
    result.kept.push(pair);
    if (draft.indexOf(pair.org, draft.indexOf(pair.org) + 1) >= 0) result.ambiguous++;
  }
  return result;
}

function reasonAgainstOthers({ org, target }: ReviseSpan, kept: readonly ReviseSpan[]): PairDrop | undefined {
  const earlier = kept.find((other) => other.org === org);
  if (earlier === undefined) return undefined;
  return earlier.target === target ? "duplicate" : "conflict";
}

const overlap = (place: Span, spans: readonly Span[]): PairDrop | undefined =>
  spans.some(({ start, end }) => place.start < end && start < place.end) ? "overlap" : undefined;

/** Where the phrase's tokens stand in the draft's, or why training cannot use the pair. */
function locate(
  tokenizer: Encoder,
  draft: string,
  draftIds: readonly number[],
  { org, target }: ReviseSpan,
): Span | PairDrop {
  if (org === "" || target === "") return "empty";
  if (org === target) return "unchanged";
  if (!draft.includes(org)) return "not_in_draft";
  const [bare, spaced] = [tokenizer.encode(org), tokenizer.encode(` ${org}`)];
  if (bare.length !== tokenizer.encode(target).length) return "token_count";
  if (spaced.length !== tokenizer.encode(` ${target}`).length) return "token_count_after_space";
  const starts = [spaced, bare].map((ids) => ({ start: findRun(draftIds, ids), length: ids.length }));
  const first = starts.find(({ start }) => start >= 0);
  return first === undefined ? "inside_tokens" : { start: first.start, end: first.start + first.length };
}

/** Index of the first run of `wanted`, or -1. */
export function findRun(ids: readonly number[], wanted: readonly number[]): number {
  for (let start = 0; start + wanted.length <= ids.length; start++)
    if (wanted.every((id, i) => ids[start + i] === id)) return start;
  return -1;
}
