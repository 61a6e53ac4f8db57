/** Every tensor of a checkpoint: its name in the file, its shape, and its place in the model.
 *
 *  LLaDA exists under two namings: its own (`model.transformer.blocks.N.attn_out.weight`) and the Llama-style one that
 *  LLaDA-V and ReDiff are published in. Ours are the latter; both load. */

import type { BlockWeights } from "../models/llada/llada.js";
import type { LladaConfig } from "../models/llada/llada-config.js";
import type { ModelConfig, MultimodalConfig } from "../models/llava/llava.js";
import { projectorDepth, projectorLayerNames } from "../models/projector/projector.js";
import type { SiglipConfig } from "../models/siglip/siglip.js";
import { patchesPerSide, type SiglipLayerWeights } from "../models/siglip/siglip.js";

/** Name (Llama-style) -> shape. */
export type Shapes = Map<string, number[]>;

const IN_BLOCK: [original: string, renamed: string][] = [
  ["attn_norm", "input_layernorm"],
  ["q_proj", "self_attn.q_proj"],
  ["k_proj", "self_attn.k_proj"],
  ["v_proj", "self_attn.v_proj"],
  ["attn_out", "self_attn.o_proj"],
  ["ff_norm", "post_attention_layernorm"],
  ["ff_proj", "mlp.gate_proj"],
  ["up_proj", "mlp.up_proj"],
  ["ff_out", "mlp.down_proj"],
];

const OUTSIDE: [original: string, renamed: string][] = [
  ["model.transformer.wte.weight", "model.embed_tokens.weight"],
  ["model.transformer.ln_f.weight", "model.norm.weight"],
  ["model.transformer.ff_out.weight", "lm_head.weight"],
];

const ORIGINAL_BLOCK = /^model\.transformer\.blocks\.(\d+)\.([a-z_]+)\.weight$/;
const RENAMED_BLOCK = /^model\.layers\.(\d+)\.(.+)\.weight$/;

/** Where a block's weights lie: `model.layers.N.`, this, `.weight`. */
export const BLOCK_NAMES: Readonly<Record<keyof BlockWeights, string>> = {
  inputNorm: "input_layernorm",
  query: "self_attn.q_proj",
  key: "self_attn.k_proj",
  value: "self_attn.v_proj",
  output: "self_attn.o_proj",
  postAttentionNorm: "post_attention_layernorm",
  gate: "mlp.gate_proj",
  up: "mlp.up_proj",
  down: "mlp.down_proj",
};

/** The same for a layer of the tower: `encoder.layers.N.`, this, `.weight` and `.bias`. */
export const SIGLIP_LAYER_NAMES: Readonly<Record<keyof SiglipLayerWeights, string>> = {
  norm1: "layer_norm1",
  query: "self_attn.q_proj",
  key: "self_attn.k_proj",
  value: "self_attn.v_proj",
  output: "self_attn.out_proj",
  norm2: "layer_norm2",
  fc1: "mlp.fc1",
  fc2: "mlp.fc2",
};

/** LLaDA-8B-Instruct's own name -> the Llama-style one; undefined when it is none of its tensors. */
export function renameOriginal(name: string): string | undefined {
  const outside = OUTSIDE.find(([original]) => original === name);
  if (outside !== undefined) return outside[1];
  const match = ORIGINAL_BLOCK.exec(name);
  const renamed = IN_BLOCK.find(([original]) => original === match?.[2]);
  return match === null || renamed === undefined ? undefined : `model.layers.${match[1]}.${renamed[1]}.weight`;
}

/** The way back, for reading a checkpoint that has the original names. */
export function originalName(name: string): string | undefined {
  const outside = OUTSIDE.find(([, renamed]) => renamed === name);
  if (outside !== undefined) return outside[0];
  const match = RENAMED_BLOCK.exec(name);
  const original = IN_BLOCK.find(([, renamed]) => renamed === match?.[2]);
  return match === null || original === undefined
    ? undefined
    : `model.transformer.blocks.${match[1]}.${original[0]}.weight`;
}

export function lladaShapes(c: LladaConfig): Shapes {
  const kv = c.kvHeads * c.headDim;
  const shapes: Shapes = new Map([["model.embed_tokens.weight", [c.vocabSize, c.hiddenSize]]]);
  for (let i = 0; i < c.layers; i++) {
    const layer = (name: string, shape: number[]) => shapes.set(`model.layers.${i}.${name}.weight`, shape);
    layer("input_layernorm", [c.hiddenSize]);
    layer("self_attn.q_proj", [c.hiddenSize, c.hiddenSize]);
    layer("self_attn.k_proj", [kv, c.hiddenSize]);
    layer("self_attn.v_proj", [kv, c.hiddenSize]);
    layer("self_attn.o_proj", [c.hiddenSize, c.hiddenSize]);
    layer("post_attention_layernorm", [c.hiddenSize]);
    layer("mlp.gate_proj", [c.intermediateSize, c.hiddenSize]);
    layer("mlp.up_proj", [c.intermediateSize, c.hiddenSize]);
    layer("mlp.down_proj", [c.hiddenSize, c.intermediateSize]);
  }
  shapes.set("model.norm.weight", [c.hiddenSize]);
  shapes.set("lm_head.weight", [c.vocabSize, c.hiddenSize]);
  return shapes;
}

/** Where the tower lives inside LLaDA-V; a stand-alone SigLIP has its tensors under `vision_model.` alone. */
export const TOWER_PREFIX = "model.vision_tower.vision_tower.";

/** The tower's tensors under SigLIP's own names, its last layer and its pooling head left out. */
export function siglipShapes(c: SiglipConfig): Shapes {
  const shapes: Shapes = new Map();
  const affine = (name: string, out: number, weight: number[] = [out]) => {
    shapes.set(`vision_model.${name}.weight`, weight);
    shapes.set(`vision_model.${name}.bias`, [out]);
  };
  affine("embeddings.patch_embedding", c.hiddenSize, [c.hiddenSize, 3, c.patchSize, c.patchSize]);
  shapes.set("vision_model.embeddings.position_embedding.weight", [patchesPerSide(c) ** 2, c.hiddenSize]);
  for (let i = 0; i < c.layers - 1; i++) {
    const layer = `encoder.layers.${i}.`;
    affine(`${layer}layer_norm1`, c.hiddenSize);
    for (const projection of ["q_proj", "k_proj", "v_proj", "out_proj"])
      affine(`${layer}self_attn.${projection}`, c.hiddenSize, [c.hiddenSize, c.hiddenSize]);
    affine(`${layer}layer_norm2`, c.hiddenSize);
    affine(`${layer}mlp.fc1`, c.intermediateSize, [c.intermediateSize, c.hiddenSize]);
    affine(`${layer}mlp.fc2`, c.hiddenSize, [c.hiddenSize, c.intermediateSize]);
  }
  // Stored and computed by the reference, and never used; written back so that it finds what it expects.
  affine("post_layernorm", c.hiddenSize);
  return shapes;
}

export function projectorShapes(c: MultimodalConfig, width: number): Shapes {
  const shapes: Shapes = new Map();
  const names = projectorLayerNames(c.projectorType);
  for (let i = 0; i < projectorDepth(c.projectorType); i++) {
    const name = `model.mm_projector.${names[i]}`;
    shapes.set(`${name}weight`, [width, i === 0 ? c.vision.hiddenSize : width]);
    shapes.set(`${name}bias`, [width]);
  }
  return shapes;
}

/** `image_newline` exists where rows or frames end with one: in the unpad merge types. */
export const hasNewline = (c: MultimodalConfig): boolean => c.patchMergeType.includes("unpad");

export const NEWLINE = "model.image_newline";

/** All tensors of a model, under the names of LLaDA-V's checkpoints. */
export function modelShapes(config: ModelConfig): Shapes {
  const shapes = lladaShapes(config.llada);
  const { multimodal } = config;
  if (multimodal === undefined) return shapes;
  for (const [name, shape] of siglipShapes(multimodal.vision)) shapes.set(TOWER_PREFIX + name, shape);
  for (const [name, shape] of projectorShapes(multimodal, config.llada.hiddenSize)) shapes.set(name, shape);
  if (hasNewline(multimodal)) shapes.set(NEWLINE, [config.llada.hiddenSize]);
  return shapes;
}
