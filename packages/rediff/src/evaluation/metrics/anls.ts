/** ANLS of documents: how near an answer comes to the nearest of those that count, and nothing below one half. */
import { pythonLength, splitPython } from "../python/python-text.js";
import { levenshtein } from "./levenshtein.js";

export function anls(answer: string, targets: readonly string[], threshold = 0.5): number {
  if (targets.length === 0) return 0;
  const score = 1 - Math.min(...targets.map((target) => distance(answer, target)));
  return score < threshold ? 0 : score;
}

/** Distances are of small letters with single blanks; lengths of what was written, in capitals. */
function distance(answer: string, target: string): number {
  const plain = (text: string) => splitPython(text.toLowerCase()).join(" ");
  const edits = levenshtein(plain(answer), plain(target));
  if (edits === 0) return 0;
  return edits / Math.max(pythonLength(answer.toUpperCase()), pythonLength(target.toUpperCase()));
}
