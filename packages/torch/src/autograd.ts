/** Reverse-mode differentiation. */
import { native } from "./native.js";
import { type Tensor, wrap } from "./tensor.js";

export interface BackwardOptions {
  /** Gradient of the final value with respect to each output; needed where an output is not a single number. */
  gradOutputs?: readonly (Tensor | undefined)[];
  /** Keep the recorded graph for another pass. */
  retainGraph?: boolean;
  /** Record the backward pass itself, for second derivatives. */
  createGraph?: boolean;
}

const slots = (tensors: readonly (Tensor | undefined)[] | undefined): (number | undefined)[] | undefined =>
  tensors?.map((t) => t?.slot);

const list = (tensors: Tensor | readonly Tensor[]): number[] =>
  Array.isArray(tensors) ? tensors.map((t: Tensor) => t.slot) : [(tensors as Tensor).slot];

/** Adds d outputs / d leaf to `.grad` of every leaf that requires a gradient (or of `inputs` only). */
export function backward(
  outputs: Tensor | readonly Tensor[],
  options: BackwardOptions & { inputs?: readonly Tensor[] } = {},
): void {
  if (options.inputs?.length === 0) throw new Error("backward(): inputs is an empty list; leave it out for all leaves");
  native.backward(
    list(outputs),
    slots(options.gradOutputs),
    options.retainGraph ?? options.createGraph ?? false,
    options.createGraph ?? false,
    options.inputs && list(options.inputs),
  );
}

/** d outputs / d inputs, one tensor per input, without touching `.grad`.
 *  @throws when an output does not depend on an input, unless `allowUnused`: then its entry is undefined */
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: readonly Tensor[],
  options: BackwardOptions & { allowUnused: true },
): (Tensor | undefined)[];
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: readonly Tensor[],
  options?: BackwardOptions & { allowUnused?: false },
): Tensor[];
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: readonly Tensor[],
  options: BackwardOptions & { allowUnused?: boolean } = {},
): (Tensor | undefined)[] {
  return native
    .grad(
      list(outputs),
      list(inputs),
      slots(options.gradOutputs),
      options.retainGraph ?? options.createGraph ?? false,
      options.createGraph ?? false,
      options.allowUnused ?? false,
    )
    .map((slot) => (slot < 0 ? undefined : wrap(slot)));
}

const mode = { grad: true, inference: false };

/** Whether operators on tensors that require gradients are recorded now, in this thread. */
export function isRecording(): boolean {
  return mode.grad && !mode.inference;
}

/** Whether `inferenceMode` is in force, in this thread. */
export function isInference(): boolean {
  return mode.inference;
}

function setGradMode(on: boolean): boolean {
  mode.grad = on;
  return native.setGradMode(on);
}

function setInferenceMode(on: boolean): boolean {
  mode.inference = on;
  return native.setInferenceMode(on);
}

function withMode<T>(set: (on: boolean) => boolean, on: boolean, body: () => T): T {
  const before = set(on);
  try {
    const result = body();
    if (result instanceof Promise)
      throw new Error("the mode ends when the function returns; it cannot be asynchronous");
    return result;
  } finally {
    set(before);
  }
}

/** Runs `body` (synchronous) without recording. */
export function noGrad<T>(body: () => T): T {
  return withMode(setGradMode, false, body);
}

/** Runs `body` (synchronous) with recording, inside a `noGrad` as well. */
export function withGrad<T>(body: () => T): T {
  return withMode(setGradMode, true, body);
}

/** Like `noGrad`, and what is made may never enter a graph, which saves some work in every operator. */
export function inferenceMode<T>(body: () => T): T {
  return withMode(setInferenceMode, true, body);
}
