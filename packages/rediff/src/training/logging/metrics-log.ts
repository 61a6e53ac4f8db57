/** OUTPUT/metrics.jsonl: one JSON line for every step and every evaluation of a run, whole also across interruptions.
 *
 *  A resumed run takes steps again that an earlier start had taken after its last checkpoint: their lines are cut off
 *  first, so that every step is in the file once. */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { writeError } from "../../files/write-errors.js";
import type { FileLogOptions, RunLog } from "./combine-logs.js";
import { checkFileLog } from "./combine-logs.js";
import { MfuMeter } from "./mfu.js";

export const METRICS_FILE = "metrics.jsonl";

export function metricsLog(output: string, options: FileLogOptions = {}): RunLog {
  checkFileLog(options);
  const { every = 1, peakTflops, now = Date.now } = options;
  const path = join(output, METRICS_FILE);
  let file: number | undefined;
  const meter = new MfuMeter(peakTflops);
  let totalSteps: number | undefined;

  const write = (values: Record<string, unknown>): void => {
    if (file === undefined) return;
    const line = `${JSON.stringify({ ...values, time: new Date(now()).toISOString() })}\n`;
    try {
      // One call, so that a kill leaves at most one line cut short, which the next start drops.
      writeSync(file, line);
    } catch (error) {
      throw writeError(path, error);
    }
  };

  return {
    onStart(facts) {
      meter.start(facts);
      ({ totalSteps } = facts);
      try {
        mkdirSync(output, { recursive: true });
        cutAfter(path, facts.firstStep);
        file = openSync(path, "a");
      } catch (error) {
        throw writeError(path, error);
      }
    },
    onStep(report) {
      if (report.step % every !== 0) return;
      const { step, epoch, loss, terms, samples, tokens, rows, seconds } = report;
      write({
        step,
        total_steps: totalSteps,
        epoch,
        loss,
        ...Object.fromEntries(Object.entries(terms).map(([name, value]) => [`loss_${name}`, value])),
        learning_rate: report.learningRate,
        gradient_norm: report.gradientNorm,
        samples,
        tokens,
        rows,
        seconds,
        wait_seconds: report.waitSeconds,
        mfu: meter.of(tokens, seconds),
        tensors: report.tensors,
        tensor_bytes: report.tensorBytes,
        resident_bytes: report.residentBytes,
        ...(report.processes && {
          processes: report.processes.count,
          sent_bytes: report.processes.sentBytes,
          communication_seconds: report.processes.waitedSeconds,
          slowest_rank: report.processes.slowest,
          slowest_seconds: report.processes.slowestSeconds,
          peak_tensor_bytes: report.processes.peakTensorBytes,
        }),
      });
    },
    onEvaluation({ step, loss, terms, samples, seconds }) {
      const named = Object.entries(terms).map(([name, value]) => [`eval_loss_${name}`, value]);
      write({ step, eval_loss: loss, ...Object.fromEntries(named), eval_samples: samples, eval_seconds: seconds });
    },
    close() {
      if (file !== undefined) closeSync(file);
      file = undefined;
    },
  };
}

const lineSchema = z.looseObject({ step: z.number() });

/** Keeps the lines of steps up to `step`, and of what is no whole line nothing. */
function cutAfter(path: string, step: number): void {
  if (!existsSync(path)) return;
  const lines = readFileSync(path, "utf8").split("\n");
  const kept = lines.filter((line, i) => i < lines.length - 1 && stepOf(line) <= step);
  if (kept.length === lines.length - 1 && lines.at(-1) === "") return;
  const draft = `${path}.new`;
  writeFileSync(draft, kept.map((line) => `${line}\n`).join(""));
  renameSync(draft, path);
}

/** Infinity for what is no line of ours. */
function stepOf(line: string): number {
  try {
    return lineSchema.parse(JSON.parse(line)).step;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
