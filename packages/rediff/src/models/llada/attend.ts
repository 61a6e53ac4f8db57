/** Scaled dot-product attention under a `Visibility`, and of some positions only.
 *  B batch, L positions, R positions that ask, N query heads, K key-value heads, H head width, S segments. */
import { cat, type Tensor } from "@rediff/torch";
import { dotAttention } from "../kernels.js";
import { attendPacked, isPackable } from "../packed-attention.js";
import type { Visibility } from "./visibility.js";

/** Some of a sequence's positions, in order. `perSegment[i]` of them lie in segment i. */
export interface Positions {
  index: Tensor; // int64 [R]
  perSegment: readonly number[];
}

/** Keys, rotated, and values of a segment: [1, K, L, H] each. */
export interface KeyValues {
  keys: Tensor;
  values: Tensor;
}

/** What segments see: each its own, or what lies end to end, of sequences of these lengths. */
export type SeenKeyValues = { each: readonly KeyValues[] } | { together: KeyValues; lengths: readonly number[] };

/** Only these positions of a sequence: [B, L, ...] -> [B, R, ...]; all of them where none are named. */
export function at(x: Tensor, positions: Positions | undefined, dim = 1): Tensor {
  return positions === undefined ? x : x.indexSelect(dim, positions.index);
}

/** softmax(q k^T / sqrt(H) + mask) v: [B, N, R, H].
 *  Without padding no mask is passed at all, not even one of zeros: that would rule out the flash kernel.
 *  @param asking the positions of the queries; default all */
export function attend(
  q_BNRH: Tensor,
  k_BKLH: Tensor,
  v_BKLH: Tensor,
  { segments, mask, packed }: Visibility,
  asking: Positions | undefined,
): Tensor {
  if (segments === undefined || segments.length === 1) {
    const mask_B1RL = mask === undefined || mask.size(2) === 1 ? mask : at(mask, asking, 2);
    return dotAttention(q_BNRH, k_BKLH, v_BKLH, mask_B1RL);
  }
  const queries = asking?.perSegment ?? segments;
  const length = segments[0] ?? 0;
  if (segments.every((own, i) => own === length && queries[i] === length)) {
    const own = (x_1NLH: Tensor) => segmentsAsBatch(x_1NLH, length);
    const attended_NSLH = dotAttention(own(q_BNRH), own(k_BKLH), own(v_BKLH)).transpose(0, 1);
    return attended_NSLH.reshape([1, q_BNRH.size(1), q_BNRH.size(2), q_BNRH.size(3)]);
  }
  if (packed !== undefined && isPackable(queries))
    return attendPacked(q_BNRH, [k_BKLH, v_BKLH], { lengths: packed, queries, seen: segments });
  // Cut all at once, so that gradients are joined all at once.
  const [qs, ks, vs] = [
    q_BNRH.splitWithSizes(queries, 2),
    k_BKLH.splitWithSizes(segments, 2),
    v_BKLH.splitWithSizes(segments, 2),
  ];
  return attendEach(
    qs,
    segments.map((_, i) => [ks[i] as Tensor, vs[i] as Tensor] as const),
  );
}

/** The same over keys and values that were kept, of all positions: [1, N, R of all, H] */
export function attendKept(
  q_1NRH: Tensor,
  seen: SeenKeyValues,
  { segments, packed }: Visibility,
  asking: Positions | undefined,
): Tensor {
  const queries = asking?.perSegment ?? segments ?? [q_1NRH.size(2)];
  const apart = (): Tensor[] => q_1NRH.splitWithSizes(queries, 2);
  if ("each" in seen)
    return attendEach(
      apart(),
      seen.each.map(({ keys, values }) => [keys, values] as const),
    );
  const { keys, values } = seen.together;
  if (packed !== undefined && isPackable(queries))
    return attendPacked(q_1NRH, [keys, values], { lengths: packed, queries, seen: seen.lengths });
  const [ks, vs] = [keys.splitWithSizes(seen.lengths, 2), values.splitWithSizes(seen.lengths, 2)];
  return attendEach(
    apart(),
    ks.map((own, i) => [own, vs[i] as Tensor] as const),
  );
}

/** The queries of each segment over its own keys and values: [1, N, R of all, H] */
function attendEach(
  queries: readonly Tensor[],
  seen: readonly (readonly [keys_1KLH: Tensor, values_1KLH: Tensor])[],
): Tensor {
  const attended = seen.flatMap(([keys, values], i) => {
    const q_1NRH = queries[i] as Tensor;
    return q_1NRH.size(2) > 0 ? [dotAttention(q_1NRH, keys, values)] : [];
  });
  return cat(attended, 2);
}

/** Segments of one length: [1, N, S*L, H] -> [S, N, L, H]; as `splitHeads` lays heads out, without a copy. */
function segmentsAsBatch(x_1NLH: Tensor, length: number): Tensor {
  const [, heads = 1, , width = 0] = x_1NLH.shape;
  return x_1NLH.reshape([heads, -1, length, width]).transpose(0, 1);
}
