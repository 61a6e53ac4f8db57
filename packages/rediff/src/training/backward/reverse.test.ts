/** Chains of stages against one graph of the whole. */
import { Generator, grad, memory, noGrad, randn, scope, type Tensor, withGrad } from "@rediff/torch";
import { describe, expect, test } from "vitest";
import { allPieces, type Stage, stage } from "../../models/chain.js";
import { linear } from "../../models/kernels.js";
import type { BlockWeights } from "../../models/llada/llada.js";
import type { LladaConfig } from "../../models/llada/llada-config.js";
import type { Model } from "../../models/llava/llava.js";
import { type Adapter, blockTensorName, type Parameter, type TrainableModel } from "./parameters.js";
import { type Checkpointing, recordedChain, Tunables } from "./reverse.js";

const WIDTH = 5;
const DEPTH = 4;

/** Stages x -> tanh(W x) + x on the queries of a made-up model's blocks. */
function chain(): { blocks: BlockWeights[]; stages: Stage[]; input: Tensor; direction: Tensor } {
  using generator = new Generator(3);
  const random = (...shape: number[]) => randn(shape, generator, { dtype: "float64" });
  const blocks = Array.from({ length: DEPTH }, () => ({ query: random(WIDTH, WIDTH) }) as BlockWeights);
  const stages = blocks.map((weights) => stage(weights, (w, x) => linear(x, w.query).tanh().add(x)));
  return { blocks, stages, input: random(3, WIDTH), direction: random(3, WIDTH) };
}

const parameterOf = (name: string, weight: Tensor): Parameter => ({
  name,
  weight,
  part: "language",
  decays: true,
  gradient: undefined,
});

function trainableOf(blocks: BlockWeights[], parameters: Parameter[], adapters?: Map<string, Adapter>): TrainableModel {
  const model = { llada: { config: {} as LladaConfig, weights: { blocks } } } as unknown as Model;
  return { model, parameters, ...(adapters && { adapters }), [Symbol.dispose]() {} };
}

const forth = (
  tunables: Tunables,
  checkpointing: Checkpointing,
  stages: readonly Stage[],
  input: Tensor,
  needsInput: boolean,
) => allPieces(recordedChain(tunables, checkpointing)(stages, input, "language", { needsInput }));

interface Gradients {
  output: number[];
  input: number[] | undefined;
  weights: (number[] | undefined)[];
}

/** By the chain, with the weights of some blocks trained. */
function byChain(trained: readonly number[], needsInput: boolean, checkpointing: Checkpointing): Gradients {
  return noGrad(() =>
    scope(() => {
      const { blocks, stages, input, direction } = chain();
      const parameters = trained.map((i) => parameterOf(String(i), (blocks[i] as BlockWeights).query));
      const tunables = new Tunables(trainableOf(blocks, parameters));
      const pass = forth(tunables, checkpointing, stages, input, needsInput);
      const output = pass.output.toNumbers();
      expect(pass.differentiable).toBe(needsInput || trained.length > 0);
      const back = allPieces(pass.backward(direction));
      const weights = blocks.map((_, i) => parameters.find(({ name }) => name === String(i))?.gradient?.toNumbers());
      for (const { gradient } of parameters) gradient?.dispose();
      return { output, input: needsInput ? back?.toNumbers() : undefined, weights };
    }),
  );
}

/** By one graph. */
function byGraph(): Required<Gradients> {
  return scope(() => {
    const { blocks, stages, input, direction } = chain();
    const leaves = [input, ...blocks.map(({ query }) => query)].map((t) => t.setRequiresGrad());
    const output = stages.reduce((x, { weights, run }) => run(weights, x), input);
    const [dInput, ...dWeights] = grad(output, leaves, { gradOutputs: [direction] });
    return {
      output: output.toNumbers(),
      input: dInput?.toNumbers(),
      weights: dWeights.map((t) => t.toNumbers()),
    };
  });
}

const all = Array.from({ length: DEPTH }, (_, i) => i);

describe.each<Checkpointing>(["none", "blocks"])("checkpointing %s", (checkpointing) => {
  test.each<[string, number[], boolean]>([
    ["everything", all, true],
    ["the weights only", all, false],
    ["the input only", [], true],
    ["the middle", [1, 2], false],
    ["the last", [3], false],
    ["the first, through frozen ones", [0], false],
  ])("gradients of %s are those of one graph", (_, trained, needsInput) => {
    const wanted = byGraph();
    const found = byChain(trained, needsInput, checkpointing);
    expect(found.output).toEqual(wanted.output);
    expect(found.input).toEqual(needsInput ? wanted.input : undefined);
    expect(found.weights).toEqual(wanted.weights.map((gradient, i) => (trained.includes(i) ? gradient : undefined)));
  });

  test("nothing to train: nothing is recorded, nothing comes back", () => {
    expect(byChain([], false, checkpointing).input).toBeUndefined();
  });

  test("gradients add up, and all else is freed", () =>
    noGrad(() => {
      const before = memory();
      scope(() => {
        const { blocks, stages, input, direction } = chain();
        const parameters = all.map((i) => parameterOf(String(i), (blocks[i] as BlockWeights).query));
        const tunables = new Tunables(trainableOf(blocks, parameters));
        const step = () =>
          scope(() => {
            allPieces(forth(tunables, checkpointing, stages, input, true).backward(direction));
          });
        step();
        const once = parameters.map(({ gradient }) => gradient?.toNumbers());
        const after = memory();
        for (let i = 0; i < 3; i++) step();
        expect(memory()).toEqual(after);
        for (const [i, { gradient }] of parameters.entries()) {
          const sum = gradient?.toNumbers() ?? [];
          for (const [j, value] of sum.entries()) expect(value).toBeCloseTo(4 * (once[i]?.[j] as number), 10);
          gradient?.dispose();
        }
      });
      expect(memory()).toEqual(before);
    }));

  test("low-rank pairs: gradients of both factors and of what comes before, none of the weight", () =>
    noGrad(() =>
      scope(() => {
        const { blocks, stages, input, direction } = chain();
        using generator = new Generator(4);
        const random = (...shape: number[]) => randn(shape, generator, { dtype: "float64" });
        const [down, up] = [random(2, WIDTH), random(WIDTH, 2)];
        const pair = { down: parameterOf("down", down), up: parameterOf("up", up), scale: 0.5 };
        const name = blockTensorName(1, "query");
        const trained = trainableOf(blocks, [pair.down, pair.up], new Map([[name, pair]]));
        const tunables = new Tunables(trained);
        const pass = forth(tunables, checkpointing, stages, input, true);

        // The same with the corrected weight written out.
        const leaves = [
          input.detach().setRequiresGrad(),
          down.detach().setRequiresGrad(),
          up.detach().setRequiresGrad(),
        ];
        const [x, a, b] = leaves as [Tensor, Tensor, Tensor];
        const wanted = withGrad(() => {
          const corrected = blocks.map(({ query }, i) => ({
            query: i === 1 ? query.add(b.matmul(a), { alpha: 0.5 }) : query,
          }));
          const output = stages.reduce((y, { run }, i) => run(corrected[i], y), x);
          return { output: output.toNumbers(), gradients: grad(output, leaves, { gradOutputs: [direction] }) };
        });
        const close = (found: Tensor | undefined, expected: Tensor | undefined) => {
          const numbers = expected?.toNumbers() ?? [];
          for (const [i, value] of (found?.toNumbers() ?? []).entries())
            expect(value).toBeCloseTo(numbers[i] as number, 12);
          expect(found?.shape).toEqual(expected?.shape);
        };
        for (const [i, value] of pass.output.toNumbers().entries())
          expect(value).toBeCloseTo(wanted.output[i] as number, 12);
        close(allPieces(pass.backward(direction)), wanted.gradients[0]);
        close(pair.down.gradient, wanted.gradients[1]);
        close(pair.up.gradient, wanted.gradients[2]);
        pair.down.gradient?.dispose();
        pair.up.gradient?.dispose();
      }),
    ));
});

test("a pair for a weight that is none of a block's is an error", () =>
  scope(() => {
    const { blocks, input } = chain();
    const pair = { down: parameterOf("a", input), up: parameterOf("b", input), scale: 1 };
    expect(() => new Tunables(trainableOf(blocks, [], new Map([["lm_head.weight", pair]])))).toThrow("lm_head.weight");
  }));
