/** MMBench: a question counts when it is answered rightly under every rotation of its options. */
import { z } from "zod";
import { stripPython } from "../../../text/python-strip.js";
import { judgeQuestion } from "../../ask-judge.js";
import { circularLetter } from "../../parsing/circular-letter.js";
import { ASK_FOR_LETTER } from "../../parsing/lettered-options.js";
import { optionLetter } from "../../parsing/option-letter.js";
import type { Mark, ScoredAnswer } from "../../scored-answer.js";
import { defineTask, type GenerationSettings, type ScoreContext, type Task } from "../../task.js";
import { countMarks, facetScores, groupBy, mean, type TaskScores } from "../../task-scores.js";

const text = z.string().nullish();
export const document = z.looseObject({
  index: z.coerce.number().int(),
  question: z.string(),
  hint: text,
  A: text,
  B: text,
  C: text,
  D: text,
  answer: z.string(),
  category: z.string(),
  "L2-category": z.string(),
});
type Document = z.infer<typeof document>;

interface Rules {
  read(answer: string, options: Readonly<Record<string, string>>): string | undefined;
  /** An absent option is the word "nan", which "banana" has in it. */
  absentOptions: "left_out" | "nan";
  /** Whether a judge is asked for what cannot be read. */
  judge: boolean;
}

export const settings: GenerationSettings = { steps: 2, genLength: 2, thinking: "no_think" };

const ABSENT = "nan";
/** Rotations have the index of their question and so much more. */
const ROTATION = 1_000_000;
const TRIES = 3;

function optionsOf(row: Pick<Document, "A" | "B" | "C" | "D">, absent: Rules["absentOptions"]): Record<string, string> {
  const all = (["A", "B", "C", "D"] as const).map((letter) => [letter, row[letter]] as const);
  return Object.fromEntries(
    all.flatMap(([letter, value]) =>
      typeof value !== "string" || (value === ABSENT && absent === "left_out") ? [] : [[letter, value]],
    ),
  );
}

const lines = (options: Readonly<Record<string, string>>): string =>
  Object.entries(options)
    .map(([letter, value]) => `${letter}. ${value}\n`)
    .join("");

export function prompt(row: Pick<Document, "hint" | "question" | "A" | "B" | "C" | "D">): string {
  const hint = typeof row.hint === "string" && row.hint !== ABSENT ? `${row.hint} ` : "";
  const options = lines(optionsOf(row, "left_out"));
  return `${hint}${row.question} There are several options:\n${options}\n${ASK_FOR_LETTER}`;
}

const questionForJudge = (question: string, options: Readonly<Record<string, string>>, answer: string): string =>
  `You match an answer with the options of a multiple-choice question. Reply with the letter of the option whose meaning is closest to the answer, and with E if the answer means none of them. Reply with one letter only.

Question: Which animal is in the picture?
Options:
A. a cat
B. a dog
Answer: a small puppy
Letter: B

Question: Which animal is in the picture?
Options:
A. a cat
B. a dog
Answer: a tree
Letter: E

Question: ${question}
Options:
${lines(options)}Answer: ${answer}
Letter:`;

interface Row {
  index: number;
  question: string;
  options: Record<string, string>;
  answer: string;
}

/** The letter that the judge sees in the answer, or one that is drawn in its place. */
async function judged(
  { index, question, options, answer }: Row,
  { judge, draw }: ScoreContext,
  read: Rules["read"],
): Promise<{ letter: string | undefined; mark: Mark }> {
  for (let tries = 0; judge !== undefined && tries < TRIES; tries++) {
    const asked = questionForJudge(question, options, answer);
    const reply = await judge(judgeQuestion("mmbench letter", asked, 256, tries));
    const letter = reply === undefined ? undefined : read(stripPython(reply), options);
    if (letter !== undefined) return { letter, mark: "judged" };
  }
  if (draw !== undefined) return { letter: draw([...Object.keys(options), "E"], String(index)), mark: "random" };
  return { letter: undefined, mark: judge === undefined ? "unreadable" : "judge_failed" };
}

/** Wrong letters end a question before any judge is asked. */
async function circular(scored: readonly ScoredAnswer[], context: ScoreContext, rules: Rules): Promise<TaskScores> {
  const questions = groupBy(scored, ({ details }) => String(Number(details?.index) % ROTATION));
  const asked: ScoredAnswer[] = [];
  const counted: ScoredAnswer[] = [];
  for (const rows of questions.values()) {
    const main = rows.find(({ details }) => Number(details?.index) < ROTATION);
    if (main === undefined) continue;
    let isHit = rows.every(({ parsed, target }) => parsed === null || parsed === target);
    for (const row of rows) {
      if (!isHit || row.parsed !== null) continue;
      const { letter, mark } = await judged(row.details as unknown as Row, rules.judge ? context : {}, rules.read);
      asked.push({ ...row, marks: [mark] });
      isHit = letter === row.target;
    }
    counted.push({ ...main, scores: { hit: Number(isHit) } });
  }
  const hits = counted.map(({ scores }) => scores.hit ?? 0);
  const counts = countMarks([...scored.filter(({ parsed }) => parsed !== null), ...asked]);
  return {
    metrics: { gpt_eval_score: hits.length === 0 ? null : mean(hits) * 100 },
    stderr: {},
    subScores: facetScores(counted, ({ scores }) => scores.hit, 100),
    counts: { ...counts, answers: scored.length },
  };
}

const task = (rules: Rules): Task =>
  defineTask<Document>({
    name: "mmbench_en_dev",
    about: "MMBench English dev: every rotation of a question's options has to be answered rightly",
    source: { dataset: "lmms-lab/MMBench", config: "en", splits: ["dev"], rows: 4329 },
    document,
    settings,
    metric: "gpt_eval_score",
    needsJudge: rules.judge,
    prompt,
    pictures: () => ["image"],
    together: ({ index }) => String(index % ROTATION),
    copy(answer, number) {
      const index = Number(answer.details?.index);
      return { ...answer, details: { ...answer.details, index: index - (index % ROTATION) + number } };
    },
    score(row, answer) {
      const options = optionsOf(row, rules.absentOptions);
      const letter = rules.read(answer, options);
      return {
        parsed: letter ?? null,
        target: row.answer,
        scores: { row_accuracy: Number(letter === row.answer) },
        facets: { category: row.category, l2_category: row["L2-category"] },
        marks: letter === undefined ? ["unreadable"] : [],
        details: { index: row.index, question: row.question, options, answer },
      };
    },
    aggregate: (scored, context) => circular(scored, context, rules),
  });

export const mmbench = task({ read: circularLetter, absentOptions: "left_out", judge: true });
export const mmbenchOriginal = task({ read: circularLetter, absentOptions: "nan", judge: true });
export const mmbenchStatic = task({
  read: (answer, options) => optionLetter(answer, Object.keys(options)) || undefined,
  absentOptions: "left_out",
  judge: false,
});
