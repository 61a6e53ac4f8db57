/** How an engine answers: with which model, in how many processes, and how much it takes on. */
import type { LoadOptions } from "../../checkpoint/load-model.js";
import type { ForwardPass } from "../../inference/batcher.js";
import type { ModelFacts } from "../../inference/model-facts.js";
import type { DecodingLimits } from "../../vision/workers/decoding-limits.js";
import type { LifeLimits } from "./life-signs.js";

export interface EngineOptions {
  folder: string;
  load: LoadOptions;
  threads?: number | undefined;
  /** Processes that hold the model, each with memory and a forward pass of its own; default 1. With the device "cuda" each
   *  of several has the GPU of its number. */
  replicas?: number | undefined;
  /** Requests in one forward pass. */
  batch: number;
  /** Of pictures' features, kept for the next question about the same one. */
  keptBytes?: number | undefined;
  /** Bytes that caches may take together; default as the batcher has it. */
  cacheBytes?: number | undefined;
  /** Bytes that requests may take together beside the model; default as the batcher has it. */
  memoryBytes?: number | undefined;
  /** Requests that may wait. */
  queue: number;
  /** Processes that decode pictures, at most. */
  visionWorkers: number;
  /** For each picture, and for what is in its process. */
  decoding?: DecodingLimits | undefined;
  /** Of a model that is loaded when it is first asked for: what is known of it without its weights. */
  lazy?: ModelFacts | undefined;
  /** Resolves when there is memory for a model that is about to be loaded because somebody asks for it. */
  admit?: (() => Promise<void>) | undefined;
  onPass?: (pass: ForwardPass) => void;
  /** When the model's process counts as hanging, and is replaced; defaults in life-signs.ts. */
  life?: Partial<LifeLimits> | undefined;
  /** Told of crashes and restarts. */
  log?: (line: string) => void;
}
