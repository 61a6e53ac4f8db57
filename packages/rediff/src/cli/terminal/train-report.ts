/** What a training run tells the user: a line on stderr, metrics.jsonl and TensorBoard files in the output folder, and
 *  with --json a line for each step on stdout. Skipped samples go to skipped.jsonl; stderr shows the first few. */
import { appendFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { describeSkip } from "../../data/samples/sample-error.js";
import { writeError } from "../../files/write-errors.js";
import { combineLogs, type RunLog } from "../../training/logging/combine-logs.js";
import { metricsLog } from "../../training/logging/metrics-log.js";
import { progressLog } from "../../training/logging/progress-log.js";
import { tensorboardLog } from "../../training/logging/tensorboard-log.js";
import type { RecipeKeys } from "../../training/recipe/recipe.js";
import type { TrainObserver } from "../../training/run/run-report.js";
import { answerLine } from "./lines.js";

export interface TrainReportOptions {
  json: boolean;
  /** The loss as a chart, below the line on a terminal. Default false. */
  chart?: boolean;
}

export function trainReport(recipe: RecipeKeys, { json, chart = false }: TrainReportOptions): RunLog {
  const { logging, output } = recipe;
  const options = { every: logging.every, peakTflops: logging.peak_tflops };
  const terminal = progressLog({ ...options, chart });
  return combineLogs([
    terminal,
    metricsLog(output, options),
    ...(logging.tensorboard ? [tensorboardLog(output, options)] : []),
    skipLog(output, (line) => terminal.onNote?.(line)),
    ...(json ? [jsonLines()] : []),
  ]);
}

/** What a process tells that is not the first: skipped samples, in the file. */
export const skipReport = ({ output }: RecipeKeys): RunLog =>
  combineLogs([{ ...skipLog(output, () => undefined), close: () => undefined }]);

const SHOWN_SKIPS = 5;

function skipLog(output: string, note: (line: string) => void): TrainObserver {
  const file = join(output, "skipped.jsonl");
  let count = 0;
  return {
    onSkip(skip) {
      try {
        mkdirSync(output, { recursive: true });
        appendFileSync(file, `${JSON.stringify(skip)}\n`);
      } catch (cause) {
        throw writeError(file, cause);
      }
      count++;
      if (count <= SHOWN_SKIPS) note(`skipped ${describeSkip(skip)}`);
      if (count === SHOWN_SKIPS) note(`further skipped samples are listed in ${file} only`);
    },
  };
}

function jsonLines(): TrainObserver {
  const print = (event: string, values: object) => {
    answerLine(`${JSON.stringify({ event, ...snakeCase(values) })}`);
  };
  return {
    onStart: (facts) => print("start", facts),
    onStep: (report) => print("step", report),
    onEvaluation: (report) => print("evaluation", report),
    onCheckpoint: (folder, step) => print("checkpoint", { folder, step }),
  };
}

/** learningRate -> learning_rate, as in all our files. */
function snakeCase(values: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [
      key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value,
    ]),
  );
}
