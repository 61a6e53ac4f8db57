/** A training run on a terminal: one line that is drawn anew with every step, and below it, where it is asked for and there
 *  is room, the loss as a chart. Elsewhere, in a file or a Slurm log, plain lines, not more than one in a few seconds. */

import { join } from "node:path";

import { flag, listener, number, object, optionSet } from "../../options/option-set.js";
import { StatusLine, type TerminalStream } from "../../status-line.js";
import { formatBytes, formatDuration, formatRate } from "../../units.js";
import type { Terms } from "../backward/micro-batch.js";
import { lossChart, plainLine } from "../curves/loss-chart.js";
import { LossCurve } from "../curves/loss-curve.js";
import type { EvaluationReport, ProcessesReport, RunFacts, StepProgress, StepReport } from "../run/run-report.js";
import { MetricsFollower } from "../watch/metrics-follower.js";
import type { RunLog } from "./combine-logs.js";
import { METRICS_FILE } from "./metrics-log.js";
import { MfuMeter } from "./mfu.js";
import { type Speed, SpeedWindow } from "./recent-speed.js";

export interface ProgressLogOptions {
  /** Steps between plain lines; default 1. */
  every?: number;
  /** Peak of the machine in 1e12 operations a second, where the device is not known. */
  peakTflops?: number | undefined;
  /** The loss as a chart below it, on a terminal of 60 by 16 or more; default false. */
  chart?: boolean;
  /** Default stderr. */
  stream?: TerminalStream;
  /** Milliseconds; for tests. */
  now?: () => number;
}

const checkProgressLog = optionSet<ProgressLogOptions>({
  every: number,
  peakTflops: number,
  chart: flag,
  stream: object,
  now: listener,
});

const REDRAW_MS = 100;
const PLAIN_MS = 5_000;
const CHART_ROOM = { columns: 60, rows: 16 };
const CHART_SIZE = { width: 90, height: 7 };
/** A step that takes so long shows how far it is. */
const LONG_STEP_SECONDS = 5;

export function progressLog(options: ProgressLogOptions = {}): RunLog {
  checkProgressLog(options);
  const { every = 1, peakTflops, chart = false, stream = process.stderr, now = () => performance.now() } = options;
  const isTerminal = stream.isTTY === true;
  const speeds = new SpeedWindow();
  let facts: RunFacts | undefined;
  const meter = new MfuMeter(peakTflops);
  const line = new StatusLine(stream);
  let drawnAt = Number.NEGATIVE_INFINITY;
  let curve = new LossCurve();

  /** Asked each time: terminals change their size. */
  const below = (): string[] => {
    const { columns = 0, rows = 0 } = stream;
    if (!chart || columns < CHART_ROOM.columns || rows < CHART_ROOM.rows) return [];
    const size = { ...CHART_SIZE, width: Math.min(CHART_SIZE.width, columns - 1) };
    return lossChart([curve.points], size).map(plainLine);
  };

  /** Whether something that changes all the time is due to be shown. */
  const isDue = (isLast: boolean): boolean => {
    if (!isLast && now() - drawnAt < (isTerminal ? REDRAW_MS : PLAIN_MS)) return false;
    drawnAt = now();
    return true;
  };

  return {
    onPreparation(what, done, total) {
      if (isTerminal && isDue(done >= total))
        line.draw(`${what}  ${total > 0 ? Math.floor((100 * done) / total) : 100}%`);
    },
    onStart(started) {
      facts = started;
      meter.start(started);
      line.clear();
      for (const text of startLines(started)) line.note(text);
      drawnAt = Number.NEGATIVE_INFINITY;
      if (isTerminal && chart && started.firstStep > 0) curve = curveBefore(started);
    },
    onLayers(progress) {
      if (isTerminal && progress.seconds >= LONG_STEP_SECONDS && isDue(false)) line.draw(layersLine(progress), below());
    },
    onStep(report) {
      if (facts === undefined) return;
      const speed = speeds.add(report);
      curve.add(report.step, report.loss);
      const isLast = report.step === facts.totalSteps;
      if (!isTerminal && report.step % every !== 0 && !isLast) return;
      if (!isDue(isLast)) return;
      const text = stepLine(report, facts, speed, meter.of(speed.tokensPerSecond, 1));
      if (isTerminal) line.draw(text, below());
      else stream.write(`${text}\n`);
    },
    onEvaluation: (report) => line.note(evaluationLine(report)),
    onCheckpoint: (folder) => line.note(`saved ${folder}`),
    onNote: (text) => line.note(text),
    // The last state of the run stays to be read.
    close: () => line.keep(),
  };
}

/** What a run that goes on had logged. */
function curveBefore({ output, firstStep }: RunFacts): LossCurve {
  const follower = new MetricsFollower(join(output, METRICS_FILE));
  follower.poll();
  const { curve } = follower.history;
  curve.cutFrom(firstStep + 1);
  return curve;
}

function startLines(facts: RunFacts): string[] {
  const { firstStep, totalSteps, records, parameters, trainedParameters, device, dtype, output, resumedFrom } = facts;
  const lines = [
    `${records} samples, ${totalSteps} steps; ${amount(trainedParameters)} of ${amount(parameters)} parameters are trained, ${dtype} on ${device}; output ${output}`,
  ];
  if (resumedFrom !== undefined) lines.push(`goes on from ${resumedFrom}, after step ${firstStep}`);
  return lines;
}

/** One step in one line: what matters most comes first, for terminals that cut it. */
export function stepLine(report: StepReport, facts: RunFacts, speed: Speed, mfu: number | undefined): string {
  const memory = facts.device === "cpu" ? report.residentBytes : report.tensorBytes;
  const left = (facts.totalSteps - report.step) * speed.secondsPerStep;
  const parts = [
    `step ${report.step} of ${facts.totalSteps}`,
    `loss ${report.loss.toFixed(4)}${termsText(report.terms)}`,
    `lr ${formatRate(report.learningRate)}`,
    `norm ${report.gradientNorm.toPrecision(3)}`,
    `${amount(speed.tokensPerSecond)} tokens/s`,
    `${speed.samplesPerSecond.toPrecision(3)} samples/s`,
  ];
  if (mfu !== undefined) parts.push(`MFU ${(100 * mfu).toFixed(1)}%`);
  if (speed.waiting > 0.1) parts.push(`${Math.round(100 * speed.waiting)}% waiting for data`);
  if (report.processes !== undefined) parts.push(processesText(report.processes));
  parts.push(formatBytes(memory));
  if (left > 0) parts.push(`${formatDuration(left)} left`);
  return parts.join("  ");
}

/** What waiting costs, and for whom, where that is worth a look. */
function processesText({ count, waitedSeconds, slowest, slowestSeconds }: ProcessesReport): string {
  return `${count} processes, waited ${waitedSeconds.toFixed(2)} s, slowest ${slowest} (${slowestSeconds.toFixed(2)} s)`;
}

/** Layers are counted on the way forth, and again on the way back. */
const layersLine = ({ step, batch, batches, part, done, total }: StepProgress): string =>
  `step ${step}${batches > 1 ? `  micro-batch ${batch} of ${batches}` : ""}  ${part} model: layer ${done} of ${total}`;

function evaluationLine({ step, loss, terms, samples }: EvaluationReport): string {
  return `held-out loss after step ${step}: ${loss.toFixed(4)}${termsText(terms)}, ${samples} samples`;
}

/** The terms where there are several, which add up to the loss. */
function termsText(terms: Terms): string {
  const shown = Object.entries(terms).filter((entry): entry is [string, number] => entry[1] !== undefined);
  return shown.length < 2 ? "" : ` (${shown.map(([name, value]) => `${name} ${value.toFixed(3)}`).join(", ")})`;
}

/** 8434837024 -> 8.43G */
function amount(value: number): string {
  const units = ["", "k", "M", "G", "T"];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, value)) / 3)));
  return `${Number((value / 1000 ** power).toPrecision(3))}${units[power]}`;
}
