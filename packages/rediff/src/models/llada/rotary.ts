/** Rotary position embedding in the half-split form: pairs are (x_j, x_{j + H/2}), angle position * theta^(-2j/H).
 *  B batch, L positions, R of them that ask, N heads, H head width.
 *
 *  Angles, cosines and sines are float32, then cast to the activations' dtype: LLaDA-V's choice (the original LLaDA
 *  rotates in float32), kept for parity. */
import { type Device, type DType, fromBuffer, scope, type Tensor, upload } from "@rediff/torch";
import { turn_ } from "../kernels.js";
import { at, type Positions } from "./attend.js";
import type { LladaConfig } from "./llada-config.js";

export interface RotaryTables {
  /** [B or 1, 1, L, H] */
  cos: Tensor;
  sin: Tensor;
}

/** The tables of some positions only: [B or 1, 1, R, H] */
export function rotaryAt(tables: RotaryTables, positions: Positions | undefined): RotaryTables {
  if (positions === undefined) return tables;
  return { cos: at(tables.cos, positions, 2), sin: at(tables.sin, positions, 2) };
}

/** theta^(-2j/H) as float32 torch computes it: [H/2] */
export function inverseFrequencies(theta: number, headDim: number): Tensor {
  const exponents = new Float32Array(headDim / 2).map((_, j) => (2 * j) / headDim);
  return fromBuffer(new Float32Array(headDim / 2).fill(theta), [headDim / 2])
    .pow(fromBuffer(exponents, [headDim / 2]))
    .reciprocal();
}

/** The base under which dynamic NTK scaling covers `length` positions. */
export function dynamicTheta(config: LladaConfig, factor: number, length: number): number {
  const stretch = (factor * length) / config.maxPositions - (factor - 1);
  return config.ropeTheta * stretch ** (config.headDim / (config.headDim - 2));
}

/** Makes the tables for given positions. With dynamic scaling every input gets the base of its own length; the original
 *  keeps a stretched base for later, shorter inputs. */
export class Rotary {
  readonly #config: LladaConfig;

  constructor(config: LladaConfig) {
    this.#config = config;
  }

  /** @param positions one list per batch row, or one for all; whole numbers from 0 */
  tables(positions: readonly ArrayLike<number>[], dtype: DType, device: Device): RotaryTables {
    const { headDim, ropeScaling, ropeTheta, maxPositions } = this.#config;
    const length = positions[0]?.length ?? 0;
    const flat = new Float32Array(positions.length * length);
    let last = 0;
    for (const [b, row] of positions.entries())
      for (let i = 0; i < length; i++) {
        const position = row[i] as number;
        flat[b * length + i] = position;
        last = Math.max(last, position);
      }
    const isStretched = ropeScaling?.type === "dynamic" && last + 1 > maxPositions;
    const theta = isStretched ? dynamicTheta(this.#config, ropeScaling.factor, last + 1) : ropeTheta;
    return scope(() => {
      let positions_BL1 = fromBuffer(flat, [positions.length, length, 1]);
      if (ropeScaling?.type === "linear") positions_BL1 = positions_BL1.div(ropeScaling.factor);
      const angles_BLh = positions_BL1.mul(inverseFrequencies(theta, headDim)); // h = H/2
      const angles_B1LH = angles_BLh.repeat([1, 1, 2]).unsqueeze(1);
      const table = (angles: Tensor): Tensor => upload(angles.to({ dtype }), device);
      return { cos: table(angles_B1LH.cos()), sin: table(angles_B1LH.sin()) };
    });
  }
}

/** Rotates queries or keys [B, N, L, H], which are used up; the products are in the activations' dtype. */
export const rotate_ = (x_BNLH: Tensor, { cos, sin }: RotaryTables): Tensor => turn_(x_BNLH, cos, sin);
