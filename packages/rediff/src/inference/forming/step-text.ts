/** The text of an answer that is not done yet. */
import type { DecodeStep } from "../../diffusion/decode-step.js";
import { joiner } from "../../text/joiner.js";
import type { Tokenizer } from "../../text/tokenizer.js";

/** What stands for a token that is not there yet. */
export const MASK_TEXT = "\u2591";

/** How a step left tokens: not there yet, as they were, written now, written again now. */
export type RunStyle = "mask" | "plain" | "filled" | "revised";

/** A step that knows its text. */
export interface WatchedStep extends DecodeStep {
  /** The answer after the step, up to its end, with a shade (U+2591) for each token that is not there yet. */
  readonly text: string;
}

/** The answer cut into runs of one style. Tokens of a run are decoded together, so that characters stay whole. Spaces that a
 *  vocabulary of words has between tokens are there between runs too. Nothing after a stop is shown. */
export function styledRuns(tokenizer: Tokenizer, step: DecodeStep): { style: RunStyle; text: string }[] {
  const filled = new Set(step.filled);
  const revised = new Set(step.revised.map(({ position }) => position));
  return runs(tokenizer, step.tokens, (i) => (revised.has(i) ? "revised" : filled.has(i) ? "filled" : "plain"));
}

/** The same as one text, made when it is asked for. */
export function withText(tokenizer: Tokenizer, step: DecodeStep): WatchedStep {
  return {
    ...step,
    get text() {
      return runs(tokenizer, step.tokens, () => "plain")
        .map(({ text }) => text)
        .join("");
    },
  };
}

function runs(
  tokenizer: Tokenizer,
  tokens: Int32Array,
  written: (position: number) => RunStyle,
): { style: RunStyle; text: string }[] {
  const { mask, eot, eos } = tokenizer.special;
  const styleAt = (i: number): RunStyle => (tokens[i] === mask ? "mask" : written(i));
  const ends = [...tokens].findIndex((id) => id === eot || id === eos);
  const length = ends < 0 ? tokens.length : ends;
  const found: { style: RunStyle; text: string }[] = [];
  let start = 0;
  while (start < length) {
    const style = styleAt(start);
    let end = start + 1;
    while (end < length && styleAt(end) === style) end++;
    const space = joiner(tokenizer, tokens[start - 1], tokens[start]);
    const text = style === "mask" ? MASK_TEXT.repeat(end - start) : tokenizer.decode(tokens.slice(start, end));
    found.push({ style, text: space + text });
    start = end;
  }
  return found;
}
