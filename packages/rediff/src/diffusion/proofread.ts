/** Refining a text that is complete: ReDiff's revision without any masks (arXiv 2510.19871, section 3).
 *
 *  The reference's loop ends when no mask is left, so it cannot do this. Each round predicts every token of the text from
 *  all others and writes what the model would rather have there; it ends when nothing changes, when a text comes back
 *  that was there before (two words that trade places for ever), or after `rounds`. Fixed positions stay. With a cache, the
 *  end is certified: a round without it has to find nothing either. */
import { type DecodeLoop, predictionOf, type Query, queryAbout, writeStep } from "./decode-step.js";
import type { DecodeContext } from "./denoise.js";

export interface ProofreadOptions {
  /** Forward passes at most. */
  rounds: number;
  /** A token is replaced when the model is at least this sure of the other one, 0 to 1. ReDiff's rule is 0: always. */
  threshold: number;
  /** A token stays that the model finds at least this likely, 0 to 1, whatever it would rather have there: "one" is no mistake
   *  where it would say "a". Default 1, only when it is certain of it, as ReDiff. */
  keep?: number | undefined;
}

/** The loop for these options. Yields once per forward pass. */
export function proofread({
  rounds,
  threshold,
  keep = 1,
}: ProofreadOptions): (context: Pick<DecodeContext, "canvas" | "options" | "onStep">) => DecodeLoop {
  return function* loop({ canvas, options: { cache }, onStep }) {
    const { promptLength, answerEnd } = canvas;
    const answer = Array.from({ length: answerEnd - promptLength }, (_, i) => promptLength + i);
    const positions = answer.filter((position) => !canvas.isFixed(position));
    const seen = new Set([canvas.answer().join()]);
    let step = 0;
    let full = false;
    let certified: boolean | undefined;
    const certifies = cache?.kind === "refresh" && cache.certify;
    while (step < rounds && positions.length > 0) {
      const present = keep < 1 ? positions.map((position) => canvas.ids[position] as number) : undefined;
      const query: Query = {
        ...queryAbout(canvas, positions, { start: promptLength, end: answerEnd }),
        // The last round there is may find nothing, too.
        full: full || (certifies && step === rounds - 1),
        ...(present !== undefined && { present }),
      };
      const guess = yield query;
      const said = predictionOf(query, guess);
      const mayGo = (position: number) => present === undefined || said.present(position) < keep;
      const rewritten = positions.filter((position) => said.confidence(position) >= threshold && mayGo(position));
      const report = writeStep(canvas, { step: step++, block: 0, quota: 0, query, guess, said, filled: [], rewritten });
      onStep(report);
      if (guess.stale) certified = false;
      else if (certified !== undefined) certified = report.revised.length === 0;
      const text = canvas.answer().join();
      if (seen.has(text) && !guess.stale) break;
      full = seen.has(text);
      seen.add(text);
    }
    const tokens = [...canvas.answer(), ...canvas.suffix()];
    return { tokens, steps: step, stopped: false, ...(certified !== undefined && { certified }) };
  };
}
