/** What a training run tells: facts, as numbers. Who listens makes lines, files or pictures of them. */
import { z } from "zod";
import type { Skip } from "../../data/samples/sample-error.js";
import type { LayersDone } from "../../models/chain.js";
import { listener, type OptionTypes } from "../../options/option-set.js";
import type { Terms } from "../backward/micro-batch.js";

/** Known before the first step. */
export interface RunFacts {
  output: string;
  device: string;
  dtype: string;
  totalSteps: number;
  /** Updates that were done before this start. */
  firstStep: number;
  /** The checkpoint that the run goes on from. */
  resumedFrom: string | undefined;
  records: number;
  /** That train together. */
  processes: number;
  /** Of the whole model, and those that are trained. */
  parameters: number;
  trainedParameters: number;
  /** Floating-point operations of forward and backward for one token of the language model: 6 for each weight that is
   *  trained, 4 for one that is not. Recomputation and attention scores are not counted, as is the custom for MFU. */
  flopsPerToken: number;
}

/** How far the update under way is: layers of a forward pass, then of the way back. */
export interface StepProgress extends LayersDone {
  /** The update, from 1, and its micro-batch. */
  step: number;
  batch: number;
  batches: number;
  /** Since the update began. */
  seconds: number;
}

/** One update. */
export interface StepReport {
  /** Updates done, this one included. */
  step: number;
  /** Passes through the data, as a fraction. */
  epoch: number;
  loss: number;
  terms: Terms;
  /** Rate of the language model's group. */
  learningRate: number;
  /** 2-norm of all gradients before clipping. */
  gradientNorm: number;
  samples: number;
  /** Positions that the language model read, and positions that counted. */
  tokens: number;
  rows: number;
  /** Of this step: all, and waiting for data. */
  seconds: number;
  waitSeconds: number;
  /** Live tensors of this thread and their bytes, and the process' resident memory. */
  tensors: number;
  tensorBytes: number;
  residentBytes: number;
  /** Where several train: samples, tokens and rows are those of all. */
  processes?: ProcessesReport;
}

/** What a step was between processes. */
export interface ProcessesReport {
  count: number;
  /** By this process. */
  sentBytes: number;
  /** In which this process waited for the others and for the network. */
  waitedSeconds: number;
  /** The rank that worked longest on its micro-batches, and how long. */
  slowest: number;
  slowestSeconds: number;
  /** Bytes of this process' tensors at most, looked at in every unit of the way; where the weights are divided. */
  peakTensorBytes?: number;
}

export interface EvaluationReport {
  step: number;
  loss: number;
  terms: Terms;
  samples: number;
  seconds: number;
}

export interface TrainObserver {
  /** Something that takes long goes on: bytes indexed, records measured. */
  onPreparation?(what: string, done: number, total: number): void;
  onStart?(facts: RunFacts): void;
  /** Now and then between two layers of a step that takes long. */
  onLayers?(progress: StepProgress): void;
  onStep?(report: StepReport): void;
  onEvaluation?(report: EvaluationReport): void;
  onCheckpoint?(folder: string, step: number): void;
  onSkip?(skip: Skip): void;
  onNote?(line: string): void;
}

export const observerTypes: OptionTypes<TrainObserver> = {
  onPreparation: listener,
  onStart: listener,
  onLayers: listener,
  onStep: listener,
  onEvaluation: listener,
  onCheckpoint: listener,
  onSkip: listener,
  onNote: listener,
};

export interface TrainResult {
  steps: number;
  totalSteps: number;
  /** Of the last step; undefined when none was left to do. */
  loss: number | undefined;
  /** The folder of the trained model, or of the checkpoint when the run was asked to stop. */
  folder: string;
  finished: boolean;
}

/** As one process tells it to others, in JSON. */
export const trainResultSchema: z.ZodType<TrainResult> = z
  .object({
    ...{ steps: z.number(), totalSteps: z.number(), loss: z.number().optional() },
    ...{ folder: z.string(), finished: z.boolean() },
  })
  .transform(({ loss, ...rest }) => ({ ...rest, loss }));
