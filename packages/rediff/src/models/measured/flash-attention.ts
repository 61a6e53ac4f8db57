/** Flash attention (arXiv 2307.08691) of sequences that lie end to end, where the device has it: CUDA's, from Ampere on, in
 *  float16 and bfloat16. libtorch's operator for it, without a mask, dropout or an order in time.
 *  S sequences, R rows that ask, L positions that are seen, N query heads, K key-value heads, H head width. */
import { call, type Device, type DType, fromBuffer, refusalOf, scope, type Tensor, upload, zeros } from "@rediff/torch";

/** Where sequences begin that lie end to end. */
export interface Starts {
  /** The first row of each, and where the last one ends: int32 [S + 1], on the device */
  cumulative: Tensor;
  /** Rows of the longest. */
  longest: number;
}

/** softmax(q k^T / sqrt(H)) v within each sequence: [R, N, H], [L, K, H] -> [R, N, H]; the last dimension has to be dense.
 *  K divides N. @throws where there is no such kernel (`hasFlash`) */
export function flashAttention(q_RNH: Tensor, k_LKH: Tensor, v_LKH: Tensor, asking: Starts, seen: Starts): Tensor {
  return scope(() => {
    const settings = [asking.longest, seen.longest, 0, false, false]; // no dropout, no causal mask, no scores to look at
    const found = call(
      "aten::_flash_attention_forward",
      ...[q_RNH, k_LKH, v_LKH, asking.cumulative, seen.cumulative],
      ...settings,
    );
    return (found as Tensor[])[0] as Tensor;
  });
}

/** What was found by trying. */
const found = new Map<string, boolean>();

/** Whether `flashAttention` computes on this device. It is tried once for each dtype and width: which processors and widths
 *  a build of libtorch has kernels for, it does not tell.
 *  @throws when it could not be found out, as when memory has run out: the next call tries anew */
export function hasFlash(device: Device, dtype: DType, width: number): boolean {
  if (device === "cpu") return false;
  const key = `${device} ${dtype} ${width}`;
  let has = found.get(key);
  if (has === undefined) {
    has = isComputed(device, dtype, width);
    found.set(key, has);
  }
  return has;
}

function isComputed(device: Device, dtype: DType, width: number): boolean {
  return scope(() => {
    const x_3NH = zeros([3, 2, width], { dtype, device });
    const starts = { cumulative: upload(fromBuffer(Int32Array.of(0, 1, 3), [3]), device), longest: 2 };
    const what = `${device} has flash attention in ${dtype} for heads of ${width} (REDIFF_KERNELS=attention-each does without)`;
    // Reading waits for the kernel, so that what goes wrong in it goes wrong here.
    const attend = () => void flashAttention(x_3NH, x_3NH, x_3NH, starts, starts).to({ device: "cpu" });
    return refusalOf(what, attend) === undefined;
  });
}
