/** Where a run stands, in numbers: of what its folder has. The names are those of `rediff train --watch --json`. */
import { smoothed } from "../curves/loss-curve.js";
import type { HeldOutLine, TermValues } from "./metrics-line.js";
import type { RunHistory } from "./run-history.js";
import type { SavedRun } from "./saved-run.js";

/** `preparing`: at work, no step is logged yet. `finished`: the trained model is in the folder. `stopped`: nobody is at work;
 *  it goes on from `checkpoint`, where there is one. */
export type RunState = "preparing" | "running" | "finished" | "stopped";

export interface HeldOut {
  step: number;
  loss: number | null;
  terms: TermValues;
  samples: number | null;
}

export interface RunSummary {
  folder: string;
  state: RunState;
  /** Who is at work. */
  process: { pid: number; host: string } | null;
  /** The last one that was logged. */
  step: number | null;
  total_steps: number | null;
  /** Passes through the data. */
  epoch: number | null;
  /** Of the last step; null where that was no finite number. */
  loss: number | null;
  /** The mean over the last twenty-fifth of the run, and five logged steps at least. */
  loss_smoothed: number | null;
  terms: TermValues;
  learning_rate: number | null;
  gradient_norm: number | null;
  /** Over the last half minute of steps. */
  samples_per_second: number | null;
  tokens_per_second: number | null;
  /** Of a run at work. */
  seconds_left: number | null;
  held_out: HeldOut | null;
  best_held_out: HeldOut | null;
  /** Folder of the newest one. */
  checkpoint: string | null;
  /** When the last line was logged, ISO 8601. */
  updated: string | null;
  /** Steps whose loss was no finite number, and lines of metrics.jsonl that are none of a run. */
  not_finite: number;
  unreadable_lines: number;
}

export interface RunFiles {
  folder: string;
  history: RunHistory;
  saved: SavedRun;
  /** When metrics.jsonl was written to last, in milliseconds since 1970. */
  writtenAt: number | undefined;
}

export function summarize({ folder, history, saved, writtenAt }: RunFiles): RunSummary {
  const { last, speed } = history;
  const state = stateOf(history, saved);
  const total = totalSteps(history, saved);
  const isAtWork = state === "running" || state === "preparing";
  const left = isAtWork && last && speed && total !== undefined ? (total - last.step) * speed.secondsPerStep : null;
  return {
    folder,
    state,
    process: saved.owner === undefined ? null : { pid: saved.owner.pid, host: saved.owner.host },
    // Not every step is logged.
    step: (state === "finished" ? saved.finishedStep : undefined) ?? last?.step ?? null,
    total_steps: total ?? null,
    epoch: last?.epoch ?? null,
    loss: finite(last?.loss),
    loss_smoothed: finite(smoothed(history.curve.points).at(-1)?.loss),
    terms: last?.terms ?? {},
    learning_rate: last?.learningRate ?? null,
    gradient_norm: last?.gradientNorm ?? null,
    samples_per_second: speed?.samplesPerSecond ?? null,
    tokens_per_second: speed?.tokensPerSecond ?? null,
    seconds_left: left,
    held_out: heldOut(history.heldOut.at(-1)),
    best_held_out: heldOut(history.bestHeldOut),
    checkpoint: saved.checkpoint?.folder ?? null,
    updated: history.time ?? (writtenAt === undefined ? null : new Date(writtenAt).toISOString()),
    not_finite: history.notFinite,
    unreadable_lines: history.unreadable,
  };
}

function stateOf(history: RunHistory, { owner, isFinished }: SavedRun): RunState {
  if (owner !== undefined) return history.isEmpty ? "preparing" : "running";
  return isFinished ? "finished" : "stopped";
}

/** As the run says; of logs that do not, the recipe's, or what its passes come to. */
function totalSteps({ last }: RunHistory, { finishedStep, maxSteps, epochs }: SavedRun): number | undefined {
  if (last?.totalSteps !== undefined) return last.totalSteps;
  if (finishedStep !== undefined) return finishedStep;
  if (maxSteps !== undefined || epochs === undefined || !last?.epoch) return maxSteps;
  return Math.max(last.step, Math.round((last.step * epochs) / last.epoch));
}

const finite = (value: number | undefined): number | null =>
  value !== undefined && Number.isFinite(value) ? value : null;

const heldOut = (line: HeldOutLine | undefined): HeldOut | null =>
  line === undefined
    ? null
    : { step: line.step, loss: finite(line.loss), terms: line.terms, samples: line.samples ?? null };
