/** A linear layer on a tower's features, which says of each patch one of K classes: what the tower is trained by, and
 *  no part of a model. R patches, C width of the tower. */
import {
  crossEntropyLoss,
  fromBuffer,
  type Generator,
  layerNorm,
  linear,
  randn,
  scope,
  type Tensor,
  zeros,
} from "@rediff/torch";
import type { Parameter } from "../../training/backward/parameters.js";
import { objectNames } from "../world/object-names.js";

/** Patches without an object are three of four, and easy. */
const NOTHING_WEIGHT = 0.3;

export class PatchHead implements Disposable {
  readonly #weight: Parameter; // [K, C]
  readonly #bias: Parameter; // [K]

  constructor(classes: number, width: number, generator: Generator) {
    const parameter = (name: string, weight: Tensor, decays: boolean): Parameter => ({
      name: `${classes} ${name}`,
      weight,
      part: "vision",
      decays,
      gradient: undefined,
    });
    this.#weight = parameter(
      "weight",
      scope(() => randn([classes, width], generator).mul(1 / Math.sqrt(width))),
      true,
    );
    this.#bias = parameter("bias", zeros([classes]), false);
  }

  /** A head for the names of objects, and "nothing". */
  static forNames(width: number, generator: Generator): PatchHead {
    return new PatchHead(objectNames.length + 1, width, generator);
  }

  get parameters(): readonly Parameter[] {
    return [this.#weight, this.#bias];
  }

  /** [R, C] -> [R, K] */
  logits(features_RC: Tensor): Tensor {
    return linear(features_RC, this.#weight.weight, this.#bias.weight);
  }

  [Symbol.dispose](): void {
    for (const { weight } of this.parameters) weight.dispose();
  }
}

/** One row for each patch of all pictures, normalised so that larger features are no better: [B, P, C] -> [R, C] */
export function normalRows(features_BPC: Tensor): Tensor {
  const width = features_BPC.size(2);
  return layerNorm(features_BPC, [width]).reshape([-1, width]);
}

/** Cross entropy of names, "nothing" counting for less.
 *  @param logits_RK of a head for names
 *  @param classes [R] */
export function nameLoss(logits_RK: Tensor, classes: BigInt64Array): Tensor {
  const weights = Float32Array.from({ length: objectNames.length + 1 }, (_, i) => (i === 0 ? NOTHING_WEIGHT : 1));
  return crossEntropyLoss(logits_RK, fromBuffer(classes, [classes.length]), fromBuffer(weights, [weights.length]));
}
