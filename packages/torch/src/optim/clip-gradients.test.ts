/** Clipping against Python's torch (test/optim.json). */
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { scope, type Tensor, tensor } from "../index.js";
import { test } from "../testing/test.js";
import { clipGradients, dropGradients, gradientNorm, nonFiniteGradients } from "./clip-gradients.js";

const python = JSON.parse(readFileSync(new URL("../../test/optim.json", import.meta.url), "utf8")) as {
  clipping: Record<string, { norm: number; gradients: number[][] }>;
};

/** The gradients of make_fixtures.py, and a parameter without one. */
function parameters(): { name: string; gradient: Tensor | undefined }[] {
  const filled = [12, 5, 4].map((count, i) => ({
    name: `p${i}`,
    gradient: tensor(Array.from({ length: count }, (_, j) => (((j * 37 + (i + 3) * 11) % 127) - 63) / 64)),
  }));
  return [...filled, { name: "without", gradient: undefined }];
}

test.each(["5", "0.25"])("clipping to a norm of %s gives Python's gradients", (maxNorm) => {
  const list = parameters();
  const { norm, gradients } = python.clipping[maxNorm] as { norm: number; gradients: number[][] };
  expect(clipGradients(list, Number(maxNorm))).toBeCloseTo(norm, 6);
  for (const [i, wanted] of gradients.entries())
    for (const [j, value] of list[i]!.gradient!.toNumbers().entries())
      expect(Math.abs(value - (wanted[j] as number))).toBeLessThan(1e-6);
  dropGradients(list);
  expect(list.every(({ gradient }) => gradient === undefined)).toBe(true);
});

test.each([Number.POSITIVE_INFINITY, Number.NaN])("%s somewhere: the norm says so, and nothing is scaled", (bad) => {
  const list = parameters();
  scope(() => void list[1]?.gradient?.narrow(0, 2, 1).fill_(bad));
  const before = list[0]?.gradient?.toNumbers();
  expect(Number.isFinite(clipGradients(list, 0.01))).toBe(false);
  expect(list[0]?.gradient?.toNumbers()).toEqual(before);
  expect(nonFiniteGradients(list)).toEqual(["p1"]);
  dropGradients(list);
});

test("a norm beyond float32 is not finite", () => {
  const gradient = tensor([3e38, 3e38]);
  expect(gradientNorm([{ name: "big", gradient }])).toBe(Number.POSITIVE_INFINITY);
  gradient.dispose();
});

test("no gradients have norm 0", () => {
  expect(clipGradients([{ name: "a", gradient: undefined }], 1)).toBe(0);
});
