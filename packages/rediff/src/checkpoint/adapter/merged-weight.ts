/** A weight with its low-rank correction: W' = W + scale * B A (LoRA, arXiv 2106.09685).
 *  r rank, I inputs, O outputs */
import { noGrad, scope, type Tensor } from "@rediff/torch";

/** W + scale * B A, computed in float32 (float64 for a float64 weight) and cast once, to `dtype` or that of W. */
export function merged(
  weight_OI: Tensor,
  down_rI: Tensor,
  up_Or: Tensor,
  scale: number,
  dtype = weight_OI.dtype,
): Tensor {
  return noGrad(() =>
    scope(() => {
      const wide = weight_OI.dtype === "float64" ? "float64" : "float32";
      const [weight, down, up] = [weight_OI, down_rI, up_Or].map((t) =>
        t.detach().to({ dtype: wide, device: weight_OI.device }),
      );
      return (weight as Tensor).add((up as Tensor).matmul(down as Tensor), { alpha: scale }).to({ dtype });
    }),
  );
}
