/** Which rows hold the mask's embedding, as the reference finds them: by value.
 *
 *  Here masks are tracked by id. This remains for parity of training, where a literal mask token in a text counts as
 *  masked too: |x - m| <= 1e-5 + 1e-5 |m| in every dimension; decoding has |x - m| < 1e-5.
 *  [B, L, D] and [1, D] -> bool [B, L] */
import type { Tensor } from "@rediff/torch";

export function isMaskEmbedding(embeds_BLD: Tensor, mask_1D: Tensor, rule: "training" | "generation"): Tensor {
  const distance = embeds_BLD.sub(mask_1D).abs();
  const near = rule === "generation" ? distance.lt(1e-5) : distance.le(mask_1D.abs().mul(1e-5).add(1e-5));
  return near.all([-1]);
}
