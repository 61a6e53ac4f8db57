/** The scene world: captions beside the facts of their pictures, by the scenes' own scorer. No judge, no download. */
import { z } from "zod";
import { factsOf, sceneSchema } from "../../../scenes/records/scene-schema.js";
import { evaluate, figures, scoreCaption, type Tally } from "../../../scenes/scoring/score.js";
import { judgeWords } from "../../../scenes/scoring/word-verdicts.js";
import { DEFAULT_QUESTION } from "../../../text/default-question.js";
import type { ScoredAnswer } from "../../scored-answer.js";
import { defineTask } from "../../task.js";
import { countMarks, groupBy, type TaskScores } from "../../task-scores.js";

const document = z.looseObject({ scene: sceneSchema });

const tallyOf = ({ details }: ScoredAnswer): Tally => details?.tally as Tally;

/** Sums over pictures divided by sums: a figure is no mean over captions. */
function sums(scored: readonly ScoredAnswer[]): TaskScores {
  const styles = groupBy(scored, ({ facets }) => facets.style ?? "");
  const byStyle = [...styles].map(([style, answers]) => {
    const coverage = evaluate(answers.map(tallyOf)).coverage ?? 0;
    return [style, { score: coverage, count: answers.length }] as const;
  });
  return {
    metrics: evaluate(scored.map(tallyOf)),
    stderr: {},
    subScores: { style: Object.fromEntries(byStyle) },
    counts: countMarks(scored),
  };
}

const task = (name: string, about: string) =>
  defineTask<z.infer<typeof document>>({
    name,
    about: `${about}: ${figures.join(", ")}`,
    document,
    settings: {},
    asWritten: true,
    drawnErrors: true,
    metric: "coverage",
    lowerIsBetter: ["edits"],
    prompt: () => DEFAULT_QUESTION,
    pictures: () => ["image"],
    score({ scene }, answer) {
      const tally = scoreCaption(answer, factsOf(scene));
      const { words, missing } = judgeWords(answer, factsOf(scene));
      return {
        parsed: answer,
        target: scene.objects.map(({ name }) => name).join(", "),
        scores: { coverage: tally.named / tally.objects, exact: tally.exact },
        facets: { style: scene.style },
        marks: tally.mentions === 0 ? ["unreadable"] : [],
        details: {
          tally,
          words: words.flatMap(({ start, end, right }) => (right === undefined ? [] : [[start, end, right]])),
          missing,
        },
      };
    },
    aggregate: sums,
  });

export const sceneCaptions = task("scenes_caption", "captions of generated scenes like those of training");
export const sceneStyles = task("scenes_style", "the same of artwork that training has not");
export const sceneCombinations = task("scenes_combinations", "the same of names and places that never met in training");
