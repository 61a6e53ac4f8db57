/** Tiny random models in the real format, for tests: config.json, weights, tokenizer. Milliseconds to write and load.
 *
 *  Weights are scaled so that a decode says something: q and k are strong enough for positions to matter, and only
 *  printable tokens have rows in the head, so answers are readable text without special tokens. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type DType, Generator, randn, saveCheckpoint, scope, type Tensor, zeros } from "@rediff/torch";
import { parseConfig, siglipConfig } from "../checkpoint/config.js";
import { modelShapes, originalName, siglipShapes } from "../checkpoint/tensor-names.js";

export interface TinyModelOptions {
  /** Same seed, same weights. Default 0. */
  seed?: number;
  /** Rows of the embedding. Default 416: the fixture tokenizer's 408 tokens and 8 rows of padding. */
  vocabSize?: number;
  hiddenSize?: number;
  intermediateSize?: number;
  layers?: number;
  heads?: number;
  /** Fewer than `heads` for grouped-query attention. */
  kvHeads?: number;
  maxPositions?: number;
  /** Pixels along a side of a tile. */
  tileSize?: number;
  patchSize?: number;
  visionSize?: number;
  visionLayers?: number;
  visionHeads?: number;
  /** Pictures may take 1x1 to NxN tiles. Default 2. */
  gridTiles?: number;
  /** A plain LLaDA: no tower, no projector, no newline. */
  textOnly?: boolean;
  /** "original" is LLaDA-8B-Instruct's own naming of keys and tensors; needs `textOnly`. */
  naming?: "renamed" | "original";
  dtype?: DType;
  maxShardBytes?: number;
  /** Written into config.json last; undefined removes a key. */
  config?: Record<string, unknown>;
}

const TOKENIZER = fileURLToPath(new URL("../../src/text/testdata/tokenizer/", import.meta.url));

/** Writes a complete model into `folder`, which is made, and returns `folder`. By default a LLaDA-V of two layers of
 *  width 64 that sees tiles of 28 pixels as 2 x 2 patches. */
export function writeTinyModel(folder: string, options: TinyModelOptions = {}): string {
  const { seed = 0, dtype = "float32", naming = "renamed", maxShardBytes } = options;
  if (naming === "original" && !options.textOnly) throw new Error("the original naming is that of text-only models");
  const renamed = tinyConfig(options);
  const shapes = [...modelShapes(parseConfig(renamed, undefined, "config.json"))];
  const name = (ours: string) => (naming === "original" ? (originalName(ours) ?? ours) : ours);

  mkdirSync(folder, { recursive: true });
  using generator = new Generator(seed);
  const sources = shapes.map(([ours, shape]) => ({
    name: name(ours),
    dtype,
    shape,
    tensor: () => scope(() => randomTensor(ours, shape, generator).to({ dtype })),
  }));
  saveCheckpoint(folder, sources, maxShardBytes === undefined ? {} : { maxShardBytes });
  for (const file of readdirSync(TOKENIZER)) copyFileSync(join(TOKENIZER, file), join(folder, file));
  const config = { ...(naming === "original" ? withOriginalKeys(renamed) : renamed), ...options.config };
  writeFileSync(join(folder, "config.json"), `${JSON.stringify(config, null, 2)}\n`);
  return folder;
}

export interface TinySiglipOptions {
  seed?: number;
  tileSize?: number;
  patchSize?: number;
  hiddenSize?: number;
  layers?: number;
  heads?: number;
  dtype?: DType;
  /** "full" has a text model and a logit scale beside the vision model, as published; default. */
  kind?: "full" | "vision";
  /** Written into config.json last; undefined removes a key. */
  config?: Record<string, unknown>;
}

/** Writes a stand-alone SigLIP in the published format: all layers, pooling head and, if "full", a text model. */
export function writeTinySiglip(folder: string, options: TinySiglipOptions = {}): string {
  const { seed = 0, dtype = "float32", kind = "full" } = options;
  const vision = tinyVisionConfig(options);
  // One layer more than the model takes: the one that LLaVA leaves out.
  const shapes = siglipShapes({ ...siglipConfig(vision, "config.json"), layers: (options.layers ?? 3) + 1 });
  const width = options.hiddenSize ?? 32;
  shapes.set("vision_model.head.probe", [1, 1, width]);
  if (kind === "full") {
    shapes.set("text_model.embeddings.token_embedding.weight", [50, width]);
    shapes.set("logit_scale", [1]);
  }
  mkdirSync(folder, { recursive: true });
  using generator = new Generator(seed);
  const sources = [...shapes].map(([name, shape]) => ({
    name,
    dtype,
    shape,
    tensor: () => scope(() => randomTensor(name, shape, generator).to({ dtype })),
  }));
  saveCheckpoint(folder, sources);
  const config = kind === "full" ? { model_type: "siglip", text_config: {}, vision_config: vision } : vision;
  writeFileSync(join(folder, "config.json"), `${JSON.stringify({ ...config, ...options.config }, null, 2)}\n`);
  return folder;
}

interface VisionShape {
  hiddenSize?: number | undefined;
  layers?: number | undefined;
  heads?: number | undefined;
  tileSize?: number | undefined;
  patchSize?: number | undefined;
}

function tinyVisionConfig(options: VisionShape): Record<string, unknown> {
  const { hiddenSize = 32 } = options;
  return {
    model_type: "siglip_vision_model",
    hidden_size: hiddenSize,
    intermediate_size: 2 * hiddenSize,
    num_hidden_layers: options.layers ?? 3,
    num_attention_heads: options.heads ?? 2,
    num_channels: 3,
    image_size: options.tileSize ?? 28,
    patch_size: options.patchSize ?? 14,
    hidden_act: "gelu_pytorch_tanh",
    layer_norm_eps: 1e-6,
  };
}

function tinyConfig(options: TinyModelOptions): Record<string, unknown> {
  const { hiddenSize = 64, heads = 4, tileSize = 28, gridTiles = 2, visionSize = 32 } = options;
  const sides = Array.from({ length: gridTiles }, (_, i) => (i + 1) * tileSize);
  const llada = {
    architectures: ["LLaDAModelLM"],
    model_type: "llada",
    vocab_size: options.vocabSize ?? 416,
    hidden_size: hiddenSize,
    intermediate_size: options.intermediateSize ?? 2 * hiddenSize,
    num_hidden_layers: options.layers ?? 2,
    num_attention_heads: heads,
    num_key_value_heads: options.kvHeads ?? heads,
    hidden_act: "silu",
    rms_norm_eps: 1e-5,
    // With the published 500,000, most of so few frequencies stand still, and positions look alike.
    rope_theta: 100,
    rope_scaling: null,
    max_position_embeddings: options.maxPositions ?? 4096,
    attention_bias: false,
    tie_word_embeddings: false,
    torch_dtype: options.dtype ?? "float32",
  };
  if (options.textOnly) return llada;
  return {
    ...llada,
    architectures: ["LlavaLLaDAModelLM"],
    model_type: "llava_llada",
    mm_vision_tower: "tiny-siglip",
    mm_hidden_size: visionSize,
    mm_projector_type: "mlp2x_gelu",
    mm_patch_merge_type: "spatial_unpad",
    mm_vision_select_layer: -2,
    mm_vision_select_feature: "patch",
    mm_newline_position: "grid",
    mm_spatial_pool_mode: "bilinear",
    mm_use_im_start_end: false,
    mm_use_im_patch_token: false,
    use_mm_proj: true,
    image_aspect_ratio: "anyres_max_4",
    image_grid_pinpoints: sides.flatMap((width) => sides.map((height) => [width, height])),
    tokenizer_padding_side: "right",
    tokenizer_model_max_length: options.maxPositions ?? 4096,
    vision_config: tinyVisionConfig({
      hiddenSize: visionSize,
      layers: options.visionLayers,
      heads: options.visionHeads,
      tileSize,
      patchSize: options.patchSize,
    }),
  };
}

/** The config as LLaDA-8B-Instruct writes it. */
function withOriginalKeys(c: Record<string, unknown>): Record<string, unknown> {
  return {
    architectures: ["LLaDAModelLM"],
    model_type: "llada",
    activation_type: "silu",
    block_type: "llama",
    d_model: c.hidden_size,
    embedding_size: c.vocab_size,
    eos_token_id: 401,
    include_bias: false,
    layer_norm_type: "rms",
    mask_token_id: 404,
    max_sequence_length: c.max_position_embeddings,
    mlp_hidden_size: c.intermediate_size,
    n_heads: c.num_attention_heads,
    n_kv_heads: c.num_key_value_heads,
    n_layers: c.num_hidden_layers,
    pad_token_id: 401,
    rms_norm_eps: c.rms_norm_eps,
    rope: true,
    rope_theta: c.rope_theta,
    torch_dtype: c.torch_dtype,
    vocab_size: c.vocab_size,
    weight_tying: false,
  };
}

/** Random numbers of a size that suits the tensor's place. */
function randomTensor(name: string, shape: readonly number[], generator: Generator): Tensor {
  const numbers = randn(shape, generator);
  const fanIn = shape.slice(1).reduce((product, size) => product * size, 1);
  if (/norm\d?\.weight$/.test(name)) return numbers.mul(0.2).add(1);
  if (shape.length === 1) return numbers.mul(name === "model.image_newline" ? 0.5 : 0.1);
  if (/embed_tokens|position_embedding/.test(name)) return numbers.mul(0.6);
  if (name === "lm_head.weight") return numbers.mul(4 / Math.sqrt(fanIn)).mul(printable(shape[0] ?? 0));
  return numbers.mul((/[qk]_proj/.test(name) ? 2.5 : 1.5) / Math.sqrt(fanIn));
}

/** 1 for rows of the fixture's tokens that are printable ASCII, 0 for all others: [V, 1] */
function printable(rows: number): Tensor {
  const { model } = JSON.parse(readFileSync(join(TOKENIZER, "tokenizer.json"), "utf8")) as {
    model: { vocab: Record<string, number> };
  };
  const mask = zeros([rows, 1]);
  // Byte-level tokens spell a space as U+0120.
  for (const [token, id] of Object.entries(model.vocab))
    if (/^[\u0120!-~]+$/.test(token) && id < rows) mask.narrow(0, id, 1).fill_(1);
  return mask;
}
