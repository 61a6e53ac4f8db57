/** COCO captions beside references, by n-grams, and by METEOR where its tables are. SPICE needs a program of its own and is
 *  left out. */
import { z } from "zod";
import { meteor } from "../../meteor/meteor.js";
import type { MeteorFiles } from "../../meteor/meteor-files.js";
import { addStatistics, type MeteorStatistics, meteorScore } from "../../meteor/meteor-statistics.js";
import { bleu, type TokenizedCaption } from "../../ngrams/bleu.js";
import { cider } from "../../ngrams/cider.js";
import { repeatedShare } from "../../ngrams/ngram-counts.js";
import { ptbTokens } from "../../ngrams/ptb-tokenizer.js";
import { rougeL } from "../../ngrams/rouge-l.js";
import type { ScoredAnswer } from "../../scored-answer.js";
import { defineTask, type Task } from "../../task.js";
import { countMarks, mean, type TaskScores } from "../../task-scores.js";
import { unscored, withoutTruth } from "../answer/test-splits.js";

const ASK_FOR_CAPTION = "Provide a one-sentence caption for the provided image.";

const document = z.looseObject({ answer: z.array(z.string()).min(1) });

/** BLEU, CIDEr and METEOR are of all captions together, so single scores cannot be averaged. */
function corpusScores(scored: readonly ScoredAnswer[]): TaskScores {
  const captions = scored.map(({ details }) => details?.tokens as TokenizedCaption);
  const of = (metric: string): number => mean(scored.map(({ scores }) => scores[metric] ?? 0));
  return {
    metrics: {
      coco_CIDEr: cider(captions).corpus,
      ...Object.fromEntries(bleu(captions).corpus.map((score, i) => [`coco_Bleu_${i + 1}`, score])),
      coco_ROUGE_L: of("ROUGE_L"),
      ...meteorOf(scored),
      repeated_4grams: of("repeated_4grams"),
    },
    stderr: {},
    subScores: {},
    counts: countMarks(scored),
  };
}

function meteorOf(scored: readonly ScoredAnswer[]): { coco_METEOR?: number } {
  const counted = scored.flatMap(({ details }) => (details?.meteor as MeteorStatistics | undefined) ?? []);
  return counted.length < scored.length ? {} : { coco_METEOR: meteorScore(addStatistics(counted)) };
}

export const cocoCaption = defineTask<z.infer<typeof document>>({
  name: "coco2017_cap_val",
  about: "COCO captions by BLEU, ROUGE-L and CIDEr, of tokens as pycocoevalcap makes them",
  source: { dataset: "lmms-lab/COCO-Caption2017", splits: ["val"], rows: 5000 },
  document,
  // As long as lmms-eval lets it be; LLaDA-V's script would give it two tokens, as it gives every task that it does not know.
  settings: { steps: 64, genLength: 64, thinking: "no_think" },
  metric: "coco_CIDEr",
  lowerIsBetter: ["repeated_4grams"],
  prompt: () => ASK_FOR_CAPTION,
  pictures: () => ["image"],
  score({ answer: references }, answer) {
    const tokens = { candidate: ptbTokens(answer), references: references.map(ptbTokens) };
    return {
      parsed: tokens.candidate,
      target: references.join(" | "),
      scores: { ROUGE_L: rougeL(tokens), repeated_4grams: repeatedShare(tokens.candidate.split(" ")) },
      facets: {},
      marks: tokens.candidate === "" ? ["unreadable"] : [],
      details: { tokens },
    };
  },
  aggregate: corpusScores,
});

/** With METEOR. @param files `openMeteorFiles` of a folder of the user's */
export const cocoCaptionWithMeteor = (files: MeteorFiles): Task => ({
  ...cocoCaption,
  about: `${cocoCaption.about}; and METEOR 1.5`,
  async complete(scored) {
    const { each } = await meteor(
      scored.map(({ details }) => details?.tokens as TokenizedCaption),
      files,
    );
    return scored.map((answer, i) => {
      const one = each[i];
      if (one === undefined) return answer;
      return {
        ...answer,
        scores: { ...answer.scores, METEOR: one.score },
        details: { ...answer.details, meteor: one.statistics },
      };
    });
  },
});

const unseen = z.looseObject({
  question_id: z.union([z.string(), z.number()]).optional(),
  id: z.coerce.number().int().optional(),
});

/** "COCO_test2014_000000000016.jpg" */
const numberOf = ({ question_id: name, id }: z.infer<typeof unseen>): number =>
  name === undefined ? (id ?? 0) : Number(/(\d+)(?:\.\w+)?$/.exec(String(name))?.[1] ?? 0);

export const cocoCaptionTest = defineTask<z.infer<typeof unseen>>({
  name: "coco2014_cap_test",
  about: "COCO captions of the test split; its server scores the submission",
  source: { dataset: "lmms-lab/COCO-Caption", splits: ["test"], rows: 40_775 },
  document: unseen,
  settings: { steps: 128, genLength: 128, thinking: "no_think" },
  metric: "coco_CIDEr",
  prompt: () => ASK_FOR_CAPTION,
  pictures: () => ["image"],
  score: (_, answer) => withoutTruth(answer),
  aggregate: unscored,
  submission: {
    file: "coco_captions_test2014_alg_results.json",
    write: (answers) =>
      `${JSON.stringify(answers.map(({ document, answer }) => ({ image_id: numberOf(document), caption: answer })))}\n`,
  },
});
