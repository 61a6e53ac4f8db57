/** Attention heads as a dimension of their own.
 *  B batch, L positions, N query heads, K key-value heads, H head width. */
import type { Tensor } from "@rediff/torch";

/** [B, L, N*H] -> [B, N, L, H], without a copy */
export function splitHeads(x_BLD: Tensor, headDim: number): Tensor {
  const [batch = 1, length = 0] = x_BLD.shape;
  return x_BLD.view([batch, length, -1, headDim]).transpose(1, 2);
}

/** [B, N, L, H] -> [B, L, N*H] */
export function mergeHeads(x_BNLH: Tensor): Tensor {
  const [batch = 1, , length = 0] = x_BNLH.shape;
  return x_BNLH.transpose(1, 2).reshape([batch, length, -1]);
}

/** Gives every query head its key-value head: [B, K, L, H] -> [B, K*times, L, H] */
export function repeatHeads(x_BKLH: Tensor, times: number): Tensor {
  if (times === 1) return x_BKLH;
  const [batch = 1, heads = 1, length = 0, width = 0] = x_BKLH.shape;
  return x_BKLH
    .unsqueeze(2)
    .expand([batch, heads, times, length, width])
    .reshape([batch, heads * times, length, width]);
}
