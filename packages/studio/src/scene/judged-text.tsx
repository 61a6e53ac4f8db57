/** A caption of a composed scene with its words marked right or wrong. */

import { type Judgement, judgeWords } from "../../../rediff/src/scenes/scoring/word-verdicts.js";
import type { Facts } from "../../../rediff/src/scenes/world/facts.js";

/** The text in pieces, in order: joined, they are the text. */
interface Piece {
  text: string;
  right?: boolean | undefined;
  /** In a sentence that is none. */
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

export function JudgedText({ text, facts, testId }: { text: string; facts: Facts; testId?: string }) {
  const judgement = judgeWords(text, facts);
  return (
    <>
      <p class="judged" data-testid={testId}>
        {piecesOf(text, judgement).map(({ text: piece, right, broken }, i) => {
          const classes = [broken ? "broken" : "", right === undefined ? "" : right ? "right-word" : "wrong-word"];
          const name = classes.filter((each) => each !== "").join(" ");
          if (right === false)
            return (
              <mark key={i} class={name}>
                {piece}
              </mark>
            );
          return name === "" ? (
            piece
          ) : (
            <span key={i} class={name}>
              {piece}
            </span>
          );
        })}
      </p>
      {judgement.missing.length > 0 && (
        <p class="note">
          Not said: <b>{judgement.missing.join("; ")}</b>
        </p>
      )}
    </>
  );
}

/** "without an error", or what is wrong in numbers. */
export function verdictOf(text: string, facts: Facts): { exact: boolean; said: string } {
  const { words, broken, missing, exact } = judgeWords(text, facts);
  if (exact) return { exact, said: "without an error" };
  const count = (number: number, one: string, many: string) =>
    number === 0 ? [] : [number === 1 ? `1 ${one}` : `${number} ${many}`];
  return {
    exact,
    said: [
      ...count(words.filter(({ right }) => right === false).length, "wrong word", "wrong words"),
      ...count(broken.length, "broken sentence", "broken sentences"),
      ...count(missing.length, "fact not said", "facts not said"),
    ].join(", "),
  };
}

export function Verdict({ text, facts }: { text: string; facts: Facts }) {
  const { exact, said } = verdictOf(text, facts);
  return (
    <span class="chip" data-status={exact ? "done" : "failed"}>
      {said}
    </span>
  );
}

export function JudgedLegend() {
  return (
    <ul class="legend" aria-label="Legend of right and wrong">
      <li>
        <span class="right-word">word</span> states a fact, rightly
      </li>
      <li>
        <mark class="wrong-word">word</mark> is wrong
      </li>
      <li>
        <span class="broken">words</span> are no sentence
      </li>
    </ul>
  );
}
