/** A file of predictions, scored. */
import { z } from "zod";
import { UserError } from "../../errors.js";
import { type Judged, matchPredictions } from "./predictions.js";
import { judgeRepair, scoreRepairs } from "./repairs.js";
import { compareAll, scoreAll, scoreCaption } from "./score.js";
import type { ScoreReport } from "./score-report.js";

export interface ScoreFilesOptions {
  predictions: string;
  /** scenes.jsonl, or a file of `writeCorrupted`. */
  truth: string;
  /** Other predictions of the same pictures. */
  against?: string;
  partial?: boolean;
  seed?: number;
}

export async function scoreFiles(options: ScoreFilesOptions): Promise<ScoreReport> {
  const { predictions, truth, partial = false, seed = 0 } = options;
  const { judged, missing } = await matchPredictions(predictions, truth, { partial });
  const tallies = judged.map(({ scene, text }) => scoreCaption(text, scene.facts));
  return {
    scores: scoreAll(tallies, { seed }),
    missing,
    against: options.against === undefined ? undefined : await compare(options.against),
    repairs: repairsOf(judged, seed),
  };

  async function compare(file: string): Promise<ReturnType<typeof compareAll>> {
    const { judged: theirs } = await matchPredictions(file, truth, { partial });
    const names = (list: readonly Judged[]) => list.map(({ scene }) => scene.record.image).join("\n");
    if (names(theirs) !== names(judged))
      throw new UserError(`${predictions} and ${file} are not about the same pictures`);
    return compareAll(
      tallies,
      theirs.map(({ scene, text }) => scoreCaption(text, scene.facts)),
      { seed },
    );
  }
}

/** What `writeCorrupted` adds to a record. */
export const plantedSchema = z.looseObject({ kind: z.string(), right: z.string() });

function repairsOf(judged: readonly Judged[], seed: number): ScoreReport["repairs"] {
  const tallies = judged.flatMap(({ scene, text }) => {
    const planted = plantedSchema.safeParse(scene.record);
    const draft = scene.record.conversations.at(-1)?.value;
    if (!planted.success || draft === undefined) return [];
    return [judgeRepair({ ...planted.data, draft, facts: scene.facts }, text)];
  });
  return tallies.length === 0 ? undefined : scoreRepairs(tallies, { seed });
}
