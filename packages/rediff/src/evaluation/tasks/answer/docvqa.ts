/** DocVQA and InfographicVQA: words of documents. */
import { z } from "zod";
import { anls } from "../../metrics/anls.js";
import { behindLastColon, finalAnswer } from "../../parsing/final-answer.js";
import { ASK_FOR_WORD } from "../../parsing/lettered-options.js";
import { defineTask, type Task } from "../../task.js";

const document = z.looseObject({ question: z.string(), answers: z.array(z.string()) });

const ASK_FOR_REASON =
  "Give the reason and then write your final answer in the format 'Answer: X' where X is the answer to the question.";

interface Source {
  name: string;
  about: string;
  config: string;
  rows: number;
}

interface Rules {
  ask: string;
  read(answer: string): string | undefined;
  /** What is compared where nothing was read. */
  absent: string;
  /** Steps, and places for tokens. */
  settings: readonly [steps: number, genLength: number];
}

const task = (
  { name, about, config, rows }: Source,
  { ask, read, absent, settings: [steps, genLength] }: Rules,
): Task =>
  defineTask<z.infer<typeof document>>({
    name,
    about,
    source: { dataset: "lmms-lab/DocVQA", config, splits: ["validation"], rows },
    document,
    settings: { steps, genLength, thinking: "no_think" },
    metric: "anls",
    prompt: ({ question }) => `${question}\n${ask}`,
    pictures: () => ["image"],
    score({ answers }, answer) {
      const parsed = read(answer);
      const score = anls(parsed ?? absent, answers);
      const marks = parsed ? [] : (["unreadable"] as const);
      return { parsed: parsed ?? null, target: answers.join(" | "), scores: { anls: score }, facets: {}, marks };
    },
  });

const docvqaSource = { name: "docvqa_val", about: "DocVQA: words of scanned documents", config: "DocVQA", rows: 5349 };
const infovqaSource = {
  name: "infovqa_val",
  about: "InfographicVQA: words of infographics",
  config: "InfographicVQA",
  rows: 2801,
};

/** Times and ratios stay whole, where the original keeps what is behind their last colon; and a missing answer is no word
 *  "None", which is right where that is asked for. */
const ours: Rules = { ask: ASK_FOR_REASON, read: finalAnswer, absent: "", settings: [16, 32] };
const original: Rules = { ...ours, read: behindLastColon, absent: "None" };
const stock: Rules = { ask: ASK_FOR_WORD, read: (answer) => answer, absent: "", settings: [16, 32] };

export const docvqa = task(docvqaSource, ours);
export const docvqaOriginal = task(docvqaSource, original);
export const docvqaStock = task(docvqaSource, stock);
export const infovqa = task(infovqaSource, ours);
export const infovqaOriginal = task(infovqaSource, original);
export const infovqaStock = task(infovqaSource, stock);
