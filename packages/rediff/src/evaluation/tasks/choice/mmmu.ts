/** MMMU: questions of thirty subjects at college level. */
import { z } from "zod";
import { ASK_FOR_LETTER, ASK_FOR_WORD, letteredLines, lettersFor } from "../../parsing/lettered-options.js";
import { openMatch, openValues } from "../../parsing/open-answer.js";
import { cascadeLetter } from "../../parsing/option-cascade.js";
import { parsePythonList } from "../../python/python-list.js";
import type { ScoredAnswer } from "../../scored-answer.js";
import { defineTask, type ScoreContext } from "../../task.js";
import { unscored, withoutTruth } from "../answer/test-splits.js";

/** How the benchmark groups its subjects. */
const domains: Readonly<Record<string, readonly string[]>> = {
  "Art and Design": ["Art", "Art_Theory", "Design", "Music"],
  Business: ["Accounting", "Economics", "Finance", "Manage", "Marketing"],
  Science: ["Biology", "Chemistry", "Geography", "Math", "Physics"],
  "Health and Medicine": [
    "Basic_Medical_Science",
    "Clinical_Medicine",
    "Diagnostics_and_Laboratory_Medicine",
    "Pharmacy",
    "Public_Health",
  ],
  "Humanities and Social Science": ["History", "Literature", "Sociology", "Psychology"],
  "Tech and Engineering": [
    "Agriculture",
    "Architecture_and_Engineering",
    "Computer_Science",
    "Electronics",
    "Energy_and_Power",
    "Materials",
    "Mechanical_Engineering",
  ],
};

export function subjectFacets(subject: string): Record<string, string> {
  const domain = Object.keys(domains).find((name) => domains[name]?.includes(subject));
  return { subject, ...(domain === undefined ? {} : { domain }) };
}

/** Each picture that the text speaks of, once, by name. The text keeps its "<image 1>", and pictures stand in front. */
export const namedPictures = (text: string): string[] =>
  [...new Set(text.match(/<image \d+>/g) ?? [])].sort().map((mark) => mark.slice(1, -1).replace(" ", "_"));

/** An answer to a question with options. */
export function scoreCascade(
  answer: string,
  question: { id: string; options: readonly string[]; target: string; subject: string },
  { draw }: ScoreContext,
): ScoredAnswer {
  const letters = lettersFor(question.options);
  const read = cascadeLetter(answer, letters, question.options);
  const letter = read ?? (letters.length > 0 ? draw?.(letters, question.id) : undefined);
  return {
    parsed: letter ?? null,
    target: question.target,
    scores: { mmmu_acc: Number(letter === question.target) },
    facets: subjectFacets(question.subject),
    marks: read !== undefined ? [] : letter === undefined ? ["unreadable"] : ["unreadable", "random"],
  };
}

const document = z.looseObject({
  id: z.string(),
  question: z.string(),
  options: z.string(),
  answer: z.string(),
  question_type: z.string(),
});
type Document = z.infer<typeof document>;

function prompt({ question, options, question_type }: Document): string {
  if (question_type !== "multiple-choice") return `${question}\n\n${ASK_FOR_WORD}`;
  return `${question}\n${letteredLines(parsePythonList(options))}\n\n${ASK_FOR_LETTER}`;
}

/** "validation_Art_Theory_3": Art_Theory */
const subjectOf = (id: string): string => id.split("_").slice(1, -1).join("_");

export const mmmu = defineTask<Document>({
  name: "mmmu_val",
  about: "MMMU validation: subjects at college level, options and open questions",
  source: { dataset: "lmms-lab/MMMU", splits: ["validation"], rows: 900 },
  document,
  settings: { steps: 2, genLength: 2, thinking: "no_think" },
  metric: "mmmu_acc",
  prompt,
  pictures: (question) => namedPictures(prompt(question)),
  score({ id, options, answer: target, question_type }, answer, context) {
    const subject = subjectOf(id);
    if (question_type === "multiple-choice")
      return scoreCascade(answer, { id, options: parsePythonList(options), target, subject }, context);
    const parsed = openValues(answer);
    const scores = { mmmu_acc: Number(openMatch(parsed, target)) };
    return { parsed, target, scores, facets: subjectFacets(subject), marks: [] };
  },
});

/** Letters of questions with options, the answer's own words for others. */
const predictions = (answers: readonly { document: Document; answer: string }[]): Record<string, string> =>
  Object.fromEntries(
    answers.map(({ document: { id, options, question_type }, answer }) => {
      if (question_type !== "multiple-choice") return [id, answer];
      const list = parsePythonList(options);
      return [id, cascadeLetter(answer, lettersFor(list), list) ?? ""];
    }),
  );

export const mmmuTest = defineTask<Document>({
  name: "mmmu_test",
  about: "MMMU test; its server scores the submission",
  source: { dataset: "lmms-lab/MMMU", splits: ["test"], rows: 10_500 },
  document,
  settings: mmmu.settings,
  metric: "mmmu_acc",
  prompt,
  pictures: (question) => namedPictures(prompt(question)),
  score: (_, answer) => withoutTruth(answer),
  aggregate: unscored,
  submission: {
    file: "mmmu_test_for_submission.json",
    write: (answers) => `${JSON.stringify(predictions(answers))}\n`,
  },
});
