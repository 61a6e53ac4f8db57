/** The training losses of LLaDA-V and ReDiff as one list of positions: which count, for what target, with what weight.
 *
 *      loss = sum over positions of weight * cross-entropy(logits of the position, target)
 *
 *  b samples; of sample s: V_s positions with a label, M_s masked, C_s corrupted, K_s clean, R_s revised, p_s probability.
 *  - llada_v: mean over s of 1/|V_s| * sum over M_s of CE / p_s
 *  - rediff, ordinary sample: mean over s of (mean over M_s + mean over C_s + mean over K_s) CE / p_s
 *  - rediff, sample with wrong phrases: mean over s of mean over R_s of CE / p_s; with `reviseRows` "answer" the means over
 *    M_s and K_s are added
 *  An empty mean is 0. That everything is divided by p_s, also what was never masked, is the reference's choice;
 *  `lossWeighting: "none"` leaves it out; so do samples that are seen whole, whose p is 0. */
import { ignoredLabel } from "../text/image-tokens.js";
import { type CorruptedSample, type ExpandedSample, type Objective, PositionRole } from "./corruption.js";

export type LossWeighting = "code" | "none";

/** A part of the loss, by what stands at its positions. */
export type Term = "masked" | "corrupted" | "clean" | "revised";
export const TERMS: readonly Term[] = ["masked", "corrupted", "clean", "revised"];

/** A position that counts. */
export interface LossPosition {
  /** Index of its sample in the batch. */
  sample: number;
  /** Of the sample, pictures in place, from 0. */
  position: number;
  /** The id to be predicted there. */
  target: number;
  weight: number;
  term: Term;
}

const TERM_OF: Readonly<Record<number, Term>> = {
  [PositionRole.masked]: "masked",
  [PositionRole.corrupted]: "corrupted",
  [PositionRole.clean]: "clean",
  [PositionRole.revised]: "revised",
};

/** The positions that count, sample by sample, in order. Those without a label never do, but the reference counts them in
 *  its means; `corrupt` gives them a role under the original's rules only. */
export function lossPositions(
  samples: readonly ExpandedSample[],
  corrupted: readonly CorruptedSample[],
  options: { objective: Objective; lossWeighting: LossWeighting },
): LossPosition[] {
  return corrupted.flatMap(({ roles, probability }, sample) => {
    const labels = samples[sample]?.labels ?? [];
    const labelled = labels.filter((label) => label !== ignoredLabel).length;
    const scale = 1 / (corrupted.length * (options.lossWeighting === "code" && probability > 0 ? probability : 1));
    const counts = new Map<number, number>();
    for (const role of roles) counts.set(role, (counts.get(role) ?? 0) + 1);
    // LLaDA-V takes the mean over all that has a label, ReDiff over the positions of one role.
    const meanOver = (role: number): number =>
      options.objective === "llada_v" ? labelled : (counts.get(role) as number);

    return labels.flatMap((target, position): LossPosition[] => {
      const role = roles[position] ?? PositionRole.none;
      const term = TERM_OF[role];
      if (term === undefined || target === ignoredLabel) return [];
      return [{ sample, position, target, weight: scale / meanOver(role), term }];
    });
  });
}
