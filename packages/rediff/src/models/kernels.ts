/** Linear layers and elementwise operators of forward passes: the same numbers up to rounding, by the fastest way that
 *  the moment allows.
 *
 *  - Float32 products on a CPU go through oneDNN where MKL is not at home: on AMD processors MKL's run at half of
 *    oneDNN's speed (docs/benchmarks.md). Both are full float32. So do the products of gradients.
 *  - While nothing is recorded for gradients, results overwrite the temporaries they come from: memory traffic is what
 *    elementwise operators cost. The functions that may do so end in an underscore, and whether they did or not, their
 *    first argument is used up: its handle is closed, and touching it again is an error.
 *  `withPlainKernels` turns all of it off: that is the yardstick.
 *
 *  REDIFF_KERNELS sets it for a whole process, to test what another processor would do: "plain" as if everything were in
 *  `withPlainKernels`, "aten" or "onednn" for the float32 products of the one or the other kind of processor. */
import os from "node:os";
import {
  linear as atenLinear,
  call,
  isRecording,
  oneDnnLinear,
  QuantizedWeight,
  quantizedLinear,
  schemaOf,
  Tensor,
  take,
} from "@rediff/torch";
import { UserError } from "../errors.js";

export type LinearKernel = "aten" | "onednn";

let linearKernel: LinearKernel | undefined;
let plain: boolean | undefined;

/** Runs `body` on libtorch's own operators only, each result in memory of its own. */
export function withPlainKernels<T>(body: () => T): T {
  const before = isPlain();
  plain = true;
  try {
    return body();
  } finally {
    plain = before;
  }
}

/** Whether `withPlainKernels` is in force. */
export function isPlain(): boolean {
  plain ??= kernelsSetting() === "plain";
  return plain;
}

const SETTINGS = ["plain", "aten", "onednn"] as const;

/** @throws UserError for another value than those */
function kernelsSetting(): (typeof SETTINGS)[number] | undefined {
  const value = process.env.REDIFF_KERNELS;
  if (!value) return undefined;
  const setting = SETTINGS.find((name) => name === value);
  if (setting === undefined)
    throw new UserError(`REDIFF_KERNELS is "${value}"`, `Use one of ${SETTINGS.join(", ")}, or unset it.`);
  return setting;
}

/** Which products this process uses for float32 on the CPU. */
export function floatLinearKernel(): LinearKernel {
  linearKernel ??= chooseLinearKernel();
  return linearKernel;
}

function chooseLinearKernel(): LinearKernel {
  const setting = kernelsSetting();
  if (setting === "aten" || !hasOneDnn()) return "aten";
  return setting === "onednn" || !os.cpus()[0]?.model.includes("Intel") ? "onednn" : "aten";
}

function hasOneDnn(): boolean {
  try {
    schemaOf("mkldnn::_linear_pointwise");
    return true;
  } catch {
    return false;
  }
}

/** Below this many multiplications setting oneDNN up costs more than it saves. */
const WORTHWHILE = 1 << 22;

/** A weight W [O, I] and the correction that is trained in its place: W + scale * up down, of rank r
 *  (LoRA, arXiv 2106.09685). */
export interface LowRank {
  weight: Tensor;
  down: Tensor; // [r, I]
  up: Tensor; // [O, r]
  scale: number;
}

/** As a model holds it: rounded or not. */
export type StoredWeight = Tensor | QuantizedWeight;

export type LinearWeight = StoredWeight | LowRank;

/** x w^T + b: [..., I] and [O, I] -> [..., O] */
export function linear(x: Tensor, weight: LinearWeight, bias?: Tensor): Tensor {
  if (weight instanceof Tensor) return product(x, weight, bias);
  if (weight instanceof QuantizedWeight) return quantizedLinear(x, weight, bias, isPlain() ? "plain" : undefined);
  // By way of the rank, so that W's own gradient is never computed.
  const correction = product(product(x, weight.down), weight.up);
  return product(x, weight.weight, bias).add(correction, { alpha: weight.scale });
}

function product(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  if (!suitsOneDnn(x, weight.size(0))) return atenLinear(x, weight, bias);
  return isRecording()
    ? oneDnnLinear(x, weight, bias)
    : (call("mkldnn::_linear_pointwise", x, weight, bias, "none", [], "") as Tensor);
}

function suitsOneDnn(x: Tensor, outputs: number): boolean {
  return (
    !isPlain() &&
    floatLinearKernel() === "onednn" &&
    x.dtype === "float32" &&
    x.device === "cpu" &&
    x.numel * outputs >= WORTHWHILE
  );
}

/** What comes back through y = x w^T to x: [R, O] and [O, I] -> [R, I]. Not recorded. */
export function linearInputGradient(gradient: Tensor, weight: Tensor): Tensor {
  return product(gradient, weight.t());
}

/** And to w: [R, O] and [R, I] -> [O, I]. Not recorded. */
export function linearWeightGradient(gradient: Tensor, x: Tensor): Tensor {
  return product(gradient.t(), x.t());
}

const mayOverwrite = (): boolean => !isPlain() && !isRecording();

/** silu(x); `x` is used up. */
export function silu_(x: Tensor): Tensor {
  return mayOverwrite() ? take(x.silu_()) : usedUp(x, x.silu());
}

/** x * y; `x` is used up. */
export function mul_(x: Tensor, y: Tensor): Tensor {
  return mayOverwrite() ? take(x.mul_(y)) : usedUp(x, x.mul(y));
}

/** x + y; `x` is used up. */
export function add_(x: Tensor, y: Tensor): Tensor {
  return mayOverwrite() ? take(x.add_(y)) : usedUp(x, x.add(y));
}

/** gelu(x); `x` is used up. */
export function gelu_(x: Tensor, approximate: "none" | "tanh"): Tensor {
  return mayOverwrite() ? take(x.gelu_({ approximate })) : usedUp(x, x.gelu({ approximate }));
}

function usedUp(x: Tensor, result: Tensor): Tensor {
  x.dispose();
  return result;
}
