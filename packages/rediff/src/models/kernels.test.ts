import {
  backward,
  type DType,
  Generator,
  inferenceMode,
  memory,
  noGrad,
  randn,
  scope,
  type Tensor,
  tensor,
  withGrad,
} from "@rediff/torch";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { add_, gated_, gelu_, mul_, rmsNorm, silu_, turn_, withPlainKernels } from "./kernels.js";

const x = () => tensor([-1, 0, 2], { dtype: "float64" });
const y = () => tensor([3, 4, 5], { dtype: "float64" });
const sigmoid = (v: number) => 1 / (1 + Math.exp(-v));

describe.each<[string, <T>(body: () => T) => T]>([
  ["while nothing is recorded", noGrad],
  ["in inference", inferenceMode],
  ["while gradients are recorded", withGrad],
  ["with plain kernels", (body) => noGrad(() => withPlainKernels(body))],
])("%s", (_, mode) => {
  test.each<[string, (a: Tensor, b: Tensor) => Tensor, number[]]>([
    ["silu", (a) => silu_(a), [-sigmoid(-1), 0, 2 * sigmoid(2)]],
    ["silu times another", (a, b) => gated_(a, b), [-3 * sigmoid(-1), 0, 10 * sigmoid(2)]],
    ["a product", (a, b) => mul_(a, b), [-3, 0, 10]],
    ["a sum", (a, b) => add_(a, b), [2, 4, 7]],
    ["gelu", (a) => gelu_(a, "none"), [-0.158655253931457, 0, 1.954499736103642]],
  ])("%s uses up its first argument, and no other", (_name, apply, wanted) => {
    const before = memory().tensors;
    const [a, b] = [x(), y()];
    const result = mode(() => apply(a, b));
    for (const [i, value] of result.toNumbers().entries()) expect(value).toBeCloseTo(wanted[i] as number, 12);
    expect(a.freed).toBe(true);
    expect(() => a.add(1)).toThrow(/freed/);
    expect(b.toNumbers()).toEqual([3, 4, 5]);
    b.dispose();
    result.dispose();
    expect(memory().tensors).toBe(before);
  });
});

test("what was used up still takes part in the gradient", () => {
  scope(() => {
    const weight = x().setRequiresGrad();
    const sum = withGrad(() => mul_(weight.mul(2), y()).sum());
    backward(sum);
    expect(weight.grad?.toNumbers()).toEqual([6, 8, 10]);
  });
});

describe.each<DType>(["float32", "bfloat16"])("several operators in one pass over memory, in %s", (dtype) => {
  const random = (shape: number[], seed: number): Tensor => {
    using generator = new Generator(seed);
    return scope(() => randn(shape, generator).to({ dtype }));
  };
  const ways: Record<string, () => Tensor> = {
    "the norm": () => rmsNorm(random([7, 512], 1), random([512], 2), 1e-5),
    "silu times another": () => gated_(random([7, 100], 1), random([7, 100], 2)),
    "rotary positions": () =>
      turn_(random([1, 6, 3, 12], 1).transpose(1, 2), random([1, 1, 6, 12], 2), random([1, 1, 6, 12], 3)),
  };

  test.each(Object.entries(ways))("%s: the numbers of operators one by one", (name, run) => {
    const before = memory().tensors;
    scope(() => {
      const plainly = withPlainKernels(() => inferenceMode(run));
      const [fused, plain] = [inferenceMode(run), plainly].map((t) => t.toNumbers()) as [number[], number[]];
      const within = name === "rotary positions" ? 0 : dtype === "float32" ? 1e-6 : 8e-3;
      for (const [i, value] of plain.entries())
        expect(Math.abs((fused[i] as number) - value)).toBeLessThanOrEqual(within * Math.abs(value));
    });
    expect(memory().tensors).toBe(before);
  });

  test.each(Object.entries(ways))("%s in training: libtorch's operators, recorded or not", (name, run) => {
    scope(() => {
      const unrecorded = noGrad(run).toNumbers();
      expect(withGrad(run).toNumbers()).toEqual(unrecorded);
      // Rotary positions of float32 go in steps of their own.
      if (name !== "rotary positions") expect(withPlainKernels(() => noGrad(run)).toNumbers()).toEqual(unrecorded);
    });
  });
});

describe("REDIFF_KERNELS", () => {
  // Every test asks a module that has not decided yet.
  beforeEach(() => vi.resetModules());
  afterEach(() => vi.unstubAllEnvs());
  const kernels = (setting: string) => {
    vi.stubEnv("REDIFF_KERNELS", setting);
    return import("./kernels.js");
  };

  test("turns the fast kernels off for a whole process", async () => {
    const { isPlain, withPlainKernels } = await kernels("plain");
    expect(isPlain()).toBe(true);
    withPlainKernels(() => expect(isPlain()).toBe(true));
    expect(isPlain()).toBe(true);
  });

  test("without it they are on, but within withPlainKernels", async () => {
    const { isPlain, withPlainKernels } = await kernels("");
    expect(isPlain()).toBe(false);
    withPlainKernels(() => expect(isPlain()).toBe(true));
    expect(isPlain()).toBe(false);
  });

  test.each(["aten", "onednn"])("%s chooses the products", async (name) => {
    const { floatLinearKernel, isPlain } = await kernels(name);
    expect([floatLinearKernel(), isPlain()]).toEqual([name, false]);
  });

  test("head-whole and unfused turn off what goes in pieces, and at once", async () => {
    const usual = await kernels("aten");
    expect(usual.isHeadWhole()).toBe(false);
    vi.resetModules();
    const { isHeadWhole, isPlain, rmsNorm } = await kernels("head-whole,unfused");
    expect([isHeadWhole(), isPlain()]).toEqual([true, false]);
    scope(() => {
      using generator = new Generator(1);
      const [x, weight] = [randn([9, 512], generator), randn([512], generator)];
      const one = () => rmsNorm(x, weight, 1e-5);
      expect(inferenceMode(one).toNumbers()).toEqual(noGrad(one).toNumbers());
    });
  });

  test("another value is an error that names the right ones", async () => {
    const { isPlain } = await kernels("fast");
    expect(isPlain).toThrow(/REDIFF_KERNELS is "fast"/);
  });
});
