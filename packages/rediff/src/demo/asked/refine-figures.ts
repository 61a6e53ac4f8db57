/** How `refine` does on captions with one planted error, and on right ones. */
import { join } from "node:path";
import type { VisionLanguageModel } from "../../inference/vision-language-model.js";
import type { Scene } from "../../scenes/records/scene-records.js";
import { judgeRepair, type RepairScores, scoreRepairs } from "../../scenes/scoring/repairs.js";
import { plantedSchema } from "../../scenes/scoring/score-files.js";
import { keptTexts } from "./kept-texts.js";

export interface RefiningOptions {
  /** Folder of the pictures. */
  folder: string;
  /** File of refined texts: what is there is not refined again. */
  kept: string;
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
  { folder, kept, threshold, behind = "", onProgress }: RefiningOptions,
): Promise<RepairScores> {
  const planted = scenes.map(({ record, facts }) => {
    const draft = record.conversations.at(-1)?.value ?? "";
    return { ...plantedSchema.parse(record), facts, draft, picture: join(folder, record.image) };
  });
  const refined = await keptTexts(kept, scenes.length, async () => {
    const texts: string[] = [];
    for (const { picture, draft } of planted) {
      const { text } = await model.refine(picture, `${behind}${draft}`, {
        imageJoin: "correct",
        ...(threshold !== undefined && { threshold }),
      });
      texts.push(text);
      onProgress?.(texts.length);
    }
    return texts;
  });
  return scoreRepairs(
    refined.map((text, i) => {
      const left = text.startsWith(behind) ? text.slice(behind.length) : text;
      return judgeRepair(planted[i] as (typeof planted)[number], left);
    }),
  );
}
