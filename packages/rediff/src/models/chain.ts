/** A network is a chain of stages, each a function of its weights and of one tensor. The chain is what the paper defines;
 *  how it is run is another question, answered in one place for each way:
 *
 *  - `runChain`, here: forward, every stage's input freed as soon as the stage is done; `chainPieces` is the same piece by
 *    piece, for whoever has to listen meanwhile
 *  - `recordedChain` (training/backward/reverse.ts): forward, and back from the last stage to the first
 *
 *  A stage gets its weights as an argument, so that whoever runs it may put something else in their place: leaves to be
 *  differentiated, weights with an adapter. */
import { scope, type Tensor } from "@rediff/torch";

export interface Stage {
  /** A value made of arrays and plain objects, with tensors in it. */
  weights: unknown;
  run(weights: unknown, input: Tensor): Tensor;
}

/** `run` sees the weights in the form in which they were given, be it with other tensors in them. */
export const stage = <W>(weights: W, run: (weights: W, input: Tensor) => Tensor): Stage => ({
  weights,
  run: run as Stage["run"],
});

/** A forward pass that may be able to go back, once. */
export interface Pass {
  output: Tensor;
  /** Whether there is anything to go back for. */
  readonly differentiable: boolean;
  /** Adds the gradients of all weights; the gradient of the chain's input, if that was asked for. Frees what the pass
   *  kept, its output included. */
  backward(outputGradient: Tensor): Pieces<Tensor | undefined>;
}

/** Runs a chain, layer by layer. The input stays its owner's; `needsInput` asks for its gradient on the way back. */
export type ChainRunner = (
  stages: readonly Stage[],
  input: Tensor,
  part: LayersDone["part"],
  options?: { needsInput?: boolean },
) => Pieces<Pass>;

/** How many layers of a pass are done: what a generator of pieces yields between two of them. A layer of a large model
 *  takes seconds, so signals, messages and timers have their turn there. */
export interface LayersDone {
  /** "vision" is the tower that reads pictures, "language" the language model. */
  part: "vision" | "language";
  done: number;
  total: number;
  /** @internal what the piece to come works with; said by passes that learn. Whoever has these weights elsewhere fetches
   *  them. */
  needs?: Need;
}

/** Weights, as arrays and plain objects with tensors in them, and whether they are needed on the way forth or back. */
export interface Need {
  weights: unknown;
  way: "forth" | "back";
}

/** How far the forward pass under way is, or the encoding of a request's pictures. */
export interface PassProgress extends LayersDone {
  /** Since it began. */
  seconds: number;
}

/** A computation in pieces. Whoever does not go on ends it with `return()`. */
export type Pieces<T> = Generator<LayersDone, T>;

/** All of it at once. */
export function allPieces<T>(pieces: Pieces<T>): T {
  for (;;) {
    const piece = pieces.next();
    if (piece.done) return piece.value;
  }
}

/** `pieces`, each of them computed in `inside`: scopes and gradient modes are synchronous, so they end with every piece
 *  and are entered again for the next. */
export function* piecesInside<T>(inside: <R>(body: () => R) => R, pieces: Pieces<T>): Pieces<T> {
  try {
    for (;;) {
      const piece = inside(() => pieces.next());
      if (piece.done) return piece.value;
      yield piece.value;
    }
  } finally {
    inside(() => pieces.return(undefined as T));
  }
}

/** From the input to the last stage's output.
 *  @param onInput sees the input of every stage, for tests of parity */
export function runChain(
  stages: readonly Stage[],
  input: Tensor,
  onInput?: (stage: number, input: Tensor) => void,
): Tensor {
  return scope(() => allPieces(chainPieces(stages, input, "language", onInput)));
}

/** `runChain` in pieces, one for each stage. Each belongs to the scope in which it is asked for. */
export function* chainPieces(
  stages: readonly Stage[],
  input: Tensor,
  part: LayersDone["part"],
  onInput?: (stage: number, input: Tensor) => void,
): Pieces<Tensor> {
  let x = input;
  for (const [i, { weights, run }] of stages.entries()) {
    if (i > 0) yield { part, done: i, total: stages.length };
    onInput?.(i, x);
    const next = scope(() => run(weights, x));
    if (i > 0) x.dispose();
    x = next;
  }
  return x;
}
