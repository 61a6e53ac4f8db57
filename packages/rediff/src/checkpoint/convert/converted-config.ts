/** The config.json that conversions write: LLaDA's keys under their Llama-style names, and the keys that LLaVA's
 *  training code adds. Every key that decides on a number is spelt out, because the reference's own defaults differ
 *  from LLaDA's values (rope_theta 10,000, eps 1e-6). Keys that nobody here knows are kept. */
import type { DType } from "@rediff/torch";
import { UserError } from "../../errors.js";
import type { LladaConfig } from "../../models/llada/llada-config.js";
import type { SiglipConfig } from "../../models/siglip/siglip.js";
import type { Tokenizer } from "../../text/tokenizer.js";
import { renameOriginalKeys } from "../config.js";

type Raw = Record<string, unknown>;

/** What the original naming's code can do and LLaDA does not: such a model would load and compute something else. */
const FIXED: Record<string, readonly unknown[]> = {
  activation_type: ["silu", "swiglu"],
  alibi: [false],
  attention_layer_norm: [false],
  bias_for_layer_norm: [false],
  block_type: ["llama"],
  include_bias: [false],
  include_qkv_bias: [false],
  input_emb_norm: [false],
  layer_norm_type: ["rms"],
  multi_query_attention: [false],
  rope: [true],
  scale_logits: [false],
  weight_tying: [false],
};

/** `key is value; LLaDA has other` for each key of an original config.json that asks for another architecture. */
export function foreignKeys(raw: Raw): string[] {
  return Object.entries(FIXED).flatMap(([key, allowed]) => {
    const value = raw[key];
    if (value === undefined || value === null || allowed.includes(value)) return [];
    return [`${key} is ${JSON.stringify(value).slice(0, 100)}, LLaDA has ${JSON.stringify(allowed[0])}`];
  });
}

/** @throws UserError when the config is that of another architecture with the same tensor names */
export function assertLlada(file: string, raw: Raw): void {
  const problems = foreignKeys(raw);
  if (problems.length > 0)
    throw new UserError(`${file}: this is not LLaDA's architecture: ${problems.join("; ")}`, "Only LLaDA converts.");
}

/** A text-only LLaDA's config.json under the Llama-style names.
 *  @param dtype what the weights are stored in */
export function renamedConfig(raw: Raw, c: LladaConfig, dtype: DType, tokenizer: Tokenizer | undefined): Raw {
  // auto_map names code that came with the folder: with the renamed tensors it would build an empty model, silently.
  const { auto_map: _, ...kept } = renameOriginalKeys(raw);
  return sorted({
    attention_dropout: 0,
    initializer_range: raw.init_std ?? 0.02,
    rope_scaling: null,
    ...kept,
    architectures: ["LLaDAModelLM"],
    model_type: "llada",
    vocab_size: c.vocabSize,
    hidden_size: c.hiddenSize,
    intermediate_size: c.intermediateSize,
    num_hidden_layers: c.layers,
    num_attention_heads: c.heads,
    num_key_value_heads: c.kvHeads,
    rms_norm_eps: c.rmsNormEps,
    rope_theta: c.ropeTheta,
    max_position_embeddings: c.maxPositions,
    hidden_act: "silu",
    attention_bias: false,
    tie_word_embeddings: false,
    use_cache: false,
    torch_dtype: dtype,
    // The published renamed config has Llama's bos_token_id, 128000, which is no token at all here.
    ...(tokenizer && { bos_token_id: tokenizer.special.bos, eos_token_id: tokenizer.special.eos }),
    ...(tokenizer && { pad_token_id: tokenizer.special.pad }),
  });
}

export interface MultimodalSettings {
  vision: SiglipConfig;
  /** As the user named it: a hub id or a folder. */
  visionTower: string;
  projectorType: string;
  patchMergeType: string;
  aspectRatio: string;
  /** Pictures may take 1x1 to NxN tiles. */
  gridTiles: number;
  maxPositions: number;
}

/** A LLaDA's renamed config.json with all that training adds to it, at the values of the published recipes. */
export function multimodalConfig(llada: Raw, settings: MultimodalSettings): Raw {
  const { vision, aspectRatio, maxPositions } = settings;
  return sorted({
    ...llada,
    architectures: ["LlavaLLaDAModelLM"],
    model_type: "llava_llada",
    max_position_embeddings: maxPositions,
    mm_vision_tower: settings.visionTower,
    vision_tower_pretrained: null,
    use_mm_proj: true,
    mm_projector_type: settings.projectorType,
    mm_hidden_size: vision.hiddenSize,
    mm_vision_select_layer: -2,
    mm_vision_select_feature: "patch",
    mm_patch_merge_type: settings.patchMergeType,
    mm_resampler_type: null,
    image_aspect_ratio: aspectRatio,
    image_grid_pinpoints: aspectRatio.startsWith("anyres") ? pinpoints(settings.gridTiles, vision.imageSize) : null,
    image_crop_resolution: null,
    image_split_resolution: null,
    tokenizer_padding_side: "right",
    tokenizer_model_max_length: maxPositions,
    mm_newline_position: "grid",
    mm_spatial_pool_stride: null,
    mm_spatial_pool_mode: "bilinear",
    add_faster_video: false,
    faster_token_stride: 10,
    add_time_instruction: false,
    force_sample: false,
    mm_tunable_parts: "mm_vision_tower,mm_mlp_adapter,mm_language_model",
    mm_use_im_start_end: false,
    mm_use_im_patch_token: false,
    mm_projector_lr: null,
    mm_vision_tower_lr: null,
    use_pos_skipping: false,
    pos_skipping_range: 4096,
    vision_config: visionConfig(vision),
  });
}

/** All [width, height] from 1x1 to NxN tiles, width in the outer loop. */
function pinpoints(tiles: number, tileSize: number): [number, number][] {
  const sides = Array.from({ length: tiles }, (_, i) => (i + 1) * tileSize);
  return sides.flatMap((width) => sides.map((height): [number, number] => [width, height]));
}

/** The tower's shape, which the reference hard-wires and we read. */
function visionConfig(c: SiglipConfig): Raw {
  return {
    model_type: "siglip_vision_model",
    hidden_size: c.hiddenSize,
    intermediate_size: c.intermediateSize,
    num_hidden_layers: c.layers,
    num_attention_heads: c.heads,
    num_channels: 3,
    image_size: c.imageSize,
    patch_size: c.patchSize,
    layer_norm_eps: c.layerNormEps,
    hidden_act: "gelu_pytorch_tanh",
  };
}

/** Keys in alphabetical order, as transformers writes them. */
function sorted(raw: Raw): Raw {
  return Object.fromEntries(Object.entries(raw).sort(([a], [b]) => (a < b ? -1 : 1)));
}
