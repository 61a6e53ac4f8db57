/** What a task makes of one answer; plain data, so that it can be written down and counted again. */

export type Mark =
  /** No rule read anything in the answer. */
  | "unreadable"
  /** A letter was drawn for it. */
  | "random"
  | "judged"
  /** The judge gave no reply that could be used. */
  | "judge_failed"
  /** There is no answer: a picture that cannot be read, or nothing in the file of answers. It counts as an empty one. */
  | "failed";

export interface ScoredAnswer {
  /** What was read in the answer; null where nothing was. */
  parsed: string | null | readonly (string | number)[];
  target: string;
  /** By metric; a metric that is not about this document is left out. */
  scores: Readonly<Record<string, number>>;
  /** What sub-scores go by: the subject, the category. */
  facets: Readonly<Record<string, string | readonly string[]>>;
  marks: readonly Mark[];
  /** What the aggregate needs beyond that, as JSON has it. */
  details?: Readonly<Record<string, unknown>>;
}
