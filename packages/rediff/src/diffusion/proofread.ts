/** Refining a text that is complete: ReDiff's revision without any masks (arXiv 2510.19871, section 3).
 *
 *  The reference's loop ends when no mask is left, so it cannot do this. Each round predicts all rows of the text from
 *  all others and writes what the model would rather have there; it ends when nothing changes, when a text comes back
 *  that was there before (two words that trade places for ever), or after `rounds`. Fixed rows stay. */
import type { Canvas } from "./canvas.js";
import type { DecodeResult, DecodeStep, DenoiseContext, Guess, Query } from "./denoise.js";

export interface ProofreadOptions {
  /** Forward passes at most. */
  rounds: number;
  /** A token is replaced when the model is at least this sure of the other one. ReDiff's rule is 0: always. */
  threshold: number;
}

export function proofread(
  options: ProofreadOptions,
): (context: DenoiseContext) => Generator<Query, DecodeResult, Guess> {
  return function* loop({ canvas, onStep }) {
    const { promptLength, answerEnd } = canvas;
    const all = Array.from({ length: answerEnd - promptLength }, (_, i) => promptLength + i);
    const rows = all.filter((row) => !canvas.isFixed(row));
    const seen = new Set([canvas.answer().join()]);
    let step = 0;
    while (step < options.rounds && rows.length > 0) {
      const query = { rows, masked: rows.map((row) => canvas.isMasked(row)) };
      const guess = yield query;
      const before = canvas.answer();
      const rewritten: number[] = [];
      for (const [i, row] of rows.entries()) {
        if ((guess.confidence[i] as number) < options.threshold) continue;
        canvas.write(row, guess.tokens[i] as number);
        rewritten.push(row - promptLength);
      }
      onStep(stepOf(step++, before, canvas, rewritten, query, guess));
      const state = canvas.answer().join();
      if (seen.has(state)) break;
      seen.add(state);
    }
    return { tokens: [...canvas.answer(), ...canvas.suffix()], steps: step, stopped: false };
  };
}

function stepOf(
  step: number,
  before: Int32Array,
  canvas: Canvas,
  rewritten: number[],
  query: Query,
  guess: Guess,
): DecodeStep {
  const tokens = canvas.answer();
  const revised = rewritten
    .map((position) => ({ position, from: before[position] as number, to: tokens[position] as number }))
    .filter(({ from, to }) => from !== to);
  const confidence = new Float64Array(tokens.length).fill(Number.NaN);
  for (const [i, row] of query.rows.entries()) confidence[row - canvas.promptLength] = guess.confidence[i] as number;
  return { step, block: 0, quota: 0, tokens, confidence, filled: [], rewritten, revised, query, guess };
}
