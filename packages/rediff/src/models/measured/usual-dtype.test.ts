import type { Device } from "@rediff/torch";
import { expect, test } from "vitest";
import { usualDtype } from "./usual-dtype.js";

const gpu = (major: number, minor: number) => () => ({ major, minor });
const unknown = () => undefined;

test.each([
  ["a CPU", "cpu", false, unknown, "float32"],
  ["Apple's GPU", "mps", false, unknown, "bfloat16"],
  ["a GPU that multiplies bfloat16", "cuda", false, gpu(8, 0), "bfloat16"],
  ["a later one, rounded", "cuda:1", true, gpu(12, 0), "bfloat16"],
  ["a GPU whose driver says nothing", "cuda", false, unknown, "bfloat16"],
] as const)("%s: %s, rounded %s", (_, device, isRounded, capabilityOf, dtype) => {
  expect(usualDtype(device as Device, isRounded, capabilityOf)).toEqual({ dtype });
});

test("a GPU that does not multiply bfloat16 has float16, or float32 where weights are rounded, and says so", () => {
  expect(usualDtype("cuda:0", false, gpu(7, 5))).toEqual({
    dtype: "float16",
    note: "cuda:0 does not multiply bfloat16 (compute capability 7.5): float16, whose numbers end at 65,504; dtype float32 is safe, and slower",
  });
  expect(usualDtype("cuda:0", true, gpu(7, 0))).toEqual({
    dtype: "float32",
    note: "cuda:0 does not multiply bfloat16 (compute capability 7.0), and rounded weights do not go with float16: float32",
  });
});
