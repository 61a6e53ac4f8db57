/** Which embeddings are the mask's, as the reference's training finds masks: by value, |x - m| <= 1e-5 + 1e-5 |m| in
 *  every dimension, so that a literal mask token in a text counts as masked too. Here masks are tracked by id; this
 *  remains for parity.
 *  [B, L, D] and [1, D] -> bool [B, L] */
import type { Tensor } from "@rediff/torch";

export function isMaskEmbedding(embeds_BLD: Tensor, mask_1D: Tensor): Tensor {
  const distance_BLD = embeds_BLD.sub(mask_1D).abs();
  return distance_BLD.le(mask_1D.abs().mul(1e-5).add(1e-5)).all([-1]);
}
