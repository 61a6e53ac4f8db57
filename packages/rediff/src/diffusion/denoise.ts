/** Denoise and refine: fill the masks of each block over its steps; with `revise`, rewrite what was written before.
 *  LLaDA-V section 3 (denoising), ReDiff section 3 (refining); `generate_with_embeds` of the reference, step by step.
 *
 *  A coroutine without tensors: it yields the rows it wants predicted and gets tokens and confidences back. So the loop
 *  reads on its own, is tested with made-up models, and many of them share one forward pass.
 *
 *  Departures, unless `compat`: only rows that can still change are asked for; the stop is looked up anew after every
 *  step; top-k never reaches for rows that are not candidates; no mask of a later block is filled, not even before a stop
 *  that a draft holds. Where these quirks do not bite, the tokens are the same.
 *
 *  Two options that the reference lacks: `fixed` rows of a draft, and a `threshold` instead of quotas. */
import type { Canvas } from "./canvas.js";
import type { DecodeOptions } from "./decode-options.js";
import { currentStop, legacyStop, type Stop } from "./stop.js";
import { reviseCount, transferSchedule } from "./transfer-schedule.js";

/** Rows to predict, in ascending order; `masked[i]` tells whether row i is a mask now. */
export interface Query {
  rows: readonly number[];
  masked: readonly boolean[];
}

/** For each row of the query: the likeliest (or sampled) token, and how sure the model is of it, 0 to 1. */
export interface Guess {
  tokens: ArrayLike<number>;
  confidence: ArrayLike<number>;
}

export interface Edit {
  /** Of the answer, from 0. */
  position: number;
  from: number;
  to: number;
}

/** What one forward pass changed. Positions count from the start of the answer. */
export interface DecodeStep {
  /** From 0, over all blocks. */
  step: number;
  block: number;
  /** Masks that this step was to fill; with a threshold, at least. */
  quota: number;
  /** The answer after the step, masks included: [genLength] */
  tokens: Int32Array;
  /** Confidence of the prediction for each position, NaN where none was asked for: [genLength] */
  confidence: Float64Array;
  /** Positions filled. */
  filled: number[];
  /** Positions written again, with whatever token. */
  rewritten: number[];
  /** Those of them that now hold another token. */
  revised: Edit[];
  /** What was asked and answered, rows of the whole sequence: for traces of parity. */
  query: Query;
  guess: Guess;
}

export interface DecodeResult {
  /** The answer up to its stop, then the suffix. */
  tokens: number[];
  /** Forward passes. */
  steps: number;
  /** Whether a stop sequence ended it. */
  stopped: boolean;
}

export interface DenoiseContext {
  canvas: Canvas;
  options: DecodeOptions;
  /** Told after every step. */
  onStep: (step: DecodeStep) => void;
  /** torch.topk over a whole row, whose order of equal values `compat` has to follow. */
  topkOfRow: (confidence: Float64Array, k: number) => number[];
}

/** The `k` surest of `rows`; of equally sure ones the leftmost. */
export function surest(rows: readonly number[], confidence: (row: number) => number, k: number): number[] {
  if (k >= rows.length) return [...rows];
  return [...rows].sort((a, b) => confidence(b) - confidence(a) || a - b).slice(0, k);
}

export function* denoise(context: DenoiseContext): Generator<Query, DecodeResult, Guess> {
  const { canvas, options } = context;
  const { promptLength, answerEnd } = canvas;
  const blocks = options.genLength / options.blockLength;
  const stepsPerBlock = options.steps / blocks;
  const firstRevision = stepsPerBlock - Math.ceil(stepsPerBlock * options.reviseStart);
  const stop = (options.compat ? legacyStop : currentStop)(canvas, options.stop);
  const turn = { step: 0, block: 0, start: promptLength, end: promptLength };

  for (let block = 0; block < blocks; block++) {
    const start = promptLength + block * options.blockLength;
    Object.assign(turn, { block, start, end: start + options.blockLength });
    if (stop.row !== undefined && stop.row <= start) break;
    const schedule = transferSchedule(canvas.masked(start, turn.end).length, stepsPerBlock);
    for (const [i, quota] of schedule.entries()) {
      if (stop.row !== undefined && !canvas.hasMask(promptLength, stop.row)) break;
      if (!canvas.hasMask(start, turn.end)) break;
      yield* oneStep(context, turn, stop, quota, options.revise && i >= firstRevision);
      turn.step++;
    }
  }

  // A revision can take the stop away when the schedule has no steps left for the masks behind it.
  const quota = Math.max(1, Math.ceil(options.blockLength / stepsPerBlock));
  for (let extra = 0; stop.lost && extra < options.genLength; extra++) {
    if (!canvas.hasMask(promptLength, stop.row ?? answerEnd)) break;
    yield* oneStep(context, { ...turn, end: answerEnd }, stop, quota, options.revise);
    turn.step++;
  }

  const end = stop.row ?? answerEnd;
  return {
    tokens: [...canvas.ids.slice(promptLength, end), ...canvas.suffix()],
    steps: turn.step,
    stopped: stop.row !== undefined,
  };
}

interface Turn {
  step: number;
  block: number;
  /** Rows of the block: [start, end) */
  start: number;
  end: number;
}

/** Ask, fill the surest masks, rewrite what was written before, look for the stop. */
function* oneStep(
  context: DenoiseContext,
  turn: Turn,
  stop: Stop,
  quota: number,
  revising: boolean,
): Generator<Query, void, Guess> {
  const { canvas, options } = context;
  const { promptLength, answerEnd } = canvas;
  // With a stop inside a draft the reference fills masks up to it from the first block on, and leaves some for good.
  const limit = options.compat ? (stop.row ?? turn.end) : Math.min(stop.row ?? turn.end, turn.end);
  const written = revising ? canvas.revisable(turn.start, turn.end) : []; // before this step fills more
  // In `compat` an overflow may have put a mask into the prompt, which the reference then fills again.
  const fillable = canvas.masked(options.compat ? 0 : promptLength, Math.min(limit, answerEnd));
  const rows = options.compat
    ? Array.from({ length: canvas.length }, (_, row) => row)
    : [...fillable, ...written].sort((a, b) => a - b);

  const query = { rows, masked: rows.map((row) => canvas.isMasked(row)) };
  const guess = yield query;
  const place = new Map(rows.map((row, i) => [row, i]));
  const tokenAt = (row: number) => guess.tokens[place.get(row) as number] as number;
  const confidenceAt = (row: number) => guess.confidence[place.get(row) as number] as number;

  const select = options.compat
    ? (candidates: readonly number[], k: number) => overflowing(context, candidates, confidenceAt, k)
    : (candidates: readonly number[], k: number) => surest(candidates, confidenceAt, k);

  const { threshold } = options;
  const sure = threshold === undefined ? 0 : fillable.filter((row) => confidenceAt(row) >= threshold).length;
  const filled = select(fillable, threshold === undefined ? quota : Math.max(1, sure));
  const rewritten = chooseRewrites(options, written, limit, select);
  const before = canvas.answer();
  for (const row of filled) canvas.write(row, tokenAt(row));
  for (const row of rewritten) canvas.write(row, tokenAt(row));
  stop.look();

  const confidence = new Float64Array(options.genLength).fill(Number.NaN);
  for (const [i, row] of rows.entries())
    if (row >= promptLength && row < answerEnd) confidence[row - promptLength] = guess.confidence[i] as number;
  const tokens = canvas.answer();
  const inAnswer = (list: readonly number[]) =>
    list.filter((row) => row >= promptLength && row < answerEnd).map((row) => row - promptLength);
  const edits = inAnswer(rewritten)
    .map((position) => ({ position, from: before[position] as number, to: tokens[position] as number }))
    .filter(({ from, to }) => from !== to);
  context.onStep({
    step: turn.step,
    block: turn.block,
    quota,
    tokens,
    confidence,
    filled: inAnswer(filled),
    rewritten: inAnswer(rewritten),
    revised: edits,
    query,
    guess,
  });
}

/** ReDiff's second half of a step: all written rows of the block, or the surest share of them. */
function chooseRewrites(
  options: DecodeOptions,
  written: readonly number[],
  limit: number,
  select: (candidates: readonly number[], k: number) => number[],
): number[] {
  if (options.reviseTopk === undefined) return [...written];
  const k = reviseCount(written.length, options.reviseTopk);
  // The reference has set the confidence of rows behind the stop to -inf by then.
  return select(
    written.filter((row) => row < limit),
    k,
  );
}

/** The reference's top-k over the whole row: with fewer candidates than `k` it takes rows that are none, in the order
 *  in which torch.topk happens to return equal values, and those are written too, prompt rows included. */
function overflowing(
  context: DenoiseContext,
  candidates: readonly number[],
  confidenceAt: (row: number) => number,
  k: number,
): number[] {
  if (k === 0) return [];
  const row = new Float64Array(context.canvas.length).fill(Number.NEGATIVE_INFINITY);
  for (const candidate of candidates) row[candidate] = confidenceAt(candidate);
  return context.topkOfRow(row, k);
}
