/** The moving average of weights. */
import { expect } from "vitest";
import { memory, scope, type Tensor, tensor } from "../index.js";
import { test } from "../testing/test.js";
import { Ema } from "./ema.js";
import type { Parameter } from "./parameter.js";

const parameter = (weight: Tensor): Parameter => ({
  name: "w",
  weight,
  gradient: undefined,
});

test("is d e + (1 - d) w after every step, from the weights as they were", () => {
  using weight = tensor([1, -2], { dtype: "float64" });
  using ema = new Ema([parameter(weight)], { decay: 0.75 });
  let wanted = [1, -2];
  for (let step = 1; step < 5; step++) {
    weight.mul_(-1.5);
    ema.update();
    wanted = wanted.map((e, i) => 0.75 * e + 0.25 * (weight.toNumbers()[i] as number));
    for (const [i, value] of (ema.average("w") as Tensor).toNumbers().entries())
      expect(value).toBeCloseTo(wanted[i]!, 14);
  }
  expect(ema.average("other")).toBeUndefined();
});

test("is kept in float32 for 16-bit weights, and follows the better source", () => {
  using weight = tensor([1], { dtype: "bfloat16" });
  using master = tensor([1.0001]);
  using ema = new Ema([parameter(weight)], { decay: 0.999, source: () => master });
  expect(ema.average("w")!.dtype).toBe("float32");
  expect(ema.average("w")!.toNumbers()).toEqual(master.toNumbers());
  master.add_(1);
  ema.update();
  expect(ema.average("w")!.toNumbers()[0]).toBeCloseTo(1.0011, 6);
});

test("goes on from its exported state", () => {
  using weight = tensor([1, 2]);
  using first = new Ema([parameter(weight)], { decay: 0.5 });
  weight.add_(4);
  first.update();
  using second = new Ema([parameter(weight)], { decay: 0.5 });
  second.importState(first.exportState());
  for (const ema of [first, second]) ema.update();
  expect(second.average("w")!.toNumbers()).toEqual(first.average("w")!.toNumbers());
  scope(() => expect(() => second.importState(new Map([["ema/w", tensor([1])]]))).toThrow(/no moving average of w/));
});

test("updates leave nothing behind", () => {
  using weight = tensor([1, 2], { dtype: "bfloat16" });
  using ema = new Ema([parameter(weight)], { decay: 0.5 });
  const before = memory().tensors;
  for (let i = 0; i < 10; i++) ema.update();
  expect(memory().tensors).toBe(before);
});
