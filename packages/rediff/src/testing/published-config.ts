/** What the config.json of LLaDA-V-8B says, as far as it decides on sizes. */
export const publishedConfig = {
  model_type: "llava_llada",
  hidden_size: 4096,
  intermediate_size: 12288,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  vocab_size: 126464,
  mm_projector_type: "mlp2x_gelu",
  mm_patch_merge_type: "spatial_unpad",
};
