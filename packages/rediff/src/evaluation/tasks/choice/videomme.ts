/** Video-MME: videos of up to an hour. */
import { z } from "zod";
import { ASK_FOR_LETTER } from "../../parsing/lettered-options.js";
import { optionLetter } from "../../parsing/option-letter.js";
import { splitPython } from "../../python/python-text.js";
import { defineTask, type Task } from "../../task.js";
import { meanScores } from "../../task-scores.js";

const document = z.looseObject({
  videoID: z.string(),
  duration: z.string(),
  domain: z.string(),
  sub_category: z.string(),
  task_type: z.string(),
  question: z.string(),
  options: z.array(z.string()),
  answer: z.string(),
});

/** It speaks of subtitles, and there are none. */
const OPENING =
  "Select the best answer to the following multiple-choice question based on the video and the subtitles. Respond with only the letter (A, B, C, or D) of the correct option.";

/** The first of A to D anywhere, "After" included, once openings are taken out. */
function firstLetter(answer: string): string {
  let text = answer;
  for (const opening of ["The best answer is", "The correct answer is", "The answer is", "The answer"])
    text = text.replaceAll(opening, "");
  if (splitPython(text).length > 10 && !/[ABCD]/.test(text)) return "";
  return /[ABCD]/.exec(text)?.[0] ?? "";
}

const task = (read: (answer: string) => string): Task =>
  defineTask<z.infer<typeof document>>({
    name: "videomme",
    about: "Video-MME without subtitles",
    source: { dataset: "lmms-lab/Video-MME", splits: ["test"], rows: 2700 },
    document,
    settings: { steps: 2, genLength: 2, thinking: "no_think" },
    metric: "videomme_perception_score",
    prompt: ({ question, options }) => `${OPENING}\n${question}\n${options.join("\n")}\n\n${ASK_FOR_LETTER}`,
    cluster: ({ videoID }) => videoID,
    pictures: ({ videoID }) => [`data/${videoID}.mp4`],
    score({ answer: target, duration, domain, sub_category, task_type }, answer) {
      const parsed = read(answer);
      return {
        parsed: parsed === "" ? null : parsed,
        target,
        scores: { videomme_perception_score: Number(parsed === target) },
        facets: { duration, domain, sub_category, task_type },
        marks: parsed === "" ? ["unreadable"] : [],
      };
    },
    aggregate: (scored) => meanScores(scored, 100),
  });

export const videomme = task(firstLetter);
export const videommeStock = task((answer) => optionLetter(answer, ["A", "B", "C", "D"]));
