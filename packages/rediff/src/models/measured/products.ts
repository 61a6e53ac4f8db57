/** Ways to multiply matrices and to attend that give the same numbers up to rounding: which is the fastest depends on the
 *  processor (kernel-choice.ts).
 *  R rows, I inputs, O outputs, B batch, N heads, L positions, H head width. */
import {
  linear as atenLinear,
  call,
  cat,
  isRecording,
  oneDnnLinear,
  scaledDotProductAttention,
  schemaOf,
  scope,
  type Tensor,
  widenedKernels,
} from "@rediff/torch";

/** x w^T + b: [..., I], [O, I] -> [..., O] */
export type Product = (x: Tensor, weight: Tensor, bias?: Tensor) => Tensor;

export const linearKernels = ["aten", "onednn"] as const;
export type LinearKernel = (typeof linearKernels)[number];

/** libtorch's own is MKL's on x86; oneDNN's has its gradients through oneDNN, too. */
export const floatProducts: Readonly<Record<LinearKernel, Product>> = {
  aten: (x, weight, bias) => atenLinear(x, weight, bias),
  onednn: (x, weight, bias) =>
    isRecording()
      ? oneDnnLinear(x, weight, bias)
      : (call("mkldnn::_linear_pointwise", x, weight, bias, "none", [], "") as Tensor),
};

let isOneDnnThere: boolean | undefined;

/** Whether libtorch was built with it. */
export function hasOneDnn(): boolean {
  isOneDnnThere ??= isKnown("mkldnn::_linear_pointwise");
  return isOneDnnThere;
}

function isKnown(operator: string): boolean {
  try {
    schemaOf(operator);
    return true;
  } catch {
    return false;
  }
}

/** Weights that are float32 at a time: 16 MB, so that a head of gigabytes is never there twice, most of it is multiplied
 *  out of a cache, and the allocator keeps the memory for the next part. */
const WIDENED_ELEMENTS = 4 * 2 ** 20;

/** The same for bfloat16 where the processor cannot multiply it: operands become float32 exactly, a layer's weight at a
 *  time or less, are multiplied and added up in float32, bias included, and the result is rounded to bfloat16 once.
 *  bfloat16 kernels do the same in another order. */
export function throughFloat32(x: Tensor, weight: Tensor, bias: Tensor | undefined, product: Product): Tensor {
  return scope(() => {
    const wide = x.to({ dtype: "float32" });
    const wideBias = bias?.to({ dtype: "float32" });
    const [outputs = 0, inputs = 0] = weight.shape;
    const most = Math.max(16, Math.floor(WIDENED_ELEMENTS / Math.max(1, inputs)));
    const parts: Tensor[] = [];
    for (let first = 0; first === 0 || first < outputs; first += most) {
      const count = Math.min(most, outputs - first);
      parts.push(
        scope(() =>
          product(wide, weight.narrow(0, first, count).to({ dtype: "float32" }), wideBias?.narrow(0, first, count)).to({
            dtype: x.dtype,
          }),
        ),
      );
    }
    return parts.length === 1 ? (parts[0] as Tensor) : cat(parts, -1);
  });
}

let areTilesThere: boolean | undefined;

/** Whether the addon multiplies bfloat16 in float32 tile by tile in more than plain steps (`widenedLinear`). */
export function hasTiles(): boolean {
  areTilesThere ??= widenedKernels()[0] !== "plain";
  return areTilesThere;
}

export const attentionKernels = ["fused", "products"] as const;
export type AttentionKernel = (typeof attentionKernels)[number];

/** softmax(q k^T / sqrt(H)) v: [B, N, R, H], [B, N, L, H] -> [B, N, R, H] */
export const attentions: Readonly<Record<AttentionKernel, (q: Tensor, k: Tensor, v: Tensor) => Tensor>> = {
  fused: (q, k, v) => scaledDotProductAttention(q, k, v),
  products: attentionInProducts,
};

/** The same for bfloat16 in float32, which is exact but for the one rounding of the result. */
export function attendThroughFloat32(q: Tensor, k: Tensor, v: Tensor, kernel: AttentionKernel): Tensor {
  return scope(() => {
    const [wideQ, wideK, wideV] = [q, k, v].map((x) => x.to({ dtype: "float32" })) as [Tensor, Tensor, Tensor];
    return attentions[kernel](wideQ, wideK, wideV).to({ dtype: q.dtype });
  });
}

/** Scores that are there at a time: 64 MB of float32. */
const SCORE_ELEMENTS = 16 * 2 ** 20;

/** Whole scores of some heads at a time, by two matrix products. */
function attentionInProducts(q_BNRH: Tensor, k_BNLH: Tensor, v_BNLH: Tensor): Tensor {
  const [batch = 1, heads = 1, rows = 0, width = 1] = q_BNRH.shape;
  const scores = Math.max(1, batch * rows * k_BNLH.size(2));
  const together = Math.max(1, Math.min(heads, Math.floor(SCORE_ELEMENTS / scores)));
  return scope(() => {
    const parts: Tensor[] = [];
    for (let first = 0; first < heads; first += together) {
      const some = (x: Tensor): Tensor => x.narrow(1, first, Math.min(together, heads - first));
      parts.push(
        scope(() => {
          const scores_BNRL = some(q_BNRH)
            .mul(1 / Math.sqrt(width))
            .matmul(some(k_BNLH).transpose(2, 3));
          return scores_BNRL.softmax(-1).matmul(some(v_BNLH));
        }),
      );
    }
    return parts.length === 1 ? (parts[0] as Tensor) : cat(parts, 1);
  });
}
