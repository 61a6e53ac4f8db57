/** OUTPUT/tensorboard/: what TensorBoard draws (`tensorboard --logdir OUTPUT`). Every start of a run writes a file of its
 *  own, which says from which step on it counts, so that steps taken twice are drawn once. */
import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { writeError } from "../../files/write-errors.js";
import type { Terms } from "../backward/micro-batch.js";
import type { FileLogOptions, RunLog } from "./combine-logs.js";
import { checkFileLog } from "./combine-logs.js";
import { type Event, encodeEvent, encodeRecord, FILE_VERSION } from "./event-file.js";
import { MfuMeter } from "./mfu.js";

export const TENSORBOARD_FOLDER = "tensorboard";

type Scalar = readonly [tag: string, value: number];

export function tensorboardLog(output: string, options: FileLogOptions = {}): RunLog {
  checkFileLog(options);
  const { every = 1, peakTflops, now = Date.now } = options;
  const folder = join(output, TENSORBOARD_FOLDER);
  let path = folder;
  let file: number | undefined;
  const meter = new MfuMeter(peakTflops);

  const write = (step: number, what: Event["what"]): void => {
    if (file === undefined) return;
    try {
      writeSync(file, encodeRecord(encodeEvent({ wallTime: now() / 1000, step, what })));
    } catch (error) {
      throw writeError(path, error);
    }
  };

  return {
    onStart(facts) {
      meter.start(facts);
      const seconds = String(Math.floor(now() / 1000)).padStart(10, "0");
      path = join(folder, `events.out.tfevents.${seconds}.${hostname()}.${process.pid}.${facts.firstStep}`);
      try {
        mkdirSync(folder, { recursive: true });
        file = openSync(path, "a");
      } catch (error) {
        throw writeError(path, error);
      }
      write(0, { fileVersion: FILE_VERSION });
      write(facts.firstStep + 1, { start: true });
    },
    onStep(report) {
      if (report.step % every !== 0) return;
      const { step, tokens, samples, seconds } = report;
      const used = meter.of(tokens, seconds);
      const scalars: Scalar[] = [
        ["train/loss", report.loss],
        ...termScalars("train", report.terms),
        ["train/learning_rate", report.learningRate],
        ["train/grad_norm", report.gradientNorm],
        ["train/epoch", report.epoch],
        ["speed/tokens_per_second", tokens / Math.max(seconds, 1e-9)],
        ["speed/samples_per_second", samples / Math.max(seconds, 1e-9)],
        ["speed/waiting", report.waitSeconds / Math.max(seconds, 1e-9)],
        ["memory/tensor_bytes", report.tensorBytes],
        ["memory/resident_bytes", report.residentBytes],
      ];
      if (used !== undefined) scalars.push(["speed/mfu", used]);
      write(step, { scalars });
    },
    onEvaluation({ step, loss, terms }) {
      write(step, { scalars: [["eval/loss", loss], ...termScalars("eval", terms)] });
    },
    close() {
      if (file !== undefined) closeSync(file);
      file = undefined;
    },
  };
}

const termScalars = (group: string, terms: Terms): Scalar[] =>
  Object.entries(terms).flatMap(([name, value]) => (value === undefined ? [] : [[`${group}/loss_${name}`, value]]));
