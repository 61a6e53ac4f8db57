/** Gradients of a network that is a chain of stages: forward stage by stage, then back from the last to the first.
 *
 *  There is no graph of the whole. Each stage is recorded alone, differentiated alone and forgotten, so that the memory
 *  of activations is that of one stage and of every stage's input (activation checkpointing by blocks), at the price of
 *  a second forward pass. With checkpointing "none" the recordings of the first pass are kept instead.
 *
 *  Frozen weights enter a recording as constants, tunable ones as leaves made for it: the model's own tensors never
 *  require gradients. What comes first and needs none is not recorded at all. */
import { grad, scope, Tensor, withGrad } from "@rediff/torch";
import { BLOCK_NAMES } from "../../checkpoint/tensor-names.js";
import type { ChainRunner, LayersDone, Pass, Pieces, Stage } from "../../models/chain.js";
import type { LowRank } from "../../models/kernels.js";
import { unrounded } from "../../models/llada/llada.js";
import { addGradient } from "./accumulate.js";
import { blockTensorName, type Parameter, type TrainableModel } from "./parameters.js";

export type Checkpointing = "none" | "blocks";

/** Which of a model's tensors are trained, and how. */
export class Tunables {
  readonly #parameters = new Map<Tensor, Parameter>();
  readonly #adapters = new Map<Tensor, LowRank>();

  constructor({ model, parameters, adapters = new Map() }: TrainableModel) {
    for (const parameter of parameters) this.#parameters.set(parameter.weight, parameter);
    const unknown = new Set(adapters.keys());
    for (const [layer, weights] of unrounded(model.llada).weights.blocks.entries())
      for (const key of Object.keys(BLOCK_NAMES) as (keyof typeof BLOCK_NAMES)[]) {
        const name = blockTensorName(layer, key);
        const adapter = adapters.get(name);
        if (adapter === undefined || key === "inputNorm" || key === "postAttentionNorm") continue;
        unknown.delete(name);
        const { down, up, scale } = adapter;
        this.#adapters.set(weights[key], { weight: weights[key], down: down.weight, up: up.weight, scale });
      }
    if (unknown.size > 0) throw new Error(`there is no linear weight ${[...unknown][0]} to adapt in a block`);
  }

  parameterOf(tensor: Tensor): Parameter | undefined {
    return this.#parameters.get(tensor);
  }

  /** Whether any tensor in `weights` is trained, or a correction of it. */
  has(weights: unknown): boolean {
    let found = false;
    this.substitute(weights, (_, tensor) => {
      found = true;
      return tensor;
    });
    return found;
  }

  /** `weights` with low-rank pairs in place of corrected tensors and `leaf` in place of every trained one. */
  substitute<W>(weights: W, leaf: (parameter: Parameter, tensor: Tensor) => Tensor): W {
    const visit = (value: unknown): unknown => {
      if (value instanceof Tensor) {
        const pair = this.#adapters.get(value);
        const own = this.#parameters.get(value);
        const tensor = own === undefined ? value : leaf(own, value);
        if (pair === undefined) return tensor;
        return { ...pair, weight: tensor, down: visit(pair.down), up: visit(pair.up) };
      }
      if (Array.isArray(value)) return value.map(visit);
      if (typeof value !== "object" || value === null) return value;
      return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, visit(part)]));
    };
    return visit(weights) as W;
  }
}

/** One recorded run of a stage. */
interface Recording {
  /** Absent where the stage's input needs no gradient. */
  input: Tensor | undefined;
  leaves: Map<Parameter, Tensor>;
  output: Tensor;
}

function record(stage: Stage, input: Tensor, needsInput: boolean, tunables: Tunables): Recording {
  return scope(() => {
    const leaves = new Map<Parameter, Tensor>();
    const weights = tunables.substitute(stage.weights, (parameter, tensor) => {
      const leaf = tensor.detach().setRequiresGrad();
      leaves.set(parameter, leaf);
      return leaf;
    });
    const leaf = needsInput ? input.detach().setRequiresGrad() : undefined;
    return { input: leaf, leaves, output: withGrad(() => stage.run(weights, leaf ?? input)) };
  });
}

/** From the gradient of a recording's output to that of its input; those of its weights are added to the parameters. */
function differentiate({ input, leaves, output }: Recording, outputGradient: Tensor): Tensor | undefined {
  const wanted = input === undefined ? [...leaves.values()] : [input, ...leaves.values()];
  return scope(() => {
    const gradients = grad(output, wanted, { gradOutputs: [outputGradient], allowUnused: true });
    const inputGradient = input === undefined ? undefined : gradients.shift();
    for (const parameter of leaves.keys()) {
      const gradient = gradients.shift();
      if (gradient !== undefined) addGradient(parameter, gradient);
    }
    return inputGradient;
  });
}

/** Runs chains so that they can go back: gradients of `tunables` are added to their parameters. */
export function recordedChain(tunables: Tunables, checkpointing: Checkpointing): ChainRunner {
  return (stages, input, part, { needsInput = false } = {}) =>
    runForward(stages, input, tunables, { part, needsInput, checkpointing });
}

/** Runs `input` through the stages, keeping what the way back will need. To be called without recording; what is kept
 *  belongs to the open scope, which has to be one and the same for all pieces. */
function* runForward(
  stages: readonly Stage[],
  input: Tensor,
  tunables: Tunables,
  options: { part: LayersDone["part"]; needsInput: boolean; checkpointing: Checkpointing },
): Pieces<Pass> {
  const { part, needsInput, checkpointing } = options;
  const total = stages.length;
  const last = stages.length - 1;
  // Below the first stage with something to train nothing is differentiated.
  const first = needsInput ? 0 : stages.findIndex(({ weights }) => tunables.has(weights));
  const lowest = first < 0 ? stages.length : first;
  const inputs: (Tensor | undefined)[] = [];
  const recordings: (Recording | undefined)[] = [];

  let x = input;
  for (const [i, stage] of stages.entries()) {
    yield { part, done: i, total, needs: { weights: stage.weights, way: "forth" } };
    // The last stage is differentiated next, so its recording is made at once.
    const keepsRecording = i >= lowest && (checkpointing === "none" || i === last);
    if (keepsRecording) recordings[i] = record(stage, x, needsInput || i > lowest, tunables);
    const y = recordings[i]?.output ?? runOnce(stage, x, tunables);
    if (i >= lowest && !keepsRecording) inputs[i] = x;
    // Its recording, where there is one, is still needed as an output.
    else if (i > 0 && recordings[i - 1] === undefined) x.dispose();
    x = y;
  }

  return {
    output: x,
    differentiable: lowest < stages.length,
    *backward(outputGradient) {
      let gradient: Tensor | undefined = outputGradient;
      for (let i = last; i >= lowest; i--) {
        if (i < last) yield { part, done: last - i, total, needs: { weights: stages[i]?.weights, way: "back" } };
        const next = scope(() => {
          const kept = recordings[i] ?? inputs[i];
          if (kept === undefined || gradient === undefined) return undefined;
          const stage = stages[i] as Stage;
          const recording = kept instanceof Tensor ? record(stage, kept, needsInput || i > lowest, tunables) : kept;
          const inputGradient = differentiate(recording, gradient);
          free(recording);
          return inputGradient;
        });
        if (i > 0) inputs[i]?.dispose();
        if (gradient !== outputGradient) gradient?.dispose();
        gradient = next;
      }
      return gradient;
    },
  };
}

function runOnce(stage: Stage, x: Tensor, tunables: Tunables): Tensor {
  return scope(() =>
    stage.run(
      tunables.substitute(stage.weights, (_, tensor) => tensor),
      x,
    ),
  );
}

function free({ input, leaves, output }: Recording): void {
  input?.dispose();
  output.dispose();
  for (const leaf of leaves.values()) leaf.dispose();
}
