/** How `refine` does on captions with one planted error, and on right ones. */
import { join } from "node:path";
import type { VisionLanguageModel } from "../inference/vision-language-model.js";
import type { Scene } from "../scenes/records/scene-records.js";
import { judgeRepair, type RepairScores, scoreRepairs } from "../scenes/scoring/repairs.js";
import { plantedSchema } from "../scenes/scoring/score-files.js";

export interface RefiningOptions {
  /** Folder of the pictures. */
  folder: string;
  /** Replace a token only when the model is at least this sure; default the model's own. */
  threshold?: number;
  /** Text before every draft that has to stay as it is: words that the model does not know. */
  behind?: string;
  onProgress?: (done: number) => void;
}

/** @param scenes records of `scenes corrupt` */
export async function scoreRefining(
  model: VisionLanguageModel,
  scenes: readonly Scene[],
  { folder, threshold, behind = "", onProgress }: RefiningOptions,
): Promise<RepairScores> {
  const tallies = [];
  for (const { record, facts } of scenes) {
    const planted = plantedSchema.parse(record);
    const draft = record.conversations.at(-1)?.value ?? "";
    const refined = await model.refine(join(folder, record.image), `${behind}${draft}`, {
      imageJoin: "correct",
      ...(threshold !== undefined && { threshold }),
    });
    const left = refined.text.startsWith(behind) ? refined.text.slice(behind.length) : refined.text;
    tallies.push(judgeRepair({ ...planted, draft, facts }, left));
    onProgress?.(tallies.length);
  }
  return scoreRepairs(tallies);
}
