/** MathVista: mathematics in pictures. A judge finds the answer in the text; rules compare it. */
import { z } from "zod";
import { UserError } from "../../../errors.js";
import { stripPython } from "../../../text/python-strip.js";
import { judgeQuestion } from "../../ask-judge.js";
import { letterOf } from "../../parsing/lettered-options.js";
import { comparableMathAnswer, plainMathAnswer } from "../../parsing/math-answer.js";
import type { ScoredAnswer } from "../../scored-answer.js";
import { defineTask, type ScoreContext } from "../../task.js";
import { meanScores } from "../../task-scores.js";

const metadata = z.looseObject({
  category: z.string().optional(),
  context: z.string().optional(),
  grade: z.string().optional(),
  language: z.string().optional(),
  skills: z.array(z.string()).optional(),
  source: z.string().optional(),
  task: z.string().optional(),
});

const document = z.looseObject({
  question: z.string(),
  choices: z.array(z.string()).nullish(),
  unit: z.string().nullish(),
  precision: z.number().nullish(),
  answer: z.string(),
  question_type: z.string(),
  answer_type: z.string(),
  query: z.string(),
  metadata: metadata.optional(),
});
type Document = z.infer<typeof document>;

const behind = "in the following format: Answer: xxx.";

/** What the question asks for, and how the answer is to be written. */
function hintOf({ question_type, answer_type, precision }: Document): string {
  if (question_type === "multi_choice")
    return `First perform reasoning, then finally select the question from the choices ${behind}`;
  const ask = (what: string, value: string, example: string) =>
    `First perform reasoning, then finally answer the question requiring ${what} and provide the final ${value}, e.g., ${example}, at the end ${behind}`;
  if (answer_type === "integer") return ask("an integer answer", "value", "1, 2, 3");
  if (answer_type === "list") return ask("a Python list as an answer", "list", "[1, 2, 3], [1.2, 1.3, 1.4]");
  if (answer_type === "float" && precision === 1)
    return ask("a floating-point number with one decimal place", "value", "1.2, 1.3, 1.4");
  if (answer_type === "float" && precision === 2)
    return ask("a floating-point number with two decimal places", "value", "1.23, 1.34, 1.45");
  throw new UserError(
    `mathvista: an answer of type ${answer_type} with precision ${precision ?? "none"}: numbers have one decimal place or two`,
  );
}

function prompt(question: Document): string {
  const unit = question.unit ? ` (Unit: ${question.unit})` : "";
  const choices = question.choices?.map((choice, i) => `(${letterOf(i)}) ${choice}\n`) ?? [];
  const listed = choices.length > 0 ? `Choices:\n${choices.join("")}` : "";
  return `Question: ${question.question}${unit}\n${listed}${hintOf(question)}\nIf it is hard to determine, give the closest answer.`;
}

const TRIES = 5;

const questionForJudge = (query: string, answer: string): string =>
  `Find the answer that a response gives to a question, and reply with it alone. Do not solve the question yourself.

Hint: Please answer the question requiring an integer answer and provide the final value, e.g., 1, 2, 3, at the end.
Question: How many cups are on the table?
Model response: There are three on the left and two on the right, so there are 5 cups.
Extracted answer: 5

Hint: Please answer the question requiring a floating-point number with two decimal places and provide the final value, e.g., 1.23, 1.34, 1.45, at the end.
Question: What is the length of the side? (Unit: m)
Model response: By the theorem it is about 2.24 m.
Extracted answer: 2.24

Hint: Please answer the question requiring a Python list as an answer and provide the final list, e.g., [1, 2, 3], at the end.
Question: Between which two years did it rise most?
Model response: It rose most from 2010 to 2011.
Extracted answer: [2010, 2011]

Hint: Please answer the question and provide the correct option letter, e.g., A, B, C, D, at the end.
Question: Which bar is the tallest?
Choices:
(A) red
(B) blue
Model response: The blue one is taller than all others.
Extracted answer: B

${query}
Model response: ${answer}
Extracted answer:`;

async function extract(
  question: Document,
  answer: string,
  { judge }: ScoreContext,
): Promise<{ extraction: string; marks: ScoredAnswer["marks"] }> {
  const plain = plainMathAnswer(answer, question);
  if (plain !== undefined) return { extraction: plain, marks: answer === "" ? ["unreadable"] : [] };
  for (let tries = 0; judge !== undefined && tries < TRIES; tries++) {
    const text = questionForJudge(question.query, answer);
    const reply = await judge(judgeQuestion("mathvista extraction", text, 256, tries));
    if (reply !== undefined) return { extraction: reply, marks: ["judged"] };
  }
  return { extraction: "", marks: [judge === undefined ? "unreadable" : "judge_failed"] };
}

export const mathvista = defineTask<Document>({
  name: "mathvista_testmini",
  about: "MathVista testmini, reasoning first: mathematics in pictures",
  source: { dataset: "AI4Math/MathVista", splits: ["testmini"], rows: 1000 },
  document,
  settings: { steps: 48, genLength: 96, thinking: "think" },
  metric: "gpt_eval_score",
  needsJudge: true,
  prompt,
  pictures: () => ["decoded_image"],
  async score(question, answer, context) {
    const { extraction, marks } = await extract(question, answer, context);
    const parsed = comparableMathAnswer(extraction, question);
    const { skills, ...rest } = question.metadata ?? {};
    const { category, context: setting, grade, language, source, task } = rest;
    const facets = { category, context: setting, grade, language, source, task, skills };
    const { question_type, answer_type } = question;
    return {
      parsed: parsed ?? null,
      target: question.answer,
      scores: { gpt_eval_score: Number(parsed !== undefined && stripPython(parsed) === stripPython(question.answer)) },
      facets: {
        question_type,
        answer_type,
        ...Object.fromEntries(Object.entries(facets).flatMap(([key, value]) => (value ? [[key, value]] : []))),
      },
      marks,
      details: { extraction },
    };
  },
  aggregate: (scored) => meanScores(scored, 100),
});
