/** A caption of a composed scene with its words marked right or wrong. */

import { judgeWords } from "../../../rediff/src/scenes/scoring/word-verdicts.js";
import type { Facts } from "../../../rediff/src/scenes/world/facts.js";
import { piecesOf, verdictOf } from "./judged-pieces.js";

export function JudgedText({ text, facts, testId }: { text: string; facts: Facts; testId?: string }) {
  const judgement = judgeWords(text, facts);
  // Not every screen reader tells marks.
  const wrong = judgement.words.flatMap(({ word, right }) => (right === false ? [word] : []));
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
      {wrong.length > 0 && <p class="visually-hidden">Wrong words: {wrong.join(", ")}.</p>}
      {judgement.missing.length > 0 && (
        <p class="note">
          Not said: <b>{judgement.missing.join("; ")}</b>
        </p>
      )}
    </>
  );
}

export function Verdict({ text, facts, whole = true }: { text: string; facts: Facts; whole?: boolean }) {
  const { exact, said } = verdictOf(text, facts, whole);
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
        <span class="broken">words</span> are outside the captions' grammar, as free prose is, too
      </li>
    </ul>
  );
}
