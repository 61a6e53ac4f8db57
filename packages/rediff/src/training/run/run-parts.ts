/** What a run is put together from. */
import type { SampleLoader } from "../../data/loading/loader.js";
import type { Ranks } from "../../ranks/ranks.js";
import type { DataFingerprint } from "../checkpoint/data-fingerprint.js";
import type { BatchPlan } from "./batch-plan.js";
import type { HeldOut } from "./held-out-loss.js";
import type { TrainObserver } from "./run-report.js";
import type { LoadedModel } from "./starting-model.js";

/** What somebody outside may ask of a run while it goes on: looked at between steps. */
export interface RunRequests {
  /** Save a checkpoint and go on. */
  save: boolean;
  /** Save a checkpoint and end. */
  stop: boolean;
}

export interface RunParts {
  loaded: LoadedModel;
  loader: SampleLoader;
  data: DataFingerprint;
  heldOut: HeldOut | undefined;
  batchPlan: BatchPlan;
  options: TrainObserver & { ranks?: Ranks | undefined };
}
