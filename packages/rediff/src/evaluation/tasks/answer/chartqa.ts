/** ChartQA: values of charts, within five percent. */
import { z } from "zod";
import { isRelaxedMatch } from "../../metrics/relaxed-accuracy.js";
import { defineTask } from "../../task.js";

const document = z.looseObject({ type: z.string(), question: z.string(), answer: z.string() });

export const chartqa = defineTask<z.infer<typeof document>>({
  name: "chartqa",
  about: "ChartQA: values and words of charts; numbers may be five percent off",
  source: { dataset: "lmms-lab/ChartQA", splits: ["test"], rows: 2500 },
  document,
  settings: { steps: 16, genLength: 16, thinking: "no_think", stop: ["\n"] },
  metric: "relaxed_overall",
  prompt: ({ question }) => `${question}\nAnswer the question with a single word.`,
  pictures: () => ["image"],
  score({ type, answer: target }, answer) {
    const score = Number(isRelaxedMatch(answer, target));
    const split = type === "human_test" ? "relaxed_human_split" : "relaxed_augmented_split";
    return { parsed: answer, target, scores: { relaxed_overall: score, [split]: score }, facets: {}, marks: [] };
  },
});
