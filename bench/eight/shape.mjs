// The 8B model's own shapes: LLaDA-V-8B's config.json as far as it decides on sizes, and how its weights are drawn.
//
// `pad` is one tile for a picture: 730 positions of it, with this tokenizer about 811 of a whole prompt; anyres_max_4, as
// published, has up to five tiles. For why weights are drawn with these deviations see ../shapes.mjs.

import { SHAPES } from "../shapes.mjs";

export const WIDTH = 4096;
export const LAYERS = 32;

/** What checkpoint.mjs needs to write the tokenizer. */
export const TEXT = { ...SHAPES.small, name: "eight" };

/** Rows of the prompt that are measured where nothing else is asked for: those of a picture and its question. */
export const PROMPT = 819;
/** Tokens of the answer: ReDiff's. */
export const ANSWER = 128;

/** config.json of a model with so many layers. @param {number} layers */
export function configOfEight(layers) {
  return {
    architectures: ["LlavaLLaDAModelLM"],
    model_type: "llava_llada",
    hidden_size: WIDTH,
    intermediate_size: 12_288,
    num_hidden_layers: layers,
    num_attention_heads: 32,
    num_key_value_heads: 32,
    hidden_act: "silu",
    rms_norm_eps: 1e-5,
    rope_theta: 500_000,
    rope_scaling: null,
    max_position_embeddings: 8192,
    vocab_size: TEXT.vocabulary,
    attention_bias: false,
    attention_dropout: 0,
    tie_word_embeddings: false,
    pretraining_tp: 1,
    use_cache: false,
    torch_dtype: "bfloat16",
    bos_token_id: TEXT.special.bos,
    eos_token_id: TEXT.special.eos,
    pad_token_id: TEXT.special.eos,
    mask_token_id: TEXT.special.mask,
    image_aspect_ratio: "pad",
    mm_hidden_size: 1152,
    mm_newline_position: "grid",
    mm_patch_merge_type: "spatial_unpad",
    mm_projector_type: "mlp2x_gelu",
    mm_spatial_pool_mode: "bilinear",
    mm_use_im_patch_token: false,
    mm_use_im_start_end: false,
    mm_vision_select_feature: "patch",
    mm_vision_select_layer: -2,
    mm_vision_tower: "google/siglip2-so400m-patch14-384",
    use_mm_proj: true,
    tokenizer_model_max_length: 8192,
    vision_config: {
      hidden_size: 1152,
      intermediate_size: 4304,
      num_hidden_layers: 27, // the last one is never stored: the original deletes it
      num_attention_heads: 16,
      num_channels: 3,
      image_size: 384,
      patch_size: 14,
      hidden_act: "gelu_pytorch_tanh",
      layer_norm_eps: 1e-6,
      attention_dropout: 0,
    },
  };
}

/** Mean and deviation of the normal distribution that a weight is drawn from.
 *  @param {string} name @param {readonly number[]} shape @returns {{ mean: number, std: number }} */
export function drawOf(name, shape) {
  const fanIn = shape.slice(1).reduce((product, size) => product * size, 1);
  const scaled = (/** @type {number} */ gain) => ({ mean: 0, std: gain / Math.sqrt(fanIn) });
  if (/(?:norm\d?|layernorm)\.weight$/.test(name)) return { mean: 1, std: 0.2 };
  if (name.endsWith(".bias")) return { mean: 0, std: 0.1 };
  if (/(?:embed_tokens\.weight|image_newline)$/.test(name)) return { mean: 0, std: 0.6 };
  if (name.endsWith("position_embedding.weight")) return { mean: 0, std: 0.5 };
  if (name === "lm_head.weight") return scaled(3);
  if (/model\.layers\.\d+\.self_attn\.[qk]_proj/.test(name)) return scaled(1.7);
  return scaled(1);
}
