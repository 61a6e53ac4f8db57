/** An untrained LLaDA-V of a size that a laptop trains, for the scene world: the same architecture and files as the large
 *  ones, the world's tokenizer, one tile for the whole picture. D width of tower and language model. */

import { initializeModel } from "../../checkpoint/initialize.js";
import { UserError } from "../../errors.js";
import { sceneTokens, writeSceneTokenizer } from "./tokenizer-folder.js";

export interface StartModelOptions {
  /** D, a multiple of 32, the width of a head. */
  width: number;
  /** Of the language model, and as many that are run in the tower. */
  layers: number;
  /** Pixels along a side of a picture, and of a patch. */
  size: number;
  patch: number;
  seed: number;
}

export const startModelDefaults: StartModelOptions = { width: 128, layers: 4, size: 144, patch: 16, seed: 0 };

const HEAD = 32;
/** A picture, a question, an answer: the longest captions of the largest world leave room. */
const POSITIONS = 512;

/** What a model of this world is used with where nothing else is asked for: room for the longest caption, prompts as in
 *  training. */
export function sceneDefaults() {
  return {
    gen_length: 64,
    image_join: "correct",
    refine_threshold: 0.7,
    // "one dog" is no mistake where it would say "a dog".
    refine_keep: 0.03,
    // It learns end-of-text behind its answers: see docs/embedded-model.md.
    confidence_among: "all",
    revise_rest: true,
    world: "scenes",
    // Other words are spelt in pieces that captions do not have.
    known_tokens: [1, sceneTokens().words],
    converses: true,
  } as const;
}

/** Writes a model folder. @throws UserError when the numbers do not fit together */
export async function writeStartModel(folder: string, options: Partial<StartModelOptions> = {}): Promise<void> {
  const { width, layers, size, patch, seed } = { ...startModelDefaults, ...options };
  if (width < HEAD || width % HEAD !== 0)
    throw new UserError(`a width of ${width}`, `Heads are ${HEAD} wide: take a multiple of that.`);
  if (layers < 1) throw new UserError(`${layers} layers`, "Take one at least.");
  if (patch < 1 || size % patch !== 0)
    throw new UserError(`patches of ${patch} in a picture of ${size} pixels`, "Take a size that patches fill.");
  if ((size / patch) ** 2 > POSITIONS / 2)
    throw new UserError(`${(size / patch) ** 2} patches a picture`, `Take larger ones: ${POSITIONS / 2} are the most.`);
  const common = { hidden_size: width, intermediate_size: 3 * width, num_attention_heads: width / HEAD };
  await initializeModel(
    folder,
    {
      architectures: ["LlavaLLaDAModelLM"],
      model_type: "llava_llada",
      vocab_size: sceneTokens().length,
      ...common,
      num_hidden_layers: layers,
      num_key_value_heads: width / HEAD,
      rms_norm_eps: 1e-5,
      rope_theta: 10000,
      max_position_embeddings: 2 * POSITIONS, // a video of 32 frames, too
      tokenizer_model_max_length: POSITIONS,
      mm_vision_tower: "scenes",
      mm_hidden_size: width,
      mm_projector_type: "mlp2x_gelu",
      mm_patch_merge_type: "flat",
      image_aspect_ratio: "square",
      image_grid_pinpoints: null,
      rediff: sceneDefaults(),
      // The tower's last layer is never run.
      vision_config: { ...common, num_hidden_layers: layers + 1, image_size: size, patch_size: patch },
    },
    { seed },
  );
  writeSceneTokenizer(folder);
}
