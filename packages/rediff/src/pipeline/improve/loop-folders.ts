/** Where things lie in the loop's output folder:
 *
 *      improve.json                       how far the loop is; what it says is done is not done again
 *      report.md, report.json             quality by round
 *      round-0/evaluation/                the first model, measured
 *      round-N/drafts.jsonl               what the model of the round before says
 *      round-N/corrections.jsonl          what the expert says about that
 *      round-N/train.jsonl                what can be learnt from it
 *      round-N/right.jsonl                drafts that the expert found right, where they are learnt too
 *      round-N/trained/                   who learnt it, until it is averaged with who drafted
 *      round-N/model/                     the round's model
 *      round-N/evaluation/                measured: drafts, and the expert's answers to them
 *      round-N/report.json                all figures of the round */
import { join } from "node:path";

export interface RoundFiles {
  folder: string;
  drafts: string;
  corrections: string;
  training: string;
  right: string;
  trained: string;
  model: string;
  report: string;
  evaluationDrafts(steps: number): string;
  evaluationCorrections(steps: number): string;
}

export function roundFiles(output: string, round: number): RoundFiles {
  const folder = join(output, `round-${round}`);
  return {
    folder,
    drafts: join(folder, "drafts.jsonl"),
    corrections: join(folder, "corrections.jsonl"),
    training: join(folder, "train.jsonl"),
    right: join(folder, "right.jsonl"),
    trained: join(folder, "trained"),
    model: join(folder, "model"),
    report: join(folder, "report.json"),
    evaluationDrafts: (steps) => join(folder, "evaluation", `drafts-${steps}-steps.jsonl`),
    evaluationCorrections: (steps) => join(folder, "evaluation", `corrections-${steps}-steps.jsonl`),
  };
}

/** The model at the end of a round; of round 0, the one that the loop begins with. */
export const modelAfter = (recipe: { model: string; output: string }, round: number): string =>
  round === 0 ? recipe.model : roundFiles(recipe.output, round).model;
