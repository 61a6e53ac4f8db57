/** What is read of a run's folder while the run writes to it. */
import { spawnSync } from "node:child_process";
import { appendFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { thisProcess } from "../../files/processes.js";
import { folderOfEachTest } from "../../testing/folders.js";
import { compareLosses } from "./compare-losses.js";
import { MetricsFollower } from "./metrics-follower.js";
import { parseMetricsLine } from "./metrics-line.js";
import { RunHistory } from "./run-history.js";
import { summarize } from "./run-summary.js";
import { SavedRunReader } from "./saved-run.js";

const scratch = folderOfEachTest();
const { at } = scratch;
const metrics = () => at("metrics.jsonl");
const stepLine = (step: number, loss: number | null, more: object = {}) =>
  `${JSON.stringify({ step, loss, samples: 8, tokens: 800, seconds: 2, wait_seconds: 0, ...more })}\n`;
const heldOut = (step: number, loss: number) => `${JSON.stringify({ step, eval_loss: loss, eval_samples: 40 })}\n`;
const shown = ({ curve, heldOut, last, notFinite, unreadable }: RunHistory) => ({
  points: curve.points.map(({ step, loss }) => [step, loss]),
  heldOut: heldOut.map(({ step, loss }) => [step, loss]),
  ...{ last: last?.step, notFinite, unreadable },
});

describe("a file of metrics", () => {
  test("is followed line by line; a half one counts when it is whole", () => {
    const follower = new MetricsFollower(metrics());
    expect(follower.poll()).toBe(false);
    writeFileSync(metrics(), `${stepLine(1, 4)}{"step":2,"lo`);
    expect(follower.poll()).toBe(true);
    expect(shown(follower.history)).toMatchObject({ points: [[1, 4]], unreadable: 0 });
    appendFileSync(metrics(), `ss":3}\n${heldOut(2, 3.5)}`);
    follower.poll();
    expect(shown(follower.history)).toEqual({
      points: [
        [1, 4],
        [2, 3],
      ],
      heldOut: [[2, 3.5]],
      ...{ last: 2, notFinite: 0, unreadable: 0 },
    });
  });

  test("that a resumed run has written anew is read anew; one that is gone stays as it was", () => {
    const follower = new MetricsFollower(metrics());
    writeFileSync(metrics(), stepLine(1, 4) + stepLine(2, 3) + stepLine(3, 2));
    follower.poll();
    writeFileSync(at("new"), stepLine(1, 4) + stepLine(2, 3) + stepLine(3, 2.5) + stepLine(4, 2.25));
    renameSync(at("new"), metrics());
    follower.poll();
    expect(shown(follower.history).points.slice(2)).toEqual([
      [3, 2.5],
      [4, 2.25],
    ]);
    writeFileSync(metrics(), stepLine(1, 9)); // cut in place
    follower.poll();
    expect(shown(follower.history).points).toEqual([[1, 9]]);
    rmSync(metrics());
    expect(follower.poll()).toBe(false);
    expect(shown(follower.history).points).toEqual([[1, 9]]);
  });

  test("in which steps come again has the later ones, and their held-out losses", () => {
    const lines = [1, 2, 3].map((step) => stepLine(step, step)).join("") + heldOut(1, 0.1) + heldOut(3, 0.3);
    writeFileSync(metrics(), `${lines}${stepLine(2, null)}${stepLine(3, 30)}${heldOut(3, 0.33)}`);
    const follower = new MetricsFollower(metrics());
    follower.poll();
    expect(shown(follower.history)).toEqual({
      points: [
        [1, 1],
        [3, 30],
      ],
      heldOut: [
        [1, 0.1],
        [3, 0.33],
      ],
      ...{ last: 3, notFinite: 1, unreadable: 0 },
    });
  });

  test("of something else is counted, not believed, and not kept in memory", () => {
    const long = `{"step":1,"loss":1,"x":"${"x".repeat(70_000)}"}\n`;
    const foreign = [
      '{"step":-1,"loss":1}',
      '{"loss":1}',
      "[]",
      "null",
      "{".repeat(1000),
      '{"step":1,"loss":"a"}',
      "\0",
    ];
    writeFileSync(metrics(), `${foreign.join("\n")}\n\n${long}${stepLine(7, 1)}${"y".repeat(3_000_000)}`);
    const follower = new MetricsFollower(metrics());
    follower.poll();
    expect(shown(follower.history)).toMatchObject({ points: [[7, 1]], unreadable: foreign.length + 1 });
  });

  test("whatever is in it, and in whatever pieces it grows, it reads as in one go", () => {
    const line = fc.oneof(
      fc
        .tuple(fc.nat(30), fc.option(fc.double({ noNaN: true, noDefaultInfinity: true })))
        .map(([step, loss]) => stepLine(step, loss)),
      fc.tuple(fc.nat(30), fc.nat(9)).map(([step, loss]) => heldOut(step, loss)),
      fc.json().map((text) => `${text}\n`),
      fc.string({ unit: "binary" }),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), fc.array(fc.nat(200), { maxLength: 6 }), (lines, pieces) => {
        const bytes = Buffer.from(lines.join(""));
        writeFileSync(metrics(), bytes);
        const whole = new MetricsFollower(metrics());
        whole.poll();
        writeFileSync(metrics(), "");
        const follower = new MetricsFollower(metrics());
        let from = 0;
        for (const size of [...pieces, bytes.length]) {
          appendFileSync(metrics(), bytes.subarray(from, from + size));
          from += size;
          follower.poll();
        }
        expect(shown(follower.history)).toEqual(shown(whole.history));
        const steps = whole.history.curve.points.map(({ step }) => step);
        expect(steps).toEqual([...new Set(steps)].sort((a, b) => a - b));
      }),
      { numRuns: 30 },
    );
  });

  test.skipIf(process.platform === "win32")("is no pipe, for which it would wait", () => {
    if (spawnSync("mkfifo", [metrics()]).status !== 0) return;
    expect(() => new MetricsFollower(metrics()).poll()).toThrow(/named pipe/);
  });
});

describe("a run", () => {
  const summary = () => {
    const follower = new MetricsFollower(metrics());
    follower.poll();
    const { history, writtenAt } = follower;
    return summarize({ folder: "exp/run", history, saved: new SavedRunReader(scratch.path).read(), writtenAt });
  };
  const lock = (owner: object) => writeFileSync(at(".lock"), JSON.stringify({ host: hostname(), ...owner }));

  test("prepares, runs, stops and is finished, as its folder says", () => {
    lock(thisProcess());
    expect(summary()).toMatchObject({ state: "preparing", step: null, process: { pid: process.pid } });
    writeFileSync(metrics(), stepLine(1, 4, { total_steps: 11 }));
    expect(summary()).toMatchObject({ state: "running", step: 1, total_steps: 11, seconds_left: 20 });
    lock({ ...thisProcess(), since: "earlier" }); // its number was given to another process
    expect(summary()).toMatchObject({ state: "stopped", process: null, seconds_left: null, checkpoint: null });
    mkdirSync(at("checkpoint-1"));
    writeFileSync(at("checkpoint-1/training.json"), JSON.stringify({ step: 1, recipe: { max_steps: 12 } }));
    expect(summary()).toMatchObject({ state: "stopped", checkpoint: at("checkpoint-1") });
    rmSync(at(".lock"));
    writeFileSync(at("training.json"), JSON.stringify({ step: 11 }));
    writeFileSync(at("config.json"), "{}");
    expect(summary()).toMatchObject({ state: "finished", step: 11, total_steps: 11 });
  });

  test("of an earlier version has as many steps as its recipe or its passes say", () => {
    writeFileSync(metrics(), stepLine(25, 4, { epoch: 0.25 }));
    mkdirSync(at("checkpoint-20"));
    const state = (recipe: object) =>
      writeFileSync(at("checkpoint-20/training.json"), JSON.stringify({ step: 20, recipe }));
    expect(summary().total_steps).toBeNull();
    state({ epochs: 3 });
    expect(summary().total_steps).toBe(300);
    state({ epochs: 3, max_steps: 40 });
    expect(summary().total_steps).toBe(40);
    writeFileSync(at("checkpoint-20/training.json"), "{");
    expect(summary().total_steps).toBeNull();
  });

  test("has its terms, speed, least held-out loss and steps without a loss", () => {
    const time = "2026-01-02T03:04:05.000Z";
    const terms = { loss_revised: 0.5, loss_masked: 1.5, loss_clean: null, learning_rate: 1e-4, gradient_norm: 3 };
    writeFileSync(
      metrics(),
      `${stepLine(1, null)}${heldOut(1, 2)}${heldOut(2, 1)}${stepLine(3, 2, { ...terms, time })}${heldOut(3, 1.5)}`,
    );
    const told = summary();
    expect(told).toMatchObject({
      ...{ loss: 2, loss_smoothed: 2, learning_rate: 1e-4, gradient_norm: 3, not_finite: 1, updated: time },
      ...{ samples_per_second: 4, tokens_per_second: 400 },
      held_out: { step: 3, loss: 1.5, samples: 40 },
      best_held_out: { step: 2, loss: 1 },
    });
    expect(Object.keys(told.terms)).toEqual(["masked", "revised"]);
  });
});

test("two runs are compared at the same steps, as far as both went, and where both were measured", () => {
  const history = (lines: string) => {
    const all = new RunHistory();
    for (const text of lines.trim().split("\n")) {
      const line = parseMetricsLine(text);
      if (line !== undefined) all.add(line);
    }
    return all;
  };
  const steps = (last: number, every: number, loss: number) =>
    Array.from({ length: last / every }, (_, i) => stepLine((i + 1) * every, loss)).join("");
  const one = history(steps(100, 1, 2) + heldOut(50, 1) + heldOut(100, 0.5));
  const two = history(steps(60, 20, 3) + heldOut(50, 1.25) + heldOut(60, 1));
  expect(compareLosses([one, two], 2)).toEqual({
    training: [
      { step: 31, losses: [2, 3] },
      { step: 60, losses: [2, 3] },
    ],
    heldOut: [{ step: 50, losses: [1, 1.25] }],
  });
  expect(compareLosses([one, new RunHistory()], 4)).toEqual({ training: [], heldOut: [] });
});
