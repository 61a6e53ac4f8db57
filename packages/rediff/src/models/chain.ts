/** A network is a chain of stages, each a function of its weights and of one tensor. The chain is what the paper defines;
 *  how it is run is another question, answered in one place for each way:
 *
 *  - `runChain`, here: forward, every stage's input freed as soon as the stage is done
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
  backward(outputGradient: Tensor): Tensor | undefined;
}

/** Runs a chain. The input stays its owner's; `needsInput` asks for its gradient on the way back. */
export type ChainRunner = (stages: readonly Stage[], input: Tensor, options?: { needsInput?: boolean }) => Pass;

/** From the input to the last stage's output.
 *  @param onInput sees the input of every stage, for tests of parity */
export function runChain(
  stages: readonly Stage[],
  input: Tensor,
  onInput?: (stage: number, input: Tensor) => void,
): Tensor {
  return scope(() => {
    let x = input;
    for (const [i, { weights, run }] of stages.entries()) {
      onInput?.(i, x);
      const next = run(weights, x);
      if (i > 0) x.dispose();
      x = next;
    }
    return x;
  });
}

/** `runChain` for those who may also be given a runner that goes back. */
export const forwardOnly: ChainRunner = (stages, input) => ({
  output: runChain(stages, input),
  differentiable: false,
  backward: () => undefined,
});
