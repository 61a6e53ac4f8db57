/** From the vision tower's width to the language model's: `linear`, or `mlpNx_gelu`, N linear layers with exact (erf)
 *  GELUs between them.
 *  T tiles, P patches, C width of the tower, D of the language model. */
import { scope, type Tensor } from "@rediff/torch";
import { UserError } from "../../errors.js";
import { linear } from "../kernels.js";
import type { Affine } from "../siglip/siglip.js";

/** Published projectors have two; more than this is a mistake, or a trap for whoever counts up to it. */
const MOST_LAYERS = 64;

/** How many linear layers a `mm_projector_type` has. */
export function projectorDepth(type: string): number {
  if (type === "linear") return 1;
  const depth = Number(/^mlp(\d+)x_gelu$/.exec(type)?.[1]);
  if (!(depth >= 1 && depth <= MOST_LAYERS))
    throw new UserError(
      `mm_projector_type ${JSON.stringify(type.slice(0, 100))} is unknown`,
      'It is "linear" or "mlpNx_gelu", such as mlp2x_gelu.',
    );
  return depth;
}

/** Names of the projector's layers in a checkpoint: GELUs take up the odd places of the sequence. */
export function projectorLayerNames(type: string): string[] {
  if (type === "linear") return [""];
  return Array.from({ length: projectorDepth(type) }, (_, i) => `${2 * i}.`);
}

/** [T, P, C] -> [T, P, D] */
export function project(layers: readonly Affine[], features_TPC: Tensor): Tensor {
  return scope(() => {
    let x_TPD = features_TPC;
    for (const [i, { weight, bias }] of layers.entries()) x_TPD = linear(i === 0 ? x_TPD : x_TPD.gelu(), weight, bias);
    return x_TPD;
  });
}
