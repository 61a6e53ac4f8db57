import { afterEach, beforeEach, expect, test, vi } from "vitest";

// Every test asks a module that has not decided yet.
beforeEach(() => vi.resetModules());
afterEach(() => vi.unstubAllEnvs());
const kernels = (setting: string) => {
  vi.stubEnv("REDIFF_KERNELS", setting);
  return import("./kernels.js");
};

test("REDIFF_KERNELS turns the fast kernels off for a whole process", async () => {
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

test.each(["aten", "onednn"])("REDIFF_KERNELS=%s chooses the products", async (name) => {
  const { floatLinearKernel, isPlain } = await kernels(name);
  expect([floatLinearKernel(), isPlain()]).toEqual([name, false]);
});

test("another value is an error that names the right ones", async () => {
  const { isPlain } = await kernels("fast");
  expect(isPlain).toThrow(/REDIFF_KERNELS is "fast"/);
});
