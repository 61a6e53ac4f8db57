/** Factuality of CapMAS: a caption is taken apart into statements, and a judge that sees the picture says which are true. */

import { countWords } from "../../data/records/python-words.js";
import { stripPython } from "../../text/python-strip.js";
import { secondPieces } from "./lettered-lines.js";
import {
  type AskSuite,
  dataPicture,
  isLost,
  type SuiteQuestion,
  type Trouble,
  type Troubles,
  troublesOf,
} from "./suite.js";

/** Lists of verdicts for one list of statements, and lists of statements; the original has no bound for the second. */
const TRIES = 3;
const ROUNDS = 3;
/** A list that runs in circles, or a statement without end, is none. */
const MOST_ALIKE = 3;
const MOST_WORDS = 245;

const TAKE_APART = [
  "Take the description of a picture apart into atomic statements: each says one thing about the picture, can be checked by itself, and uses the description's own words where it can. Leave nothing out and add nothing.",
  "Reply with a numbered list, one statement on each line: `1. ...`, `2. ...`.",
].join("\n");

const CHECK = [
  "You are given a picture, a description of it that is right, and numbered statements about it. Say for each statement whether it is True or False, by the picture and the description.",
  "Reply with as many lines as there are statements, in their order: the number, a full stop, a blank, and the word True or False.",
].join("\n");

const fixed = { maxTokens: 4096, temperature: 1e-7 };

export const statementsQuestion = (caption: string, attempt: number): SuiteQuestion => ({
  purpose: "factuality: statements",
  messages: [
    { role: "system", content: TAKE_APART },
    { role: "user", content: caption },
  ],
  ...fixed,
  attempt,
  followedBy: 1,
});

export const verdictsQuestion = (
  { reference, picture }: { reference: string; picture: string },
  statements: readonly string[],
  attempt: number,
): SuiteQuestion => ({
  purpose: "factuality: verdicts",
  messages: [
    { role: "system", content: CHECK },
    {
      role: "user",
      content: [
        { type: "text", text: `Description: ${reference}\n\nPropositions:\n${statements.join("\n")}` },
        dataPicture(picture),
      ],
    },
  ],
  ...fixed,
  attempt,
});

/** Lines that begin with a digit and hold a full stop and a blank, with their numbers.
 *  @returns null for a list that is of no use */
export function readStatements(reply: string): string[] | null {
  const statements = reply.split("\n").filter((line) => /^\p{Nd}/u.test(line) && line.includes(". "));
  const texts = statements.map((line) => line.slice(line.indexOf(". ") + 2));
  const isCircling = texts.some(
    (text, i) => i + 1 >= MOST_ALIKE && texts.slice(i + 1 - MOST_ALIKE, i).every((t) => t === text),
  );
  const isEndless = statements.some((line) => countWords(line) > MOST_WORDS);
  return statements.length === 0 || isCircling || isEndless ? null : statements;
}

/** The first word of each. */
export const readVerdicts = (reply: string): string[] =>
  secondPieces(reply).map((piece) => stripPython(piece).split(" ")[0] ?? "");

export interface FactualityDocument {
  image: string;
  reference: string;
  /** Data URL; asked for when it is sent. */
  picture: () => Promise<string>;
}

export interface FactualitySample {
  image: string;
  propositions: readonly string[] | null;
  answers: readonly string[] | null;
  /** Answers that are exactly "True". */
  true: number;
  calls: number;
  trouble: Trouble | null;
}

export async function judgeFactuality(
  { image, reference, picture }: FactualityDocument,
  caption: string | null,
  ask: AskSuite,
): Promise<FactualitySample> {
  let calls = 0;
  let propositions: string[] | null = null;
  const without = (trouble: Trouble): FactualitySample => ({
    image,
    propositions,
    answers: null,
    true: 0,
    calls,
    trouble,
  });
  if (caption === null) return without("no_caption");
  for (let round = 0; round < ROUNDS; round++) {
    calls++;
    const list = await ask(statementsQuestion(caption, round));
    if (list === undefined) return without("judge_failed");
    propositions = readStatements(list);
    if (propositions === null) return without("skipped");
    const url = await picture();
    for (let attempt = 0; attempt < TRIES; attempt++) {
      calls++;
      const reply = await ask(verdictsQuestion({ reference, picture: url }, propositions, round * TRIES + attempt));
      if (reply === undefined) return without("judge_failed");
      const answers = readVerdicts(reply);
      if (answers.length !== propositions.length) continue;
      const right = answers.filter((answer) => answer === "True").length;
      return { image, propositions, answers, true: right, calls, trouble: null };
    }
  }
  return without("unreadable");
}

export interface FactualityResult {
  factuality: number | null;
  /** Statements whose verdicts got lost count as false. */
  factuality_lost_as_false: number | null;
  true: number;
  total: number;
  pictures: number;
  troubles: Troubles;
}

/** Over all statements of all pictures together. */
export function scoreFactuality(samples: readonly FactualitySample[]): FactualityResult {
  const sum = (those: readonly FactualitySample[]) =>
    those.reduce((all, sample) => all + (sample.propositions?.length ?? 0), 0);
  const right = samples.reduce((all, sample) => all + sample.true, 0);
  const total = sum(samples.filter(({ trouble }) => trouble === null));
  const withLost = total + sum(samples.filter(({ trouble }) => isLost(trouble)));
  return {
    factuality: total === 0 ? null : right / total,
    factuality_lost_as_false: withLost === 0 ? null : right / withLost,
    true: right,
    total,
    pictures: samples.length,
    troubles: troublesOf(samples),
  };
}
