/** MathVerse with the question in the picture, more or less of it. A judge finds the answer, and judges it. */
import { z } from "zod";
import { stripPython } from "../../../text/python-strip.js";
import { judgeQuestion } from "../../ask-judge.js";
import type { Mark } from "../../scored-answer.js";
import { defineTask, type ScoreContext, type Task } from "../../task.js";
import { meanScores } from "../../task-scores.js";

const document = z.looseObject({
  problem_version: z.string(),
  answer: z.string(),
  query_cot: z.string(),
  question_for_eval: z.string(),
  image: z.unknown(),
  metadata: z.looseObject({ subject: z.string().optional(), subfield: z.string().optional() }).optional(),
});
type Document = z.infer<typeof document>;

/** Blank-separated words that the judge gets to see. */
const WORDS = 30;
/** The original asks until it has what it wants, however long that takes. */
const MOST_TRIES = 10;

export const lastWords = (answer: string): string => stripPython(answer).split(" ").slice(-WORDS).join(" ");

const extractionQuestion = (response: string): string =>
  `Find the answer that a response ends in, and reply with it alone; reply null if it gives none.

Response: "The two angles are equal, so angle B is 40 degrees."
Extracted answer: 40 degrees

Response: "Therefore the function grows on (-2,1]."
Extracted answer: (-2,1]

Response: "The correct option is C."
Extracted answer: C

Response: "We need the length of AB to say so."
Extracted answer: null

Response: "${response}"
Extracted answer:`;

const matchingQuestion = (question: string, target: string, extraction: string): string =>
  `Judge whether a model's answer means the same as the standard answer. Reply 1 if it does and 0 if it does not, with nothing else.

Question: Find the length of CD.
Standard answer: 5 cm
Model answer: 5
Judgement: 1

Question: Which angle is the largest?
Choices:
A: angle A
B: angle B
Standard answer: B
Model answer: angle A
Judgement: 0

Question: ${question}
Standard answer: ${target}
Model answer: ${extraction}
Judgement:`;

async function judgement(
  { answer: target, question_for_eval }: Document,
  response: string,
  judge: NonNullable<ScoreContext["judge"]>,
): Promise<{ extraction: string; isRight: boolean; mark: Mark }> {
  const found =
    response === "" ? "" : await judge(judgeQuestion("mathverse extraction", extractionQuestion(response), 256, 0));
  if (found === undefined) return { extraction: "", isRight: false, mark: "judge_failed" };
  const extraction = stripPython(found);
  const text = matchingQuestion(question_for_eval, target, extraction);
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const reply = await judge(judgeQuestion("mathverse judgement", text, 8, tries));
    if (reply === undefined) break;
    const verdict = stripPython(reply.replaceAll("Judgement:", ""));
    if (verdict === "0" || verdict === "1") return { extraction, isRight: verdict === "1", mark: "judged" };
  }
  return { extraction, isRight: false, mark: "judge_failed" };
}

const task = (version: "intensive" | "dominant" | "only"): Task =>
  defineTask<Document>({
    name: `mathverse_testmini_vision_${version}`,
    about: `MathVerse testmini, vision ${version}: figures with ${
      {
        intensive: "little text beside them",
        dominant: "the essential text in them",
        only: "the whole question in them",
      }[version]
    }`,
    source: {
      dataset: "CaraJ/MathVerse-lmmseval",
      config: "testmini_version_split",
      splits: [`vision_${version}`],
      rows: 788,
    },
    document,
    settings: { steps: 32, genLength: 64, thinking: "think" },
    metric: "gpt_eval_score",
    needsJudge: true,
    prompt: ({ query_cot }) => stripPython(query_cot),
    pictures: ({ image }) => (image === "" || image === null || image === undefined ? [] : ["image"]),
    async score(problem, answer, { judge }) {
      const response = lastWords(answer);
      const { extraction, isRight, mark } =
        judge === undefined
          ? { extraction: null, isRight: false, mark: "unreadable" as const }
          : await judgement(problem, response, judge);
      const { problem_version, metadata } = problem;
      return {
        parsed: extraction,
        target: problem.answer,
        scores: { gpt_eval_score: Number(isRight) },
        facets: {
          problem_version,
          ...(metadata?.subject ? { subject: metadata.subject } : {}),
          ...(metadata?.subfield ? { subfield: metadata.subfield } : {}),
        },
        marks: [mark],
      };
    },
    aggregate: (scored) => meanScores(scored, 100),
  });

export const mathverseIntensive = task("intensive");
export const mathverseDominant = task("dominant");
export const mathverseOnly = task("only");
