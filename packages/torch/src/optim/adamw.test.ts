/** AdamW against Python's torch (test/optim.json) and against its formulas, and what it keeps where. */
import { readFileSync } from "node:fs";
import { describe, expect } from "vitest";
import { type DType, memory, scope, type Tensor, tensor } from "../index.js";
import { test } from "../testing/test.js";
import { AdamW, type AdamWOptions } from "./adamw.js";
import type { Parameter } from "./parameter.js";
import { StateError } from "./state-error.js";

interface Recorded {
  weight: number[];
  exp_avg: number[];
  exp_avg_sq: number[];
  step: number;
  bfloat16: number[];
}
const python = JSON.parse(readFileSync(new URL("../../test/optim.json", import.meta.url), "utf8")) as Record<
  "adamw_float32" | "adamw_float64",
  Record<string, Recorded>
>;

/** The numbers of make_fixtures.py. */
function numbers(shape: readonly number[], seed: number, dtype: DType = "float32"): Tensor {
  const count = shape.reduce((product, size) => product * size, 1);
  const values = Array.from({ length: count }, (_, i) => (((i * 37 + seed * 11) % 127) - 63) / 64);
  return scope(() => tensor(values, { dtype }).view(shape));
}

const SHAPES = { decays: [3, 4], plain: [5], late: [2, 2] } as const;
const NAMES = Object.keys(SHAPES) as (keyof typeof SHAPES)[];
type Fixture = { parameters: Parameter[]; optimizer: AdamW; step: (step: number) => void } & Disposable;

/** The run of make_fixtures.py, step by step. */
function fixture(dtype: DType, options: AdamWOptions = {}): Fixture {
  const parameters = NAMES.map(
    (name, i): Parameter => ({
      name,
      weight: numbers(SHAPES[name], i, dtype),
      gradient: undefined,
    }),
  );
  const [decays, plain, late] = parameters as [Parameter, Parameter, Parameter];
  const groups = [
    { name: "a", parameters: [decays, late], learningRate: 1e-2, weightDecay: 0.1 },
    { name: "b", parameters: [plain], learningRate: 3e-3, weightDecay: 0 },
  ];
  const optimizer = new AdamW(groups, { betas: [0.9, 0.98], eps: 1e-6, ...options });
  return {
    parameters,
    optimizer,
    step(step) {
      for (const parameter of parameters) {
        parameter.gradient?.dispose();
        parameter.gradient = undefined;
        if (parameter.name === "late" && step < 2) continue;
        const shape = SHAPES[parameter.name as keyof typeof SHAPES];
        const seed = 5 + step * 3 + parameter.name.length;
        parameter.gradient = scope(() => numbers(shape, seed, dtype === "float64" ? dtype : "float32").mul(0.5 + step));
      }
      optimizer.step(1 - step / 10);
    },
    [Symbol.dispose]() {
      optimizer[Symbol.dispose]();
      for (const { weight, gradient } of parameters) for (const t of [weight, gradient]) t?.dispose();
    },
  };
}

function expectNear(actual: readonly number[], expected: readonly number[], tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  for (const [i, value] of actual.entries())
    expect(Math.abs(value - (expected[i] ?? Number.NaN))).toBeLessThanOrEqual(tolerance);
}

describe("AdamW", () => {
  test.each([
    ["float32", 2e-7],
    ["float64", 1e-15],
  ] as const)("%s: weights, moments and steps are those of Python's torch", (dtype, tolerance) => {
    using run = fixture(dtype);
    for (let step = 0; step < 5; step++) run.step(step);
    scope(() => {
      const state = run.optimizer.exportState();
      for (const { name, weight } of run.parameters) {
        const wanted = python[`adamw_${dtype}`][name] as Recorded;
        expectNear(weight.flatten().toNumbers(), wanted.weight, tolerance);
        expectNear((state.get(`exp_avg/${name}`) as Tensor).flatten().toNumbers(), wanted.exp_avg, 2 * tolerance);
        expectNear((state.get(`exp_avg_sq/${name}`) as Tensor).flatten().toNumbers(), wanted.exp_avg_sq, 8 * tolerance);
        expect(state.get(`step/${name}`)?.item()).toBe(wanted.step);
      }
    });
  });

  test("one step by its formula", () => {
    using weight = tensor([1, -2], { dtype: "float64" });
    using gradient = tensor([0.5, 3], { dtype: "float64" });
    const parameter: Parameter = { name: "w", weight, gradient };
    using optimizer = new AdamW([{ name: "", parameters: [parameter], learningRate: 0.1, weightDecay: 0.2 }]);
    optimizer.step(0.5);
    // At t = 1 the corrected moments are g and g^2, so the step is lr * g / (|g| + eps).
    const wanted = [1, -2].map((w, i) => {
      const g = [0.5, 3][i] as number;
      return w - 0.05 * 0.2 * w - (0.05 * g) / (Math.abs(g) + 1e-8);
    });
    expectNear(weight.toNumbers(), wanted, 1e-15);
  });

  test("bfloat16 weights are the rounded master weights, which take the steps of float32", () => {
    using run = fixture("bfloat16");
    for (let step = 0; step < 5; step++) run.step(step);
    for (const parameter of run.parameters) {
      const wanted = python.adamw_float32[parameter.name] as Recorded;
      scope(() => {
        expect(parameter.weight.dtype).toBe("bfloat16");
        expect(parameter.weight.flatten().toNumbers()).toEqual(wanted.bfloat16);
        expectNear(run.optimizer.precise(parameter).flatten().toNumbers(), wanted.weight, 2e-7);
      });
    }
  });

  test("steps below the precision of bfloat16 add up in master weights, and are lost without", () => {
    const after = (masterWeights: boolean) => {
      using weight = tensor([1], { dtype: "bfloat16" });
      using gradient = tensor([1]);
      const parameter: Parameter = { name: "w", weight, gradient };
      using optimizer = new AdamW([{ name: "", parameters: [parameter], learningRate: 1e-3, weightDecay: 0 }], {
        masterWeights,
      });
      for (let i = 0; i < 20; i++) optimizer.step();
      return weight.toNumbers()[0];
    };
    expect(after(true)).toBe(0.98046875); // 0.98 rounded
    expect(after(false)).toBe(1);
  });

  test("state begins with the first gradient", () => {
    using run = fixture("float32");
    run.step(0);
    scope(() => {
      expect([...run.optimizer.exportState().keys()].filter((key) => key.endsWith("/late"))).toEqual([]);
      expect(run.parameters[2]?.weight.toNumbers()).toEqual(numbers(SHAPES.late, 2).toNumbers());
    });
    expect(run.optimizer.bytes).toBe((12 + 5) * 2 * 4);
    run.step(2);
    expect(run.optimizer.bytes).toBe((12 + 5 + 4) * 2 * 4);
  });

  test("a run that goes on from its exported state takes the same steps", () => {
    using whole = fixture("bfloat16");
    for (let step = 0; step < 5; step++) whole.step(step);

    using first = fixture("bfloat16");
    for (let step = 0; step < 3; step++) first.step(step);
    using second = fixture("bfloat16");
    scope(() => second.optimizer.importState(first.optimizer.exportState()));
    for (const [i, { weight }] of second.parameters.entries()) weight.copy_(first.parameters[i]?.weight as Tensor);
    for (let step = 3; step < 5; step++) second.step(step);

    scope(() => {
      const wanted = whole.optimizer.exportState();
      const found = second.optimizer.exportState();
      expect([...found.keys()].sort()).toEqual([...wanted.keys()].sort());
      for (const [key, value] of wanted) expect(found.get(key)?.toNumbers()).toEqual(value.toNumbers());
      for (const [i, { weight }] of whole.parameters.entries())
        expect(second.parameters[i]?.weight.toNumbers()).toEqual(weight.toNumbers());
    });
  });

  test("imported state is a copy", () => {
    using run = fixture("float32");
    run.step(0);
    using other = fixture("float32");
    scope(() => {
      const state = run.optimizer.exportState();
      other.optimizer.importState(state);
      state.get("exp_avg/plain")?.zero_();
      expect(other.optimizer.exportState().get("exp_avg/plain")?.toNumbers()).not.toEqual([0, 0, 0, 0, 0]);
    });
  });

  test("state of other parameters or settings is refused", () => {
    using run = fixture("bfloat16");
    run.step(0);
    using float = fixture("float32");
    scope(() => {
      const state = run.optimizer.exportState();
      expect(() => float.optimizer.importState(state)).toThrow(/master weights, which are not kept now/);
      using other = fixture("bfloat16");
      expect(() => other.optimizer.importState(new Map([...state, ["step/x", tensor(1)]]))).toThrow(/tuned now.*x/);
      expect(() => other.optimizer.importState(new Map([...state, ["exp_avg/plain", tensor([1])]]))).toThrow(
        /exp_avg\/plain of shape \[1\], not \[5\]/,
      );
      const [, ...rest] = [...state];
      expect(() => other.optimizer.importState(new Map(rest))).toThrow(StateError);
    });
  });

  test("steps leave nothing behind", () => {
    using run = fixture("bfloat16");
    for (let step = 0; step < 3; step++) run.step(step);
    const before = memory().tensors;
    for (let step = 3; step < 30; step++) run.step(step % 5);
    expect(memory().tensors).toBe(before);
  });
});
