/** All that a run of `npm run demo:table` has measured: the tables, the documents and the goals are made of it. */
import type { Stage } from "../asked/caption-grid.js";
import type { ModelFigures } from "../model-figures.js";
import type { Elsewhere, GainLine, LossLine, QuestionLine, RefiningLine, ScoredCell } from "../table-text.js";

/** A comparison of a round of the loop with the one before it, both revising. */
export interface RoundGain extends GainLine {
  /** From 1; 0 is stage I. */
  round: number;
}

export interface Measured {
  /** Held-out scenes. */
  count: number;
  model: ModelFigures;
  stages: readonly Stage[];
  scored: readonly ScoredCell[];
  losses: readonly (LossLine & { stage: string })[];
  gains: readonly GainLine[];
  rounds: readonly RoundGain[];
  elsewhere: readonly (Elsewhere & { stage: string; kind: string })[];
  /** Captions that were refined; half of them have an error, or two. */
  drafts: number;
  /** The model's own threshold. */
  threshold: number;
  refining: readonly (RefiningLine & { stage: string; threshold: number })[];
  two: readonly (RefiningLine & { stage: string })[];
  /** The same captions as in `refining`, beside words that the model does not know. */
  foreign: readonly (RefiningLine & { stage: string })[];
  questions: number;
  asked: readonly (QuestionLine & { stage: string })[];
}
