/** What an evaluation of one task came to, as plain data. */
import type { ApproximatedRecord } from "../../inference/trace-format.js";
import type { ScoredAnswer } from "../scored-answer.js";
import type { TaskScores } from "../task-scores.js";
import type { AnswerOrigin } from "./answers-file.js";

/** A document, what was asked about it, and what became of the answer. */
export interface EvaluatedSample extends ApproximatedRecord {
  /** Of the document among all of its data set. */
  index: number;
  /** As the task has it, without the marks of pictures. */
  prompt: string;
  /** As the model wrote it; null where there is no answer. */
  reply: string | null;
  /** Why there is none. */
  error?: string | undefined;
  tokens?: number | undefined;
  steps?: number | undefined;
  /** Documents of one key count together. */
  together?: string | undefined;
  /** Absent where nothing was scored. */
  scored?: ScoredAnswer | undefined;
}

export interface EvaluationResult {
  task: string;
  protocol: string;
  /** The metric that the task is known by. */
  metric: string;
  lowerIsBetter: readonly string[];
  /** Undefined where answers were written down only. */
  scores: TaskScores | undefined;
  /** The same of what has an answer, where something has none. */
  withoutFailed?: TaskScores | undefined;
  /** Where letters were drawn: the same with those counted as wrong. */
  withoutLuck?: TaskScores | undefined;
  /** Errors of plain means where documents hang together. */
  clustered: Readonly<Record<string, number>>;
  samples: readonly EvaluatedSample[];
  /** Names of the approximate options that were on in any answer; missing where none was. */
  approximate?: string[];
  /** In the whole data set. */
  documents: number;
  origin: AnswerOrigin;
  started: string;
  ended: string;
  /** Files that were written. */
  files: readonly string[];
}
