// @ts-check
import assert from "node:assert/strict";
import { lossChart } from "../../../../packages/rediff/dist/training/curves/loss-chart.js";
import { MetricsFollower } from "../../../../packages/rediff/dist/training/watch/metrics-follower.js";
import { parseMetricsLine } from "../../../../packages/rediff/dist/training/watch/metrics-line.js";
import { summarize } from "../../../../packages/rediff/dist/training/watch/run-summary.js";
import { utf8 } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

const saved = {
  ...{ owner: undefined, isFinished: false, finishedStep: undefined },
  ...{ checkpoint: undefined, maxSteps: undefined, epochs: 2 },
};

/** What a run that is watched has logged, whoever wrote it: steps in their order, and numbers that can be shown. */
export default defineTarget({
  covers: ["training/watch/metrics-follower.js", "training/watch/metrics-line.js", "training/watch/run-history.js"],
  refusesNothing: true,
  file: "metrics.jsonl",
  seeds: [
    utf8(
      '{"step":1,"total_steps":9,"epoch":0.1,"loss":2.5,"loss_masked":2,"samples":8,"seconds":1,"time":"2026-01-02T03:04:05.000Z"}\n{"step":2,"loss":null}\n{"step":2,"eval_loss":2,"eval_samples":4}\n',
    ),
    utf8('{"step":5,"loss":2.5}\n{"step":2,"loss":2}\n{"step":3,"lo'),
  ],
  dictionary: ['{"step":', ',"loss":', ',"eval_loss":', "}\n", "\n", "1e400", "-1", "null", "[", '"time":"'],
  run(input, { file }) {
    const follower = new MetricsFollower(file);
    assert.ok(follower.poll());
    const { history, writtenAt } = follower;
    const steps = history.curve.points.map(({ step }) => step);
    assert.ok(steps.every((step, i) => i === 0 || step > /** @type {number} */ (steps[i - 1])));
    lossChart([history.curve.points], { width: 60, height: 8 });
    JSON.stringify(summarize({ folder: "run", history, saved, writtenAt }));
    parseMetricsLine(Buffer.from(input).toString("utf8"));
  },
});
