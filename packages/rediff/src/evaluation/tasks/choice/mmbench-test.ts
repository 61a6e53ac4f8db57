/** MMBench's test split: its server takes a spreadsheet of all rows with what was answered. */
import { z } from "zod";
import { type Cell, spreadsheet } from "../../results/spreadsheet.js";
import { defineTask } from "../../task.js";
import { unscored, withoutTruth } from "../answer/test-splits.js";
import { document, prompt, settings } from "./mmbench.js";

const row = document.extend({
  answer: z.string().nullish(),
  E: z.string().nullish(),
  source: z.string().nullish(),
  split: z.string().nullish(),
});

/** In lmms-eval's order. */
const COLUMNS = [
  ...(["index", "question", "answer", "prediction", "hint", "source", "split", "category", "L2-category"] as const),
  ...(["A", "B", "C", "D", "E"] as const),
];

/** A column that the data set has not is the word "nan", as lmms-eval writes it. */
const cellsOf = (of: z.infer<typeof row>, prediction: string): Cell[] =>
  COLUMNS.map((column) => (column === "prediction" ? prediction : (of[column] ?? "nan")));

export const mmbenchTest = defineTask<z.infer<typeof row>>({
  name: "mmbench_en_test",
  about: "MMBench English test; its server scores the submission",
  source: { dataset: "lmms-lab/MMBench", config: "en", splits: ["test"], rows: 6666 },
  document: row,
  settings,
  metric: "gpt_eval_score",
  prompt,
  pictures: () => ["image"],
  score: (_, answer) => withoutTruth(answer),
  aggregate: unscored,
  submission: {
    file: "mmbench_en_test_results.xlsx",
    write: (answers) =>
      spreadsheet(
        COLUMNS,
        answers.map(({ document: of, answer }) => cellsOf(of, answer)),
      ),
  },
});
