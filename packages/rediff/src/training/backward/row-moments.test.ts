/** The optimizer on a parameter that goes by rows, against the same one whole. */
import { type DType, detachFromScope, Generator, noGrad, optim, rand, randn, scope, type Tensor } from "@rediff/torch";
import { beforeEach, describe, expect, test } from "vitest";
import { expectNoLeaks } from "../../testing/leaks.js";
import { addRowGradients, wholeGradient } from "./accumulate.js";
import type { Parameter } from "./parameters.js";

beforeEach(expectNoLeaks);

// More rows than a block of moments has.
const [V, D] = [9000, 3];
const STEPS = 6;

function table(dtype: DType, rowwise: boolean): Parameter {
  using generator = new Generator(1);
  const weight = scope(() => randn([V, D], generator).to({ dtype, copy: true }));
  return { name: "embed", weight, part: "language", decays: true, gradient: undefined, rowwise };
}

/** Rows that step `s` reads: few, then almost all, then none, then few again. */
function read(s: number): number[] {
  using generator = new Generator(s);
  const count = [5, 5000, 0, 7, 8000, 3][s] as number;
  return scope(() => rand([count], generator).toNumbers()).map((x) => Math.floor(x * V));
}

function giveGradient(parameter: Parameter, s: number): void {
  scope(() => {
    using generator = new Generator(100 + s);
    const ids = read(s);
    const rows = randn([ids.length, D], generator);
    if (parameter.rowwise) {
      addRowGradients(parameter, ids, rows);
      return;
    }
    const sparse: Parameter = { ...parameter, rowwise: true, gradient: undefined };
    addRowGradients(sparse, ids, rows);
    parameter.gradient = detachFromScope(wholeGradient(sparse));
    optim.freeGradient(sparse);
  });
}

interface Settings {
  dtype?: DType;
  weightDecay?: number;
  options?: optim.AdamWOptions;
  /** Save and load before this step. */
  resumeAt?: number;
}

function run(rowwise: boolean, { dtype = "float32", weightDecay = 0, options = {}, resumeAt }: Settings): number[] {
  return noGrad(() =>
    scope(() => {
      const parameter = table(dtype, rowwise);
      const make = () =>
        new optim.AdamW([{ name: "g", parameters: [parameter], learningRate: 0.01, weightDecay }], options);
      let optimizer = make();
      for (let s = 0; s < STEPS; s++) {
        if (s === resumeAt) {
          const next = make();
          scope(() => next.importState(optimizer.exportState()));
          optimizer[Symbol.dispose]();
          optimizer = next;
        }
        scope(() => {
          giveGradient(parameter, s);
          optimizer.step(1 - s / 10);
          optim.freeGradient(parameter);
        });
      }
      optimizer[Symbol.dispose]();
      return parameter.weight.toNumbers();
    }),
  );
}

const largest = (a: number[], b: number[]) => a.reduce((max, x, i) => Math.max(max, Math.abs(x - (b[i] as number))), 0);

describe("moments by rows", () => {
  test.each<[string, Settings, number]>([
    ["float32", {}, 1e-7],
    ["float64", { dtype: "float64" }, 1e-15],
    ["with weight decay, which reaches all rows", { weightDecay: 0.1 }, 1e-6],
    ["bfloat16 with master weights", { dtype: "bfloat16", weightDecay: 0.1 }, 0.02],
    ["bfloat16 without", { dtype: "bfloat16", options: { masterWeights: false } }, 0.02],
  ])("give the weights that moments of the whole give: %s", (_, settings, tolerance) => {
    const [rows, whole] = [run(true, settings), run(false, settings)];
    expect(largest(rows, whole)).toBeLessThanOrEqual(tolerance);
    expect(largest(rows, run(true, { ...settings, weightDecay: 0.5 }))).toBeGreaterThan(0);
  });

  test.each(["float32", "bfloat16"] as const)("saved and loaded, they go on exactly: %s", (dtype) => {
    const settings = { dtype, weightDecay: 0.1 };
    const uninterrupted = run(true, settings);
    for (const resumeAt of [1, 2, 5]) expect(run(true, { ...settings, resumeAt })).toEqual(uninterrupted);
  });

  test("hold the rows that were read, no others", () =>
    noGrad(() =>
      scope(() => {
        const parameter = table("float32", true);
        using optimizer = new optim.AdamW([{ name: "g", parameters: [parameter], learningRate: 1, weightDecay: 0 }]);
        const before = parameter.weight.toNumbers();
        giveGradient(parameter, 0);
        optimizer.step();
        optim.freeGradient(parameter);
        const state = optimizer.exportState();
        expect(state.get("rows/embed")?.toNumbers()).toEqual([...new Set(read(0))]);
        expect(state.get("exp_avg/embed")?.shape).toEqual([5, D]);
        expect(optimizer.bytes).toBe(2 * 4096 * D * 4);
        const changed = parameter.weight.toNumbers().map((x, i) => (x === before[i] ? -1 : Math.floor(i / D)));
        expect(new Set(changed.filter((row) => row >= 0))).toEqual(new Set(read(0)));
      }),
    ));

  test("a state of the whole table is no state of rows", () =>
    noGrad(() =>
      scope(() => {
        const [whole, rows] = [table("float32", false), table("float32", true)];
        const group = (parameter: Parameter) => [
          { name: "g", parameters: [parameter], learningRate: 1, weightDecay: 0 },
        ];
        using first = new optim.AdamW(group(whole));
        using second = new optim.AdamW(group(rows));
        giveGradient(whole, 0);
        first.step();
        optim.freeGradient(whole);
        expect(() => second.importState(first.exportState() as Map<string, Tensor>)).toThrow("lacks rows/embed");
      }),
    ));
});
