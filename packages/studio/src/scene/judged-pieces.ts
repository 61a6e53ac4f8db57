/** What is shown of a judged caption, without how it looks. */

import { type Judgement, judgeWords } from "../../../rediff/src/scenes/scoring/word-verdicts.js";
import type { Facts } from "../../../rediff/src/scenes/world/facts.js";

/** The text in pieces, in order: joined, they are the text. */
interface Piece {
  text: string;
  right?: boolean | undefined;
  /** In a sentence that the grammar of captions does not have; it may be good prose. */
  broken: boolean;
}

export function piecesOf(text: string, { words, broken }: Judgement): Piece[] {
  const pieces: Piece[] = [];
  const isBroken = (start: number) => broken.some((span) => start >= span.start && start < span.end);
  let reached = 0;
  for (const { start, end, right } of words) {
    if (start > reached)
      pieces.push({ text: text.slice(reached, start), broken: isBroken(reached) && isBroken(start) });
    pieces.push({ text: text.slice(start, end), right, broken: isBroken(start) });
    reached = end;
  }
  if (reached < text.length) pieces.push({ text: text.slice(reached), broken: false });
  return pieces;
}

/** "without an error", or what is wrong in numbers.
 *  @param whole whether the text is to say everything */
export function verdictOf(text: string, facts: Facts, whole = true): { exact: boolean; said: string } {
  const judgement = judgeWords(text, facts);
  const { words, broken } = judgement;
  const missing = whole ? judgement.missing : [];
  const exact = broken.length === 0 && missing.length === 0 && words.every(({ right }) => right !== false);
  if (exact) return { exact, said: "without an error" };
  const count = (number: number, one: string, many: string) =>
    number === 0 ? [] : [number === 1 ? `1 ${one}` : `${number} ${many}`];
  return {
    exact,
    said: [
      ...count(words.filter(({ right }) => right === false).length, "wrong word", "wrong words"),
      ...count(broken.length, "sentence outside the captions' grammar", "sentences outside the captions' grammar"),
      ...count(missing.length, "fact not said", "facts not said"),
    ].join(", "),
  };
}
