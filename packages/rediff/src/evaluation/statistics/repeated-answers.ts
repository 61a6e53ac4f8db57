/** Several answers to each document, drawn with chance. */
import { sampleVariance } from "./standard-errors.js";

export interface RepeatedScores {
  /** Of an answer. */
  expectedAccuracy: number;
  /** Of documents with more right answers than others. */
  consensusAccuracy: number;
  /** Between answers to one document. */
  internalVariance: number;
  /** Documents whose answers score alike. */
  consistencyRate: number;
}

/** @param scores 0 or 1, answers by document */
export function repeatedScores(scores: readonly (readonly number[])[]): RepeatedScores {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return {
    expectedAccuracy: mean(scores.map(mean)),
    consensusAccuracy: mean(scores.map((answers) => Number(mean(answers) > 0.5))),
    internalVariance: mean(scores.map((answers) => (answers.length < 2 ? 0 : sampleVariance(answers)))),
    consistencyRate: mean(scores.map((answers) => Number(new Set(answers).size <= 1))),
  };
}
