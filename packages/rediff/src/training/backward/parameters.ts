/** The tensors of a model by their names in a checkpoint, and which of them a training run changes.
 *
 *  As in LLaVA's `mm_tunable_parts`: everything is frozen but the parts that are named. The language model's part has
 *  whatever is neither tower nor projector: embeddings, head, norms and the newline vector too. */
import { optim, type Tensor } from "@rediff/torch";
import { BLOCK_NAMES, SIGLIP_LAYER_NAMES, TOWER_PREFIX } from "../../checkpoint/tensor-names.js";
import { UserError } from "../../errors.js";
import { unrounded } from "../../models/llada/llada.js";
import type { Model } from "../../models/llava/llava.js";
import { projectorLayerNames } from "../../models/projector/projector.js";
import type { Affine } from "../../models/siglip/siglip.js";

/** Chooses the learning rate. */
export type ParameterPart = "language" | "projector" | "vision";

export interface NamedTensor {
  /** In a LLaDA-V checkpoint: `model.layers.0.self_attn.q_proj.weight` */
  name: string;
  tensor: Tensor;
  part: ParameterPart;
  /** Norm weights and biases never decay. */
  decays: boolean;
}

/** A tensor that is trained. Its gradient is float32, or float64 for a float64 weight; that of the embedding goes by rows. */
export interface Parameter extends optim.Parameter {
  readonly part: ParameterPart;
  readonly decays: boolean;
}

/** A low-rank correction of a linear weight, in whose place it is trained. */
export interface Adapter {
  down: Parameter; // [r, I]
  up: Parameter; // [O, r]
  scale: number;
}

/** A model and what is trained of it. Disposing frees the gradients; the model stays its owner's. */
export interface TrainableModel extends Disposable {
  readonly model: Model;
  readonly parameters: readonly Parameter[];
  /** By the name of the weight that they correct, one of the blocks' seven linear ones. Their parameters are among
   *  `parameters`. */
  readonly adapters?: ReadonlyMap<string, Adapter>;
}

/** LLaVA's names. `mm_vision_resampler` is accepted and holds nothing: these models have no resampler. */
export const TUNABLE_PARTS = ["mm_mlp_adapter", "mm_vision_resampler", "mm_vision_tower", "mm_language_model"] as const;
export type TunablePart = (typeof TUNABLE_PARTS)[number];

const PART_OF: Readonly<Record<ParameterPart, TunablePart>> = {
  projector: "mm_mlp_adapter",
  vision: "mm_vision_tower",
  language: "mm_language_model",
};

/** The name of a block's weight. */
export const blockTensorName = (layer: number, weight: keyof typeof BLOCK_NAMES): string =>
  `model.layers.${layer}.${BLOCK_NAMES[weight]}.weight`;

const POST_NORM = `${TOWER_PREFIX}vision_model.post_layernorm.`;

/** Every tensor of a model, each once: what a checkpoint of it holds. */
export function namedTensors(model: Model): NamedTensor[] {
  const tensors: NamedTensor[] = [];
  const add = (name: string, tensor: Tensor | undefined, part: ParameterPart): void => {
    if (tensor !== undefined) tensors.push({ name, tensor, part, decays: !/(norm\d?\.weight|\.bias)$/.test(name) });
  };
  const addAffine = (name: string, affine: Affine | undefined, part: ParameterPart): void => {
    add(`${name}weight`, affine?.weight, part);
    add(`${name}bias`, affine?.bias, part);
  };

  const { embedTokens, blocks, norm, head } = unrounded(model.llada).weights;
  add("model.embed_tokens.weight", embedTokens, "language");
  for (const [i, weights] of blocks.entries())
    for (const key of Object.keys(BLOCK_NAMES) as (keyof typeof BLOCK_NAMES)[])
      add(blockTensorName(i, key), weights[key], "language");
  add("model.norm.weight", norm, "language");
  add("lm_head.weight", head, "language");

  if (model.vision === undefined) return tensors;
  const { config, newline, projector, tower } = model.vision;
  add("model.image_newline", newline, "language");
  for (const [i, name] of projectorLayerNames(config.projectorType).entries())
    addAffine(`model.mm_projector.${name}`, projector[i], "projector");
  const root = `${TOWER_PREFIX}vision_model.`;
  addAffine(`${root}embeddings.patch_embedding.`, tower.weights.patchEmbedding, "vision");
  add(`${root}embeddings.position_embedding.weight`, tower.weights.positions, "vision");
  for (const [i, weights] of tower.weights.layers.entries())
    for (const key of Object.keys(SIGLIP_LAYER_NAMES) as (keyof typeof SIGLIP_LAYER_NAMES)[])
      addAffine(`${root}encoder.layers.${i}.${SIGLIP_LAYER_NAMES[key]}.`, weights[key], "vision");
  addAffine(POST_NORM, tower.weights.postNorm, "vision");
  return tensors;
}

/** What is trained when `parts` are. The tower's post_layernorm is never among it: nothing depends on it, and the
 *  reference's optimizer never touches it either.
 *  @throws UserError when nothing is left to train */
export function trainable(model: Model, parts: readonly TunablePart[]): TrainableModel {
  const parameters = namedTensors(model)
    .filter(({ name, part }) => parts.includes(PART_OF[part]) && !name.startsWith(POST_NORM))
    .map(
      ({ name, tensor, part, decays }): Parameter => ({
        name,
        weight: tensor,
        part,
        decays,
        gradient: undefined,
        rowwise: tensor === model.llada.weights.embedTokens,
      }),
    );
  if (parameters.length === 0)
    throw new UserError(
      `nothing to train: mm_tunable_parts is "${parts.join(",")}" and ${model.folder} has no such tensors`,
      model.vision === undefined
        ? "A text-only LLaDA has mm_language_model alone; `rediff convert` gives it a vision encoder."
        : `Name some of ${TUNABLE_PARTS.join(", ")}.`,
    );
  return {
    model,
    parameters,
    [Symbol.dispose]: () => parameters.forEach(optim.freeGradient),
  };
}
