/** What tensors are said to hold: to the caller, and to V8. */
import { beforeEach, describe, expect } from "vitest";
import { fromBuffer, memory, ones, scope, tensor, zeros } from "./index.js";
import { native } from "./native.js";
import { test } from "./testing/test.js";

describe("memory", () => {
  test("counts each storage once", ({ memoryAtStart, left }) => {
    using x = ones([10], { dtype: "float64" });
    using _y = x.view([5, 2]);
    using _z = x.alias();
    expect(left()).toBe(3);
    expect(memory().bytes - memoryAtStart.bytes).toBe(80);
  });

  test("borrowed arrays count", ({ memoryAtStart }) => {
    using _x = fromBuffer(new Float32Array(8), [8]);
    expect(memory().bytes - memoryAtStart.bytes).toBe(32);
  });

  test("tensor() leaves nothing behind", ({ memoryAtStart }) => {
    tensor([[1, 2]], { dtype: "float64" }).dispose();
    tensor([[1, 2]], { dtype: "int64" }).dispose();
    tensor([true]).dispose();
    expect(memory()).toEqual(memoryAtStart);
  });
});

describe("what V8 is told of native memory", () => {
  const megabytes = (): number => Math.round((native.memory()[2] - reported) / 1e6);
  let reported = 0;
  beforeEach(() => {
    reported = native.memory()[2];
  });

  test("a large storage counts once, for as long as any view lives", () => {
    const big = zeros([100, 2500]);
    const [a, b] = [big.narrow(0, 0, 1), big.alias()];
    expect(megabytes()).toBe(1);
    big.dispose();
    b.dispose();
    expect(megabytes()).toBe(1);
    a.dispose();
    expect(megabytes()).toBe(0);
  });

  test("small tensors count as well", () => {
    scope(() => {
      const many = Array.from({ length: 1000 }, () => zeros([250]));
      for (const t of many) t.view([-1]);
      expect(megabytes()).toBe(1);
    });
    expect(native.memory()[2]).toBe(reported);
  });

  test("borrowed arrays do not: V8 knows them", () => {
    using _x = fromBuffer(new Float32Array(1e6), [1e6]);
    expect(megabytes()).toBe(0);
  });
});
