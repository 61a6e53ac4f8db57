/** CHAIR of descriptions of COCO's pictures. Its table of words comes with the benchmark, and so from a file of the user's. */
import { z } from "zod";
import { chairScores, mentionsIn, type ObjectNames } from "../../chair/chair.js";
import { defineTask, type Task } from "../../task.js";
import { countMarks, mean } from "../../task-scores.js";

const document = z.looseObject({ gt_object: z.array(z.string()) });

/** @param names `parseSynonyms` of the benchmark's synonyms.txt */
export const chairCaptions = (names: ObjectNames): Task =>
  defineTask<z.infer<typeof document>>({
    name: "coco_cap_chair",
    about: "CHAIR: objects that captions name and pictures have not; mean length beside it, for longer is worse",
    source: { dataset: "tsunghanwu/mscoco_chair", splits: ["test"] },
    document,
    settings: { steps: 128, genLength: 128 },
    metric: "coco_cap_chair_i",
    lowerIsBetter: ["coco_cap_chair_i", "coco_cap_chair_s"],
    prompt: () => "Please describe this image in detail.",
    pictures: () => ["image"],
    score({ gt_object: truth }, answer) {
      const { words, mentions } = mentionsIn(answer, names);
      const objects = mentions.map(({ object }) => object);
      return {
        parsed: objects,
        target: truth.join(", "),
        scores: { coco_cap_chair_s: Number(objects.some((object) => !truth.includes(object))) },
        facets: {},
        marks: objects.length === 0 ? ["unreadable"] : [],
        details: { objects, truth, words: words.length },
      };
    },
    aggregate(scored) {
      const described = scored.map(({ details }) => ({
        objects: details?.objects as string[],
        truth: new Set(details?.truth as string[]),
      }));
      const { captions, mentions, recall } = chairScores(described);
      return {
        metrics: {
          coco_cap_chair_i: mentions * 100,
          coco_cap_chair_s: captions * 100,
          coco_cap_recall: recall * 100,
          words: mean(scored.map(({ details }) => Number(details?.words))),
        },
        stderr: {},
        subScores: {},
        counts: countMarks(scored),
      };
    },
  });
