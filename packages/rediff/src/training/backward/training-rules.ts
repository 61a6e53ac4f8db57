/** How training samples become what the model sees, ours and the original's side by side. */
import { scope } from "@rediff/torch";
import { type CorruptionRules, originalCorruption, ourCorruption } from "../../diffusion/corruption.js";
import { idTensor } from "../../models/ids.js";
import type { Model } from "../../models/llava/llava.js";
import { type Alignment, endToEnd, paddedToLongest } from "./expand-batch.js";
import { isMaskEmbedding } from "./mask-embedding.js";

export interface TrainingRules {
  /** How samples of unequal length come together. */
  align: Alignment;
  /** What is masked, replaced, kept and revised. */
  corruption: CorruptionRules;
  /** Those of a batch's ids that the model cannot tell from the mask, the mask's own among them. */
  masksAmong: (model: Model, ids: readonly number[]) => ReadonlySet<number>;
}

export const ourTraining: TrainingRules = {
  align: endToEnd,
  corruption: ourCorruption,
  masksAmong: ({ tokenizer }) => new Set([tokenizer.special.mask]),
};

export const originalTraining: TrainingRules = {
  align: paddedToLongest,
  corruption: originalCorruption,
  masksAmong: idsLikeMask,
};

/** What a recipe's `compat` stands for. */
export const trainingRules = (compat: boolean): TrainingRules => (compat ? originalTraining : ourTraining);

/** The reference finds masks by their embedding: ids that have one like the mask's. */
function idsLikeMask({ tokenizer, llada }: Model, ids: readonly number[]): Set<number> {
  const { mask } = tokenizer.special;
  const table = llada.weights.embedTokens;
  const different = [...new Set([mask, ...ids])].filter((id) => id >= 0);
  const rows = (list: number[]) => table.indexSelect(0, idTensor(list, table.device));
  const like = scope(() => isMaskEmbedding(rows(different).unsqueeze(0), rows([mask])).toNumbers());
  return new Set(different.filter((_, i) => like[i] === 1));
}
