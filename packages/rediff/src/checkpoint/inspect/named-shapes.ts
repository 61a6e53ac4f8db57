/** Models that can be asked about without having them: what their config.json says of sizes. */

import type { ModelConfig } from "../../models/llava/llava.js";
import { parseConfig } from "../config.js";

const LLADA_8B = {
  hidden_size: 4096,
  intermediate_size: 12288,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  vocab_size: 126464,
};

const SHAPES = {
  "llada-v-8b": {
    ...LLADA_8B,
    ...{ model_type: "llava_llada", mm_projector_type: "mlp2x_gelu", mm_patch_merge_type: "spatial_unpad" },
  },
  "llada-8b": { ...LLADA_8B, model_type: "llada" },
};

export type ShapeName = keyof typeof SHAPES;
export const shapeNames = Object.keys(SHAPES) as ShapeName[];

export const namedShape = (name: ShapeName): ModelConfig => parseConfig(SHAPES[name], undefined, name);
