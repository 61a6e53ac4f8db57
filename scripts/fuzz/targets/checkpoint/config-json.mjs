// @ts-check
import assert from "node:assert/strict";
import { loadConfig } from "../../../../packages/rediff/dist/checkpoint/config.js";
import { memoryNeed } from "../../../../packages/rediff/dist/checkpoint/memory.js";
import { modelShapes } from "../../../../packages/rediff/dist/checkpoint/tensor-names.js";
import { visionGeometry } from "../../../../packages/rediff/dist/models/llava/llava.js";
import { json } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

const text = {
  model_type: "llada",
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  vocab_size: 416,
  rope_scaling: { type: "linear", factor: 2 },
  rediff: { gen_length: 16 },
};
const sight = {
  ...text,
  model_type: "llava_llada",
  mm_projector_type: "mlp2x_gelu",
  mm_patch_merge_type: "spatial_unpad",
  image_aspect_ratio: "anyres_max_4",
  image_grid_pinpoints: [
    [28, 28],
    [56, 28],
  ],
  mm_hidden_size: 32,
  vision_config: { hidden_size: 32, num_attention_heads: 2, num_hidden_layers: 2, image_size: 28, patch_size: 14 },
};

export default defineTarget({
  covers: ["checkpoint/config.js", "checkpoint/tensor-names.js", "checkpoint/memory.js", "tiles/anyres.js"],
  file: "config.json",
  seeds: [
    json(text),
    json(sight),
    json({ ...sight, image_grid_pinpoints: "(1x1),...,(6x6)", vision_config: undefined, mm_hidden_size: 1152 }),
    json({ model_type: "llada", d_model: 64, n_heads: 4, n_layers: 2, mlp_hidden_size: 96, embedding_size: 416 }),
  ],
  dictionary: [
    ...Object.keys(sight).map((key) => `"${key}":`),
    "mlp9999999999x_gelu",
    "(1x1),...,(9999999x9999999)",
    "1e9",
    "9007199254740993",
    "1e999",
    "-1",
    "0",
    "null",
    '"n_kv_heads":',
    "[[1,1]]",
  ],
  async run(_input, { folder }) {
    const config = await loadConfig(folder);
    const shapes = modelShapes(config);
    assert.ok(shapes.size < 200_000);
    const { weights, activations } = memoryNeed(config, shapes, "float64");
    assert.ok(Number.isFinite(weights) && Number.isFinite(activations));
    if (config.multimodal !== undefined) visionGeometry(config.multimodal);
  },
});
