/** The sizes of a LLaDA. What a config.json says is read in checkpoint/config.ts. */

export interface RopeScaling {
  type: "linear" | "dynamic";
  factor: number;
}

export interface LladaConfig {
  vocabSize: number;
  hiddenSize: number;
  intermediateSize: number;
  layers: number;
  heads: number;
  /** Fewer than `heads` means grouped-query attention. */
  kvHeads: number;
  headDim: number;
  rmsNormEps: number;
  ropeTheta: number;
  ropeScaling: RopeScaling | undefined;
  maxPositions: number;
}

/** Positions that a model can be asked for: stretched rotary positions reach further than those that were trained. */
export const furthest = ({ maxPositions, ropeScaling }: LladaConfig): number =>
  Math.floor(maxPositions * (ropeScaling?.factor ?? 1));
