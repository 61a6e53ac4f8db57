/** MathVista: what can be read without a judge, and how an extracted answer becomes one that can be compared. */
import { stripPython } from "../../text/python-strip.js";
import { levenshtein } from "../metrics/levenshtein.js";
import { parsePythonFloat, parsePythonInt, pythonFloatText, roundPython } from "../python/python-number.js";
import { letterOf } from "./lettered-options.js";

export interface MathQuestion {
  question_type: string;
  answer_type: string;
  choices?: readonly string[] | null | undefined;
  precision?: number | null | undefined;
}

/** The whole answer where it is a choice or a number; undefined where a judge has to look for it. */
export function plainMathAnswer(answer: string, question: MathQuestion): string | undefined {
  if (answer === "") return "";
  if (question.question_type === "multi_choice" && question.choices?.includes(answer)) return answer;
  if (question.answer_type === "integer") return parsePythonInt(answer)?.toString();
  if (question.answer_type !== "float") return undefined;
  const value = parsePythonFloat(answer);
  return value === undefined ? undefined : pythonFloatText(value);
}

/** @returns undefined where the extraction is of another type than the answer */
export function comparableMathAnswer(extraction: string, question: MathQuestion): string | undefined {
  const { question_type, answer_type, choices, precision } = question;
  if (question_type === "multi_choice") return nearestChoice(stripPython(extraction), choices ?? []);
  if (answer_type === "integer") {
    const value = parsePythonFloat(extraction);
    return value === undefined || !Number.isFinite(value) ? undefined : String(BigInt(Math.trunc(value)));
  }
  if (answer_type === "float") {
    const value = parsePythonFloat(extraction);
    if (value === undefined || precision === undefined || precision === null) return undefined;
    return pythonFloatText(roundPython(value, Math.trunc(precision)));
  }
  return answer_type === "list" ? extraction : undefined;
}

/** By a letter in brackets, by a letter, else by the fewest edits: something is always nearest, so nothing is unreadable. */
function nearestChoice(extraction: string, choices: readonly string[]): string | undefined {
  const named = /\(([a-zA-Z])\)/.exec(extraction)?.[1]?.toUpperCase() ?? extraction;
  const byLetter = choices.find((_, i) => letterOf(i) === named);
  if (byLetter !== undefined) return byLetter;
  const distances = choices.map((choice) => levenshtein(named, choice));
  return choices[distances.indexOf(Math.min(...distances))];
}
