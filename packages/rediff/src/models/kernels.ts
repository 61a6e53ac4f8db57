/** Linear layers, attention and elementwise operators of forward passes: the same numbers up to rounding, by the fastest
 *  way that the moment allows.
 *
 *  - Products and attention on a CPU go by what was measured on this processor to be the fastest (measured/kernel-choice.ts):
 *    float32 by libtorch's own kernels or oneDNN's, both in full float32; bfloat16 as it is or, where the processor has no
 *    units for it, by way of float32. So do the products of gradients.
 *  - While nothing is recorded for gradients, results overwrite the temporaries they come from: memory traffic is what
 *    elementwise operators cost. The functions that may do so end in an underscore, and whether they did or not, their
 *    first argument is used up: its handle is closed, and touching it again is an error.
 *  - In inference on a CPU several operators go in one pass over memory, by the addon's own kernels: the norm, rotary
 *    positions, silu(gate) * up; and the head by pieces of the vocabulary (diffusion/head). Training has libtorch's operators
 *    throughout, also where it records nothing: its losses depend on no kernel of ours.
 *  `withPlainKernels` turns all of it off: that is the yardstick. REDIFF_KERNELS does for a whole process, or forces
 *  single kernels. */
import {
  linear as atenLinear,
  cat,
  type Device,
  type DType,
  Float8Weight,
  float8Linear,
  float8Linears,
  fusedRmsNorm,
  hasFastFusedKernels,
  isInference,
  isRecording,
  QuantizedWeight,
  quantizedLinear,
  rotateHalves_,
  scaledDotProductAttention,
  siluMul_,
  Tensor,
  take,
  widenedLinear,
} from "@rediff/torch";
import { repeatHeads } from "./heads.js";
import { hasFlash } from "./measured/flash-attention.js";
import {
  attentionKernel,
  bfloat16ProductFor,
  isBfloat16GateFused,
  isSetAttentionEach,
  isSetGraphs,
  isSetHeadWhole,
  isSetPlain,
  isSetUnfused,
  linearKernelFor,
  widensAttention,
} from "./measured/kernel-choice.js";
import {
  attendThroughFloat32,
  attentions,
  floatProducts,
  type LinearKernel,
  type Product,
  throughFloat32,
} from "./measured/products.js";
import type { RoundedWeight } from "./quantization.js";

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
  plain ??= isSetPlain();
  return plain;
}

/** Below this many multiplications another kernel costs more to set up than it saves. */
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
export type StoredWeight = Tensor | RoundedWeight;

export type LinearWeight = StoredWeight | LowRank;

/** x w^T + b: [..., I] and [O, I] -> [..., O] */
export function linear(x: Tensor, weight: LinearWeight, bias?: Tensor): Tensor {
  if (weight instanceof Tensor) return product(x, weight, bias);
  if (weight instanceof QuantizedWeight) return quantizedLinear(x, weight, bias, isPlain() ? "plain" : undefined);
  if (weight instanceof Float8Weight) return float8Linear(x, weight, bias);
  // By way of the rank, so that W's own gradient is never computed.
  const correction = product(product(x, weight.down), weight.up);
  return product(x, weight.weight, bias).add(correction, { alpha: weight.scale });
}

/** `linear` with two weights: what rounds rows for it, rounds them once. */
export function linearPair(x: Tensor, first: LinearWeight, second: LinearWeight): [Tensor, Tensor] {
  if (first instanceof Float8Weight && second instanceof Float8Weight)
    return float8Linears(x, [first, second]) as [Tensor, Tensor];
  return [linear(x, first), linear(x, second)];
}

function product(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const [outputs = 0, inputs = 0] = weight.shape;
  if (isPlain() || x.device !== "cpu" || x.numel * outputs < WORTHWHILE) return atenLinear(x, weight, bias);
  const rows = x.numel / Math.max(1, inputs);
  if (x.dtype === "float32") return floatProducts[linearKernelFor(rows)](x, weight, bias);
  if (x.dtype !== "bfloat16") return atenLinear(x, weight, bias);
  switch (bfloat16ProductFor(rows, isInference())) {
    case "native":
      return atenLinear(x, weight, bias);
    case "float32":
      return throughFloat32(x, weight, bias, floatProduct(rows));
    case "tiles":
      return widenedLinear(x, weight, bias);
  }
}

/** By the number of rows. */
const floatProduct = (rows: number): Product => floatProducts[linearKernelFor(rows)];

/** Which products this process uses for float32 on the CPU. */
export const floatLinearKernel = (rows = Number.POSITIVE_INFINITY): LinearKernel => linearKernelFor(rows);

/** Whether flash attention computes on a device, and is wanted: in inference. Such a device takes grouped heads as they are,
 *  and sequences of different lengths in one call (packed-attention.ts). */
export const takesFlash = ({ device, dtype }: { device: Device; dtype: DType }, headWidth: number): boolean =>
  device !== "cpu" && isInference() && !isPlain() && !isSetAttentionEach() && hasFlash(device, dtype, headWidth);

/** softmax(q k^T / sqrt(H) + mask) v: [B, N, R, H], [B, K, L, H] -> [B, N, R, H]. Of K heads, which divide N, each is seen
 *  by N / K. */
export function dotAttention(q_BNRH: Tensor, k_BKLH: Tensor, v_BKLH: Tensor, mask?: Tensor): Tensor {
  const groups = q_BNRH.size(1) / k_BKLH.size(1);
  if (groups > 1 && mask === undefined && takesFlash(q_BNRH, q_BNRH.size(3)))
    return scaledDotProductAttention(q_BNRH, k_BKLH, v_BKLH, undefined, 0, false, { enableGqa: true });
  return evenAttention(q_BNRH, repeatHeads(k_BKLH, groups), repeatHeads(v_BKLH, groups), mask);
}

function evenAttention(q_BNRH: Tensor, k_BNLH: Tensor, v_BNLH: Tensor, mask: Tensor | undefined): Tensor {
  const mayChoose =
    mask === undefined &&
    !isPlain() &&
    q_BNRH.device === "cpu" &&
    q_BNRH.numel * k_BNLH.size(2) >= WORTHWHILE &&
    !isRecording();
  if (mayChoose && q_BNRH.dtype === "float32") return attentions[attentionKernel()](q_BNRH, k_BNLH, v_BNLH);
  if (mayChoose && q_BNRH.dtype === "bfloat16" && widensAttention(q_BNRH.size(2)))
    return attendThroughFloat32(q_BNRH, k_BNLH, v_BNLH, attentionKernel());
  return scaledDotProductAttention(q_BNRH, k_BNLH, v_BNLH, mask);
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

/** silu(gate) * up; `gate` is used up. */
export function gated_(gate: Tensor, up: Tensor): Tensor {
  const isOwn = isFused(gate) && (gate.dtype === "float32" || gate.numel < WORTHWHILE || isBfloat16GateFused());
  return isOwn ? take(siluMul_(gate, up)) : mul_(silu_(gate), up);
}

/** x / sqrt(mean(x^2) + eps) in float32, cast back, then times the weight: [..., D] */
export function rmsNorm(x: Tensor, weight_D: Tensor, eps: number): Tensor {
  const dtype = x.dtype;
  if (isFused(x) && weight_D.dtype === dtype) return fusedRmsNorm(x, weight_D, eps);
  const wide = dtype === "float32" || dtype === "float64" ? x : x.to({ dtype: "float32" });
  const normed = wide.mul(wide.square().mean([-1], true).add(eps).rsqrt());
  return mul_(normed.dtype === dtype ? normed : normed.to({ dtype }), weight_D);
}

/** Pairs (x_j, x_{j + H/2}) turned by their angles: [B, N, L, H], tables [B or 1, 1, L, H]; `x` is used up.
 *
 *  By operators, float32 halves are added into one result, with a third of the memory traffic; narrower dtypes take the
 *  reference's steps, because there each step rounds. */
export function turn_(x_BNLH: Tensor, cos: Tensor, sin: Tensor): Tensor {
  if (isFused(x_BNLH) && cos.dtype === x_BNLH.dtype) return take(rotateHalves_(x_BNLH, cos, sin));
  const half = x_BNLH.size(-1) / 2;
  const first_BNLh = x_BNLH.narrow(-1, 0, half);
  const second_BNLh = x_BNLH.narrow(-1, half, half);
  if (isPlain() || (x_BNLH.dtype !== "float32" && x_BNLH.dtype !== "float64"))
    return usedUp(x_BNLH, x_BNLH.mul(cos).add(cat([second_BNLh.neg(), first_BNLh], -1).mul(sin)));
  const rotated_BNLH = x_BNLH.mul(cos);
  rotated_BNLH.narrow(-1, 0, half).addcmul_(second_BNLh, sin.narrow(-1, 0, half), { value: -1 });
  rotated_BNLH.narrow(-1, half, half).addcmul_(first_BNLh, sin.narrow(-1, half, half));
  return usedUp(x_BNLH, rotated_BNLH);
}

/** Whether the addon's kernels of several operators take it. */
const isFused = ({ device, dtype }: Tensor): boolean =>
  isInference() &&
  device === "cpu" &&
  (dtype === "float32" || dtype === "bfloat16") &&
  !isPlain() &&
  !isSetUnfused() &&
  hasFastFusedKernels();

/** Whether passes are to be captured and replayed, on devices that have graphs. */
export const wantsGraphs = (): boolean => isSetGraphs() && !isPlain();

/** Whether the head computes all logits at once, by libtorch's operators. */
export const isHeadWhole = (): boolean => isPlain() || isSetHeadWhole();

/** gelu(x); `x` is used up. */
export function gelu_(x: Tensor, approximate: "none" | "tanh"): Tensor {
  return mayOverwrite() ? take(x.gelu_({ approximate })) : usedUp(x, x.gelu({ approximate }));
}

function usedUp(x: Tensor, result: Tensor): Tensor {
  x.dispose();
  return result;
}
