/** What a run of corrections did and cost. The names are those of the JSON report. */
import type { AnswerKind, UnusableAnswer } from "./answer-kind.js";
import type { FailureReason } from "./failed-file.js";

/** Answers and what they cost. */
export interface AnswerTotals {
  answers: number;
  /** The expert found nothing wrong. */
  right: number;
  corrected: number;
  unusable: Partial<Record<UnusableAnswer, number>>;
  prompt_tokens: number;
  completion_tokens: number;
  /** Answers whose server did not say how many tokens they took. */
  without_usage: number;
  /** Null without prices. */
  cost: number | null;
}

export interface CorrectionReport {
  output: string;
  failed_file: string;
  expert_model: string;
  /** Where pictures and drafts were sent. */
  expert_host: string;
  prompt_sha256: string;
  /** In the files, up to the limit. */
  drafts: number;
  answered_before: number;
  /** The same picture, question and draft as another one. */
  duplicates: number;
  /** Drafts without text: there is nothing to correct. */
  empty: number;
  failed: Partial<Record<FailureReason, number>>;
  /** Left, since the budget is spent. */
  not_asked: number;
  stopped: "budget" | null;
  /** Sent over the network, tries that failed among them. */
  requests: number;
  seconds: number;
  /** May be billed although no answer came: connections that were cut, timeouts. Null without prices. */
  unconfirmed_cost: number | null;
  /** Of this run. */
  run: AnswerTotals;
  /** Of all that is in the output. */
  total: AnswerTotals;
}

export const noAnswers = (hasPrices: boolean): AnswerTotals => ({
  answers: 0,
  right: 0,
  corrected: 0,
  unusable: {},
  prompt_tokens: 0,
  completion_tokens: 0,
  without_usage: 0,
  cost: hasPrices ? 0 : null,
});

export function countAnswer(
  totals: AnswerTotals,
  kind: AnswerKind,
  usage: { prompt_tokens: number; completion_tokens: number } | null,
  cost: number,
): void {
  totals.answers++;
  if (kind === "right" || kind === "corrected") totals[kind]++;
  else totals.unusable[kind] = (totals.unusable[kind] ?? 0) + 1;
  if (usage === null) totals.without_usage++;
  totals.prompt_tokens += usage?.prompt_tokens ?? 0;
  totals.completion_tokens += usage?.completion_tokens ?? 0;
  if (totals.cost !== null) totals.cost = roundMoney(totals.cost + cost);
}

/** Sums of fractions leave crumbs; a token costs more than the eighth decimal. */
export const roundMoney = (amount: number): number => Number(amount.toFixed(8));

export const sum = (counts: Readonly<Partial<Record<string, number>>>): number =>
  Object.values(counts).reduce<number>((total, count = 0) => total + count, 0);
