/** SigLIP 2's vision tower, without its last layer (arXiv 2502.14786; LLaVA takes the hidden state before it).
 *  T tiles, S side in pixels, p side of a patch, P = (S / p)^2 patches, C width, M feed-forward width, N heads, H head
 *  width.
 *
 *  Pre-norm, biases everywhere, tanh-approximated GELU, learned positions that are never interpolated. The patch
 *  convolution is written as the matrix product that it is: stride equals kernel, and no TF32 convolution sneaks in. */
import { layerNorm, scope, type Tensor } from "@rediff/torch";
import { runChain, type Stage, stage } from "../chain.js";
import { mergeHeads, splitHeads } from "../heads.js";
import { add_, dotAttention, gelu_, linear } from "../kernels.js";

export interface SiglipConfig {
  hiddenSize: number;
  intermediateSize: number;
  /** Layers of the whole tower. The last one is never run: LLaVA takes the output of the one before it. */
  layers: number;
  heads: number;
  imageSize: number;
  patchSize: number;
  layerNormEps: number;
}

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

/** One layer: [T, P, C] -> [T, P, C] */
function layer(w: SiglipLayerWeights, x_TPC: Tensor, config: SiglipConfig): Tensor {
  const norm = (x: Tensor, { weight, bias }: Affine) =>
    layerNorm(x, [config.hiddenSize], weight, bias, config.layerNormEps);
  return scope(() => {
    const y_TPC = add_(attention(w, norm(x_TPC, w.norm1), config), x_TPC);
    return add_(affine(gelu_(affine(norm(y_TPC, w.norm2), w.fc1), "tanh"), w.fc2), y_TPC);
  });
}

function attention(w: SiglipLayerWeights, h_TPC: Tensor, config: SiglipConfig): Tensor {
  const heads = (x_TPC: Tensor) => splitHeads(x_TPC, config.hiddenSize / config.heads);
  const q_TNPH = heads(affine(h_TPC, w.query));
  const k_TNPH = heads(affine(h_TPC, w.key));
  const v_TNPH = heads(affine(h_TPC, w.value));
  return affine(mergeHeads(dotAttention(q_TNPH, k_TNPH, v_TNPH)), w.output);
}

/** Normalised pixels [T, 3, S, S] to what the first layer takes: patches and their positions [T, P, C]. */
function embedPatches(
  w: Pick<SiglipWeights, "patchEmbedding" | "positions">,
  pixels_T3SS: Tensor,
  config: SiglipConfig,
): Tensor {
  return scope(() => {
    const patches_TPI = patchify(pixels_T3SS, config.patchSize, patchesPerSide(config)); // I = 3*p*p
    return linear(patches_TPI, w.patchEmbedding.weight.flatten(1), w.patchEmbedding.bias).add(w.positions);
  });
}

/** [T, 3, S, S] -> [T, P, 3*p*p], patches in raster order */
function patchify(pixels_T3SS: Tensor, patch: number, side: number): Tensor {
  const tiles = pixels_T3SS.size(0);
  return pixels_T3SS
    .narrow(2, 0, side * patch)
    .narrow(3, 0, side * patch)
    .reshape([tiles, 3, side, patch, side, patch])
    .permute([0, 2, 4, 1, 3, 5])
    .reshape([tiles, side * side, 3 * patch * patch]);
}

/** The whole tower: normalised pixels [T, 3, S, S] -> patch features [T, P, C]. Its first stage makes the patches. */
export function siglipStages({ config, weights }: Siglip): Stage[] {
  const { patchEmbedding, positions, layers } = weights;
  return [
    stage({ patchEmbedding, positions }, (w, pixels_T3SS) => embedPatches(w, pixels_T3SS, config)),
    ...layers.map((own) => stage(own, (w, x_TPC) => layer(w, x_TPC, config))),
  ];
}

/** Normalised pixels to patch features: `siglipStages`, forward only. */
export function patchFeatures(tower: Siglip, pixels_T3SS: Tensor): Tensor {
  return runChain(siglipStages(tower), pixels_T3SS);
}
