/** The loop of denoising over made-up models: functions that say what they think of a row. */
import { Canvas } from "../canvas.js";
import { type DecodeOptions, decodeOptions } from "../decode-options.js";
import { type DecodeResult, type DecodeStep, denoise } from "../denoise.js";

export const M = 0; // the mask
export const P = 4; // prompt rows

/** What a model says about one row of a canvas. */
export type MadeUp = (row: number, canvas: Canvas, pass: number) => { token: number; confidence: number };

export interface Run {
  result: DecodeResult;
  steps: DecodeStep[];
  canvas: Canvas;
}

/** torch.topk with ties taken from the left. */
export const leftmostTopk = (confidence: Float64Array, k: number): number[] =>
  [...confidence.keys()]
    .sort(
      (a, b) => (confidence[a] === confidence[b] ? a - b : 0) || (confidence[b] as number) - (confidence[a] as number),
    )
    .slice(0, k);

export function run(given: Partial<DecodeOptions>, model: MadeUp, promptLength = P): Run {
  const options = decodeOptions(given);
  const { genLength, draft, suffix, fixed } = options;
  const canvas = new Canvas(promptLength, { genLength, draft, suffix, fixed, maskId: M });
  const steps: DecodeStep[] = [];
  const loop = denoise({ canvas, options, topkOfRow: leftmostTopk, onStep: (step) => steps.push(step) });
  const limit = options.steps + genLength;
  let turn = loop.next();
  for (let pass = 0; !turn.done; pass++) {
    if (pass > limit) throw new Error(`still not done after ${limit} steps`);
    const said = turn.value.rows.map((row) => model(row, canvas, pass));
    turn = loop.next({
      tokens: said.map(({ token }) => token),
      confidence: said.map(({ confidence }) => confidence),
    });
  }
  return { result: turn.value, steps, canvas };
}

/** Sure of the left, says its position from 1 on. */
export const leftToRight: MadeUp = (row) => ({ token: row - P + 1, confidence: 1 - row / 1000 });
/** Sure of the right. */
export const rightToLeft: MadeUp = (row) => ({ token: row - P + 1, confidence: row / 1000 });

export const counting = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);
