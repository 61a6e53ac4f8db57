/** Who sees whom in attention.
 *  B batch, L positions. */
import type { Tensor } from "@rediff/torch";
import type { PackedLengths } from "../packed-attention.js";

/** - nothing given: every position of a sequence sees every other;
 *  - `segments`: the L positions are independent sequences of these lengths, laid end to end (B must be 1);
 *  - `mask`: added to the scores, [B, 1, L or 1, L]. */
export interface Visibility {
  segments?: readonly number[] | undefined;
  /** Where the device takes all segments in one call. */
  packed?: PackedLengths | undefined;
  mask?: Tensor | undefined;
}

const MINIMUM = { float32: -3.4028234663852886e38, float64: -Number.MAX_VALUE, bfloat16: -3.3895313892515355e38 };

/** What may be seen, as something to add to the scores: true -> 0, false -> the minimum of `like`'s dtype. The minimum
 *  (and not -inf) makes a position that sees nothing attend evenly, as in the reference. */
export function additiveMask(visible: Tensor, like: Tensor): Tensor {
  const dtype = like.dtype;
  const minimum = dtype === "float16" ? -65504 : (MINIMUM[dtype as keyof typeof MINIMUM] ?? MINIMUM.float32);
  return visible.logicalNot().to({ dtype, device: like.device }).mul(minimum);
}

/** Dialogue-causal visibility (LLaDA-V section 3.1, off in all recipes): a position sees those of its own and of earlier
 *  turns. Turn ids int64 [B, L] -> bool [B, 1, L, L] */
export function conversationVisibility(turns_BL: Tensor): Tensor {
  return turns_BL.unsqueeze(1).le(turns_BL.unsqueeze(2)).unsqueeze(1);
}
