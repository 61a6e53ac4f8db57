/** What passes between a loop of decoding and its model: the loop's question, the model's guess, and the report of a step.
 *
 *  A loop is a coroutine without tensors: it yields queries, receives guesses, and reports what each of them changed. */
import type { Canvas } from "./canvas.js";

/** What a loop wants predicted. */
export interface Query {
  /** Positions of the whole sequence, in ascending order. */
  positions: readonly number[];
  /** For each of `positions`, whether it is a mask now. */
  masked: readonly boolean[];
  /** The part of the sequence that is being worked on, [start, end): a cache keeps what is outside of it. */
  block: { start: number; end: number };
  /** Nothing kept of earlier passes may be used. */
  full?: boolean;
  /** The token that each of `positions` holds now, where the loop goes by how likely the model finds those. */
  present?: readonly number[];
}

/** For each position of the query: the likeliest (or sampled) token, and how sure the model is of it, 0 to 1. */
export interface Guess {
  tokens: ArrayLike<number>;
  confidence: ArrayLike<number>;
  /** Entropy of the distribution, in nats, where the rule goes by it. */
  entropy?: ArrayLike<number> | undefined;
  /** How likely the model finds the tokens that are there now, 0 to 1, where the loop asked for that. */
  present?: ArrayLike<number> | undefined;
  /** Something was kept of an earlier pass, and what comes of it is to be certified by a full one. */
  stale?: boolean;
}

/** A token that took another one's place. */
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
  /** Masks that this step was to fill; without a schedule, at least. */
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
  /** What was asked and answered, in positions of the whole sequence: for traces of parity. */
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
  /** Where passes were stale: whether a full one, at the end, changed nothing. */
  certified?: boolean;
}

/** A loop over one canvas. */
export type DecodeLoop = Generator<Query, DecodeResult, Guess>;

/** The question about these positions as the canvas is now. */
export function queryAbout(canvas: Canvas, positions: readonly number[], block: Query["block"]): Query {
  return { positions, masked: positions.map((position) => canvas.isMasked(position)), block };
}

/** A guess, looked up by position of the whole sequence. */
export interface Prediction {
  token(position: number): number;
  confidence(position: number): number;
  entropy(position: number): number;
  present(position: number): number;
}

export function predictionOf(
  { positions }: Query,
  { tokens, confidence, entropy = [], present = [] }: Guess,
): Prediction {
  const place = new Map(positions.map((position, i) => [position, i]));
  const at = (values: ArrayLike<number>, position: number): number => {
    const value = values[place.get(position) ?? -1];
    if (value === undefined) throw new Error(`position ${position} was not asked for`);
    return value;
  };
  return {
    token: (position) => at(tokens, position),
    confidence: (position) => at(confidence, position),
    entropy: (position) => at(entropy, position),
    present: (position) => at(present, position),
  };
}

/** What a step did to the canvas; positions of the whole sequence. */
export interface Changes extends Pick<DecodeStep, "step" | "block" | "quota" | "query" | "guess"> {
  /** The guess by position. */
  said: Prediction;
  filled: readonly number[];
  rewritten: readonly number[];
}

/** Writes what the model said at the positions to be filled and rewritten.
 *  @returns the report of the step, which holds copies only */
export function writeStep(canvas: Canvas, changes: Changes): DecodeStep {
  const { filled, rewritten, query, guess, said, ...place } = changes;
  const { promptLength, answerEnd } = canvas;
  const before = canvas.answer();
  for (const position of filled) canvas.write(position, said.token(position));
  for (const position of rewritten) canvas.write(position, said.token(position));

  const tokens = canvas.answer();
  const inAnswer = (positions: readonly number[]): number[] =>
    positions.filter((at) => at >= promptLength && at < answerEnd).map((at) => at - promptLength);
  const confidence = new Float64Array(tokens.length).fill(Number.NaN);
  for (const position of inAnswer(query.positions)) confidence[position] = said.confidence(promptLength + position);
  const revised = inAnswer(rewritten)
    .map((position) => ({ position, from: before[position] as number, to: tokens[position] as number }))
    .filter(({ from, to }) => from !== to);
  return {
    ...place,
    tokens,
    confidence,
    filled: inAnswer(filled),
    rewritten: inAnswer(rewritten),
    revised,
    query,
    guess,
  };
}
