// The checkpoints that are decoded and trained side by side: sizes, tensors, tokenizer, prompt. Pure descriptions; checkpoint.mjs
// writes them to disk.
//
// Weights are random, so what is decoded means nothing, but it must be as decided as a trained model's output: were
// two candidates nearly tied, rounding would pick the token and "the same tokens" would prove nothing. Projections
// keep the variance (1/sqrt(fan-in)), queries and keys are larger so that attention looks at few positions rather than
// averaging all, and the head is larger so that the best token stands out. Mask rows differ from each other only by
// their position, so without peaked attention every answer position would decode to the same token.

/**
 * `small`: the head's share is far above the 8B model's, as its vocabulary is full-size and its width is not.
 * `8b`: width, depth and vocabulary cut so that head, attention and layers have about the shares that they have in the
 * 8B model; a few forward passes are enough.
 */
export const SHAPES = {
  small: {
    name: "small",
    hidden: 512,
    layers: 8,
    heads: 8,
    intermediate: 1536,
    vocabulary: 126_464,
    special: {
      bos: 126_080,
      eos: 126_081,
      mask: 126_336,
      startHeader: 126_346,
      endHeader: 126_347,
      endOfTurn: 126_348,
    },
    decode: { prompt: 1500, gen_length: 128, block_length: 128, steps: 32 },
    // The whole answer is decoded.
    maxForwards: undefined,
    train: { sequence: 1500, answer: 500, steps: 3 },
  },
  "8b": {
    name: "8b",
    hidden: 2048,
    layers: 16,
    heads: 16,
    intermediate: 6144,
    vocabulary: 31_616,
    special: { bos: 31_520, eos: 31_521, mask: 31_584, startHeader: 31_594, endHeader: 31_595, endOfTurn: 31_596 },
    decode: { prompt: 1500, gen_length: 128, block_length: 128, steps: 32 },
    maxForwards: 3,
    // Fewer layers: all sixteen take 16 GB with gradients and AdamW's state, and the original some more.
    train: { sequence: 1500, answer: 500, steps: 2, layers: 8 },
  },
};

/** A picture tower that costs nothing: decoding starts from prompt embeddings, but a model folder has to have one. */
const VISION = { hidden: 32, layers: 2, heads: 2, intermediate: 64, image: 56, patch: 14 };

/** config.json, with the keys that training writes. */
export function configOf(shape) {
  const { image } = VISION;
  const pinpoints = [1, 2, 3, 4, 5, 6].flatMap((w) => [1, 2, 3, 4, 5, 6].map((h) => [w * image, h * image]));
  return {
    architectures: ["LlavaLLaDAModelLM"],
    model_type: "llava_llada",
    hidden_size: shape.hidden,
    intermediate_size: shape.intermediate,
    num_hidden_layers: shape.layers,
    num_attention_heads: shape.heads,
    num_key_value_heads: shape.heads,
    hidden_act: "silu",
    rms_norm_eps: 1e-5,
    rope_theta: 500_000,
    rope_scaling: null,
    max_position_embeddings: 16_384,
    vocab_size: shape.vocabulary,
    attention_bias: false,
    attention_dropout: 0,
    tie_word_embeddings: false,
    pretraining_tp: 1,
    use_cache: false,
    torch_dtype: "float32",
    bos_token_id: shape.special.bos,
    eos_token_id: shape.special.eos,
    pad_token_id: shape.special.eos,
    mask_token_id: shape.special.mask,
    image_aspect_ratio: "anyres_max_4",
    image_grid_pinpoints: pinpoints,
    mm_hidden_size: VISION.hidden,
    mm_newline_position: "grid",
    mm_patch_merge_type: "spatial_unpad",
    mm_projector_type: "mlp2x_gelu",
    mm_spatial_pool_mode: "bilinear",
    mm_tunable_parts: "mm_vision_tower,mm_mlp_adapter,mm_language_model",
    mm_use_im_patch_token: false,
    mm_use_im_start_end: false,
    mm_vision_select_feature: "patch",
    mm_vision_select_layer: -2,
    mm_vision_tower: "bench-siglip2-patch14",
    use_mm_proj: true,
    vision_config: {
      hidden_size: VISION.hidden,
      intermediate_size: VISION.intermediate,
      num_hidden_layers: VISION.layers + 1, // the last one is never stored: the original deletes it
      num_attention_heads: VISION.heads,
      num_channels: 3,
      image_size: VISION.image,
      patch_size: VISION.patch,
      hidden_act: "gelu_pytorch_tanh",
      layer_norm_eps: 1e-6,
      attention_dropout: 0,
    },
  };
}

/**
 * Every tensor of the checkpoint in file order: `{ name, shape, mean, std }`, to be drawn from a normal distribution.
 *
 * @returns {{ name: string, shape: number[], mean: number, std: number }[]}
 */
export function tensorsOf(shape) {
  const { hidden, intermediate, vocabulary } = shape;
  const weight = (name, rows, columns, gain = 1) => normal(name, [rows, columns], gain / Math.sqrt(columns));
  const tensors = [normal("model.embed_tokens.weight", [vocabulary, hidden], 0.6)];
  for (let index = 0; index < shape.layers; index++) {
    const layer = `model.layers.${index}`;
    tensors.push(
      normal(`${layer}.input_layernorm.weight`, [hidden], 0.2, 1),
      weight(`${layer}.self_attn.q_proj.weight`, hidden, hidden, 1.7),
      weight(`${layer}.self_attn.k_proj.weight`, hidden, hidden, 1.7),
      weight(`${layer}.self_attn.v_proj.weight`, hidden, hidden),
      weight(`${layer}.self_attn.o_proj.weight`, hidden, hidden),
      normal(`${layer}.post_attention_layernorm.weight`, [hidden], 0.2, 1),
      weight(`${layer}.mlp.gate_proj.weight`, intermediate, hidden),
      weight(`${layer}.mlp.up_proj.weight`, intermediate, hidden),
      weight(`${layer}.mlp.down_proj.weight`, hidden, intermediate),
    );
  }
  tensors.push(
    normal("model.norm.weight", [hidden], 0.2, 1),
    weight("lm_head.weight", vocabulary, hidden, 3),
    normal("model.image_newline", [hidden], 0.6),
    weight("model.mm_projector.0.weight", hidden, VISION.hidden),
    normal("model.mm_projector.0.bias", [hidden], 0.1),
    weight("model.mm_projector.2.weight", hidden, hidden),
    normal("model.mm_projector.2.bias", [hidden], 0.1),
    ...visionTensors(),
  );
  return tensors;
}

function visionTensors() {
  const { hidden, intermediate, patch, image } = VISION;
  const root = "model.vision_tower.vision_tower.vision_model";
  const patches = (image / patch) ** 2;
  const linear = (name, rows, columns) => [
    normal(`${name}.weight`, [rows, columns], 1 / Math.sqrt(columns)),
    normal(`${name}.bias`, [rows], 0.1),
  ];
  const norm = (name) => [normal(`${name}.weight`, [hidden], 0.2, 1), normal(`${name}.bias`, [hidden], 0.1)];
  const tensors = [
    normal(`${root}.embeddings.patch_embedding.weight`, [hidden, 3, patch, patch], 1 / Math.sqrt(3 * patch * patch)),
    normal(`${root}.embeddings.patch_embedding.bias`, [hidden], 0.1),
    normal(`${root}.embeddings.position_embedding.weight`, [patches, hidden], 0.5),
  ];
  for (let index = 0; index < VISION.layers; index++) {
    const layer = `${root}.encoder.layers.${index}`;
    tensors.push(...norm(`${layer}.layer_norm1`));
    for (const part of ["q_proj", "k_proj", "v_proj", "out_proj"]) {
      tensors.push(...linear(`${layer}.self_attn.${part}`, hidden, hidden));
    }
    tensors.push(...norm(`${layer}.layer_norm2`));
    tensors.push(
      ...linear(`${layer}.mlp.fc1`, intermediate, hidden),
      ...linear(`${layer}.mlp.fc2`, hidden, intermediate),
    );
  }
  return [...tensors, ...norm(`${root}.post_layernorm`)];
}

function normal(name, shape, std, mean = 0) {
  return { name, shape, mean, std };
}

/** Bytes of all tensors in float32. */
export function bytesOf(shape) {
  return tensorsOf(shape).reduce((sum, tensor) => sum + 4 * tensor.shape.reduce((a, b) => a * b, 1), 0);
}

/** The prompt: ids below the special ones, the same for every run. */
export function promptOf(shape, length = shape.decode.prompt) {
  let state = 0x2545f491;
  return Array.from({ length }, () => {
    // xorshift32
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % shape.special.bos;
  });
}
