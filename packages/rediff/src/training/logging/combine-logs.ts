/** Several listeners to one training run. */

import { listener, number, optionSet } from "../../options/option-set.js";
import type { TrainObserver } from "../run/run-report.js";

/** A listener that holds something open. */
export interface RunLog extends TrainObserver {
  /** Gives back files and the terminal; nothing may be reported afterwards. */
  close(): void;
}

/** What the logs that write files have in common. */
export interface FileLogOptions {
  /** Steps between entries; default 1. */
  every?: number;
  /** Peak of the machine in 1e12 operations a second, where the device is not known. */
  peakTflops?: number | undefined;
  /** Milliseconds since 1970; for tests. */
  now?: () => number;
}

export const checkFileLog = optionSet<FileLogOptions>({ every: number, peakTflops: number, now: listener });

/** All of them in the given order. */
export function combineLogs(logs: readonly (TrainObserver | RunLog)[]): RunLog {
  return {
    onPreparation: (what, done, total) => {
      for (const log of logs) log.onPreparation?.(what, done, total);
    },
    onStart: (facts) => {
      for (const log of logs) log.onStart?.(facts);
    },
    onLayers: (progress) => {
      for (const log of logs) log.onLayers?.(progress);
    },
    onStep: (report) => {
      for (const log of logs) log.onStep?.(report);
    },
    onEvaluation: (report) => {
      for (const log of logs) log.onEvaluation?.(report);
    },
    onCheckpoint: (folder, step) => {
      for (const log of logs) log.onCheckpoint?.(folder, step);
    },
    onSkip: (skip) => {
      for (const log of logs) log.onSkip?.(skip);
    },
    onNote: (line) => {
      for (const log of logs) log.onNote?.(line);
    },
    close: () => {
      for (const log of logs) if ("close" in log) log.close();
    },
  };
}
