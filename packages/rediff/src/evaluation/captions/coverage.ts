/** Coverage of CapMAS: what a caption says is how many questions about the picture can be answered from it alone. */
import { stripPython } from "../../text/python-strip.js";
import { secondPieces } from "./lettered-lines.js";
import { type AskSuite, isLost, type SuiteQuestion, type Trouble, type Troubles, troublesOf } from "./suite.js";

const TRIES = 3;
const UNKNOWN = "I don't know";

const RULES = [
  "You are given the caption of a picture and numbered multiple-choice questions about the picture, which you cannot see.",
  `Answer from what the caption says, and from nothing else. Where the caption does not tell, the answer is "${UNKNOWN}".`,
  "Reply with one line for each question, in their order: the question's number, a full stop, a blank, and the letter of the option.",
].join("\n");

export interface CoverageDocument {
  image: string;
  /** With their options as lines, `A) ...`. */
  questions: readonly string[];
  /** Letters. */
  answers: readonly string[];
}

/** The rules are in our words; the user's message is laid out as the original's, numbers from 0. */
export function coverageQuestion(questions: readonly string[], caption: string, attempt = 0): SuiteQuestion {
  const list = questions.map((question, i) => `${i}. ${question}`).join("\n\n");
  return {
    purpose: "coverage",
    messages: [
      { role: "system", content: RULES },
      { role: "user", content: `Caption: ${caption}.\nQuestions:\n${list}` },
    ],
    maxTokens: 4096,
    temperature: 1e-7,
    attempt,
  };
}

/** One answer a question; their number may be wrong. */
export function readCoverage(reply: string, questions: number): string[] {
  const text = stripPython(reply);
  if (text === UNKNOWN || text === `${UNKNOWN}.`) return Array.from({ length: questions }, () => UNKNOWN);
  return secondPieces(reply);
}

export interface CoverageSample {
  image: string;
  answers: readonly string[] | null;
  calls: number;
  correct: number | null;
  questions: number;
  trouble: Trouble | null;
}

export async function judgeCoverage(
  { image, questions, answers }: CoverageDocument,
  caption: string | null,
  ask: AskSuite,
): Promise<CoverageSample> {
  const without = (trouble: Trouble, calls: number): CoverageSample => ({
    ...{ image, answers: null, calls, questions: questions.length, trouble },
    correct: null,
  });
  if (caption === null) return without("no_caption", 0);
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const reply = await ask(coverageQuestion(questions, caption, attempt));
    const calls = attempt + 1;
    if (reply === undefined) return without("judge_failed", calls);
    if (stripPython(reply) === "") return without("skipped", calls);
    const read = readCoverage(reply, questions.length);
    if (read.length !== questions.length) continue;
    const correct = read.filter((answer, i) => answer.toLowerCase() === answers[i]?.toLowerCase()).length;
    return { image, answers: read, calls, correct, questions: questions.length, trouble: null };
  }
  return without("unreadable", TRIES);
}

export interface CoverageResult {
  coverage: number | null;
  coverage_lost_as_wrong: number | null;
  correct: number;
  /** Questions that count. */
  total: number;
  pictures: number;
  troubles: Troubles;
}

/** Over all questions of all pictures together. Where the original crashes, on replies with a wrong number of answers, all of a
 *  picture's questions count as wrong. */
export function scoreCoverage(samples: readonly CoverageSample[]): CoverageResult {
  const sum = (those: readonly CoverageSample[]) => those.reduce((total, { questions }) => total + questions, 0);
  const correct = samples.reduce((total, sample) => total + (sample.correct ?? 0), 0);
  const total = sum(samples.filter(({ trouble }) => trouble === null || trouble === "unreadable"));
  const withLost = sum(samples.filter(({ trouble }) => trouble === null || isLost(trouble)));
  return {
    coverage: total === 0 ? null : correct / total,
    coverage_lost_as_wrong: withLost === 0 ? null : correct / withLost,
    correct,
    total,
    pictures: samples.length,
    troubles: troublesOf(samples),
  };
}
