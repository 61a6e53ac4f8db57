/** MMMU-Pro: MMMU with up to ten options, and with the question inside the picture. */
import { z } from "zod";
import { letteredLines } from "../../parsing/lettered-options.js";
import { parsePythonList } from "../../python/python-list.js";
import { defineTask } from "../../task.js";
import { namedPictures, scoreCascade, subjectFacets } from "./mmmu.js";

/** "option letter", where MMMU says "option's letter". */
const ASK = "Answer with the option letter from the given choices directly.";
const settings = { steps: 2, genLength: 2, thinking: "no_think" } as const;

const common = { id: z.string(), options: z.string(), answer: z.string(), subject: z.string() };
const standardDocument = z.looseObject({ ...common, question: z.string() });
const visionDocument = z.looseObject(common);

const standardPrompt = ({ question, options }: z.infer<typeof standardDocument>): string =>
  `${question}\n${letteredLines(parsePythonList(options))}\n\n${ASK}`;

export const mmmuProStandard = defineTask<z.infer<typeof standardDocument>>({
  name: "mmmu_pro_standard",
  about: "MMMU-Pro with up to ten options",
  source: { dataset: "MMMU/MMMU_Pro", config: "standard (10 options)", splits: ["test"], rows: 1730 },
  document: standardDocument,
  settings,
  metric: "mmmu_acc",
  prompt: standardPrompt,
  pictures: (question) => namedPictures(standardPrompt(question)),
  score: ({ id, options, answer: target, subject }, answer, context) =>
    scoreCascade(answer, { id, options: parsePythonList(options), target, subject }, context),
});

export const mmmuProVision = defineTask<z.infer<typeof visionDocument>>({
  name: "mmmu_pro_vision",
  about: "MMMU-Pro with the question in the picture; the answer is the letter and nothing else",
  source: { dataset: "MMMU/MMMU_Pro", config: "vision", splits: ["test"], rows: 1730 },
  document: visionDocument,
  settings,
  metric: "mmmu_acc",
  prompt: () => ASK,
  pictures: () => ["image"],
  score: ({ answer: target, subject }, answer) => ({
    parsed: answer,
    target,
    scores: { mmmu_acc: Number(answer === target) },
    facets: subjectFacets(subject),
    marks: [],
  }),
});
