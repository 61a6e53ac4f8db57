/** The training losses of LLaDA-V and ReDiff as one list of rows: which count, for what target, with what weight.
 *
 *      loss = sum over rows of weight * cross-entropy(logits of the row, target)
 *
 *  b samples; of sample s: V_s rows with a label, M_s masked, C_s corrupted, K_s clean, R_s revised, p_s probability.
 *  - llada_v: mean over s of 1/|V_s| * sum over M_s of CE / p_s
 *  - rediff, ordinary sample: mean over s of (mean over M_s + mean over C_s + mean over K_s) CE / p_s
 *  - rediff, sample with wrong phrases: mean over s of mean over R_s of CE / p_s; with `reviseRows` "answer" the means over
 *    M_s and K_s are added
 *  An empty mean is 0. That everything is divided by p_s, also what was never masked, is the reference's choice;
 *  `lossWeighting: "none"` leaves it out. */
import { ignoredLabel } from "../text/image-tokens.js";
import { type CorruptedSample, type ExpandedSample, type Objective, PositionRole } from "./corruption.js";

export type LossWeighting = "code" | "none";

export const TERMS = ["masked", "corrupted", "clean", "revised"] as const;
export type Term = (typeof TERMS)[number];

/** A row that counts. */
export interface LossRow {
  /** Which sample, and which of its rows. */
  sample: number;
  row: number;
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

/** The rows that count, sample by sample, in order. Rows without a label never do, but the reference counts them in its
 *  means; `corrupt` marks such rows under `compat` only. */
export function lossRows(
  samples: readonly ExpandedSample[],
  corrupted: readonly CorruptedSample[],
  options: { objective: Objective; lossWeighting: LossWeighting },
): LossRow[] {
  return corrupted.flatMap(({ roles, probability }, s) => {
    const labels = samples[s]?.labels ?? [];
    const counts = new Map<number, number>();
    for (const role of roles) counts.set(role, (counts.get(role) ?? 0) + 1);
    const labelled = labels.reduce((sum, label) => sum + Number(label !== ignoredLabel), 0);
    const scale = 1 / (corrupted.length * (options.lossWeighting === "code" ? probability : 1));

    const rows: LossRow[] = [];
    for (const [row, role] of roles.entries()) {
      const term = TERM_OF[role];
      const target = labels[row];
      if (term === undefined || target === undefined || target === ignoredLabel) continue;
      const count = options.objective === "llada_v" ? labelled : (counts.get(role) as number);
      rows.push({ sample: s, row, target, weight: scale / count, term });
    }
    return rows;
  });
}
