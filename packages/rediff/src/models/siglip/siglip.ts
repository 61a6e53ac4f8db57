/** SigLIP 2's vision tower, without its last layer (arXiv 2502.14786; LLaVA takes the hidden state before it).
 *  T tiles, S side in pixels, P = (S / patch)^2 patches, C width, N heads, H head width.
 *
 *  Pre-norm, biases everywhere, tanh-approximated GELU, learned positions that are never interpolated. The patch
 *  convolution is written as the matrix product that it is: stride equals kernel, and no TF32 convolution sneaks in. */
import { layerNorm, scaledDotProductAttention, scope, type Tensor } from "@rediff/torch";
import type { SiglipConfig } from "../../checkpoint/config.js";
import { geluOf, linear, sumOf } from "../kernels.js";
import { mergeHeads, splitHeads } from "../llada/llada.js";

export interface Affine {
  weight: Tensor;
  bias: Tensor;
}

export interface SiglipLayerWeights {
  norm1: Affine; // [C]
  query: Affine; // [C, C]
  key: Affine;
  value: Affine;
  output: Affine;
  norm2: Affine;
  fc1: Affine; // [M, C]
  fc2: Affine; // [C, M]
}

export interface SiglipWeights {
  patchEmbedding: Affine; // [C, 3, p, p]
  positions: Tensor; // [P, C]
  /** Without the tower's last layer. */
  layers: readonly SiglipLayerWeights[];
  /** Computed by the reference and never used; held so that a checkpoint can be written with all its tensors. */
  postNorm?: Affine; // [C]
}

export interface Siglip {
  config: SiglipConfig;
  weights: SiglipWeights;
}

/** Patches along a side; pixels that do not fill a patch are cut off. */
export const patchesPerSide = (config: SiglipConfig): number => Math.floor(config.imageSize / config.patchSize);

const affine = (x: Tensor, { weight, bias }: Affine): Tensor => linear(x, weight, bias);

/** [T, 3, S, S] -> [T, P, 3*p*p], patches in raster order */
function patchify(pixels: Tensor, patch: number, side: number): Tensor {
  const tiles = pixels.size(0);
  return pixels
    .narrow(2, 0, side * patch)
    .narrow(3, 0, side * patch)
    .reshape([tiles, 3, side, patch, side, patch])
    .permute([0, 2, 4, 1, 3, 5])
    .reshape([tiles, side * side, 3 * patch * patch]);
}

/** Normalised pixels [T, 3, S, S] to what the first layer takes: patches and their positions [T, P, C]. */
export function embedPatches(
  w: Pick<SiglipWeights, "patchEmbedding" | "positions">,
  pixels: Tensor,
  config: SiglipConfig,
): Tensor {
  return scope(() => {
    const patches = patchify(pixels, config.patchSize, patchesPerSide(config));
    return linear(patches, w.patchEmbedding.weight.flatten(1), w.patchEmbedding.bias).add(w.positions);
  });
}

export function layer(w: SiglipLayerWeights, x_TPC: Tensor, config: SiglipConfig): Tensor {
  const headDim = config.hiddenSize / config.heads;
  const norm = (x: Tensor, { weight, bias }: Affine) =>
    layerNorm(x, [config.hiddenSize], weight, bias, config.layerNormEps);
  return scope(() => {
    const h = norm(x_TPC, w.norm1);
    const attended = scaledDotProductAttention(
      splitHeads(affine(h, w.query), headDim),
      splitHeads(affine(h, w.key), headDim),
      splitHeads(affine(h, w.value), headDim),
    );
    const y = sumOf(affine(mergeHeads(attended), w.output), x_TPC);
    return sumOf(affine(geluOf(affine(norm(y, w.norm2), w.fc1), "tanh"), w.fc2), y);
  });
}

/** Normalised pixels [T, 3, S, S] to patch features [T, P, C].
 *  `onHidden` sees the input of every layer and the output, for tests of parity. */
export function patchFeatures(
  tower: Siglip,
  pixels: Tensor,
  onHidden?: (layer: number, hidden: Tensor) => void,
): Tensor {
  const { config, weights } = tower;
  return scope(() => {
    let x = embedPatches(weights, pixels, config);
    for (const [i, w] of weights.layers.entries()) {
      onHidden?.(i, x);
      const next = layer(w, x, config);
      x.dispose();
      x = next;
    }
    onHidden?.(weights.layers.length, x);
    return x;
  });
}
