/** What asking a judge came to. */

export type FailureReason =
  /** No reply after all tries. */
  | "no_answer"
  /** The server would not take the request. */
  | "rejected"
  /** The money is spent. */
  | "budget";

export interface JudgeReport {
  model: string;
  host: string;
  /** Replies that came in this run. */
  asked: number;
  /** Replies that were there already, from earlier runs or other processes. */
  cached: number;
  /** Sent over the network, tries that failed among them. */
  requests: number;
  /** Questions without a reply. */
  failed: Partial<Record<FailureReason, number>>;
  /** The last failure of each kind, in the server's words. */
  messages: Partial<Record<FailureReason, string>>;
  prompt_tokens: number;
  completion_tokens: number;
  without_usage: number;
  /** Of this run; null without prices. */
  cost: number | null;
  /** Of all that is in the cache; null without prices. */
  cost_in_cache: number | null;
  /** May be billed although no reply came. Null without prices. */
  unconfirmed_cost: number | null;
  /** Of a dry run: what would be asked at least (a reply that cannot be used is asked for anew), and the most that it costs. */
  dry_run: { calls: number; cost_at_most: number | null } | null;
}

export const emptyReport = (model: string, host: string, has: { prices: boolean; dryRun: boolean }): JudgeReport => ({
  ...{ model, host, asked: 0, cached: 0, requests: 0, failed: {}, messages: {} },
  ...{ prompt_tokens: 0, completion_tokens: 0, without_usage: 0 },
  cost: has.prices ? 0 : null,
  cost_in_cache: has.prices ? 0 : null,
  unconfirmed_cost: has.prices ? 0 : null,
  dry_run: has.dryRun ? { calls: 0, cost_at_most: has.prices ? 0 : null } : null,
});
