/** What runs leave behind: lines on the terminal, metrics.jsonl, event files. */
import { appendFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { UserError } from "../../errors.js";
import { folderOfEachTest } from "../../testing/folders.js";
import type { RunFacts, StepReport } from "../run/run-report.js";
import { decodeRecords } from "../testing/decode-events.js";
import { combineLogs, type RunLog } from "./combine-logs.js";
import { METRICS_FILE, metricsLog } from "./metrics-log.js";
import { deviceName, knownPeak, mfu, peakFlops } from "./mfu.js";
import { progressLog } from "./progress-log.js";
import { SpeedWindow } from "./recent-speed.js";
import { TENSORBOARD_FOLDER, tensorboardLog } from "./tensorboard-log.js";

const scratch = folderOfEachTest();
const { at } = scratch;
const facts = (more: Partial<RunFacts> = {}): RunFacts => ({
  output: "exp/run",
  device: "cpu",
  dtype: "bfloat16",
  totalSteps: 4062,
  firstStep: 0,
  resumedFrom: undefined,
  records: 260_000,
  processes: 1,
  parameters: 8_434_837_024,
  trainedParameters: 21_500_000,
  flopsPerToken: 48e9,
  ...more,
});

const report = (step: number, more: Partial<StepReport> = {}): StepReport => ({
  step,
  epoch: step / 4062,
  loss: 1.25,
  terms: { masked: 1, corrupted: 0.25 },
  learningRate: 4.9e-6,
  gradientNorm: 0.8125,
  samples: 64,
  tokens: 96_000,
  rows: 5000,
  seconds: 20,
  waitSeconds: 0.5,
  tensors: 100,
  tensorBytes: 17_000_000_000,
  residentBytes: 12_300_000_000,
  ...more,
});

describe("progressLog", () => {
  function log(isTTY: boolean, options: Parameters<typeof progressLog>[0] = {}, columns = 400, rows = 0) {
    let written = "";
    let time = 0;
    const write = (text: string) => {
      written += text;
    };
    const wait = (ms: number) => {
      time += ms;
    };
    const stream = { isTTY, columns, rows, write };
    const run = progressLog({ stream, now: () => time, ...options });
    return { run, text: () => written, wait };
  }

  test("elsewhere than on a terminal: plain lines", () => {
    const { run, text } = log(false);
    run.onStart?.(facts());
    run.onStep?.(report(120));
    expect(text()).toBe(
      [
        "260000 samples, 4062 steps; 21.5M of 8.43G parameters are trained, bfloat16 on cpu; output exp/run",
        "step 120 of 4062  loss 1.2500 (masked 1.000, corrupted 0.250)  lr 4.9e-6  norm 0.813  4.8k tokens/s  3.20 samples/s  12.3 GB  21h54m left",
        "",
      ].join("\n"),
    );
  });

  test("one plain line in some seconds, every so many steps, and the last one always", () => {
    const { run, text, wait } = log(false, { every: 2 });
    run.onStart?.(facts({ totalSteps: 9 }));
    for (let step = 1; step <= 9; step++) {
      run.onStep?.(report(step));
      wait(3000);
    }
    const steps = [...text().matchAll(/^step (\d+)/gm)].map((match) => Number(match[1]));
    expect(steps).toEqual([2, 4, 6, 8, 9]);
    const quick = log(false);
    quick.run.onStart?.(facts({ totalSteps: 9 }));
    for (let step = 1; step <= 9; step++) quick.run.onStep?.(report(step));
    expect([...quick.text().matchAll(/^step (\d+)/gm)].map((match) => match[1])).toEqual(["1", "9"]);
  });

  test("on a terminal one line is drawn anew, others stand above it", () => {
    const { run, text, wait } = log(true);
    run.onPreparation?.("measuring", 5, 10);
    expect(text()).toBe("\r\x1b[Kmeasuring  50%");
    run.onStart?.(facts());
    run.onStep?.(report(1, { terms: { masked: 1.25 } }));
    run.onStep?.(report(2)); // too soon to be drawn
    wait(200);
    run.onCheckpoint?.("exp/run/checkpoint-2", 2);
    run.onStep?.(report(3));
    const lines = text().split("\r\x1b[K");
    expect(lines.filter((line) => line.startsWith("step")).map((line) => line.slice(0, 6))).toEqual([
      "step 1",
      "step 3",
    ]);
    expect(lines.some((line) => line.startsWith("saved exp/run/checkpoint-2\nstep 1"))).toBe(true);
    expect(lines.some((line) => line.includes("trained, bfloat16") && line.includes("measuring"))).toBe(false);
    expect(lines.find((line) => line.startsWith("step 1"))).not.toContain("(masked"); // a single term is the loss
    run.close();
    expect(text().endsWith("\n")).toBe(true);
  });

  const UP = "\x1b[1A\x1b[K";
  const isChart = (text: string) => /[\u2801-\u28ff]/.test(text);

  test("on a terminal with room the loss is a chart below the line, and both stay below what is noted", () => {
    const { run, text, wait } = log(true, { chart: true }, 80, 24);
    run.onStart?.(facts());
    for (const step of [1, 2, 3]) {
      wait(200);
      run.onStep?.(report(step, { loss: 4 - step }));
    }
    const drawn = text().split("\r\x1b[K").at(-1) ?? "";
    // The chart before is taken away line by line, up to where the line was.
    expect(drawn.startsWith(`${UP.repeat(7)}step 3 of 4062`)).toBe(true);
    const lines = drawn.slice(UP.length * 7).split("\n");
    expect(lines).toHaveLength(8);
    expect(lines.every((line) => line.length < 80)).toBe(true);
    expect(isChart(lines.slice(1).join(""))).toBe(true);
    expect(lines.at(-1)).toMatch(/^ +\u2514step 1 +3$/);
    run.onCheckpoint?.("exp/run/checkpoint-3", 3);
    expect(text().endsWith(`\r\x1b[K${UP.repeat(7)}saved exp/run/checkpoint-3\n${lines.join("\n")}`)).toBe(true);
    run.close();
    expect(text().endsWith(`${lines.join("\n")}\n`)).toBe(true);
  });

  test.each([
    ["too narrow", true, 59, 24],
    ["too low", true, 80, 15],
    ["of no known size", true, 0, 0],
    ["none, but a file", false, 80, 24],
  ])("a terminal that is %s has no chart", (_, isTTY, columns, rows) => {
    const drawn = [true, false].map((chart) => {
      const { run, text, wait } = log(isTTY, { chart }, columns, rows);
      run.onStart?.(facts());
      for (const step of [1, 2, 3]) {
        wait(6000);
        run.onStep?.(report(step, { loss: 4 - step }));
      }
      run.close();
      return text();
    });
    expect(drawn[0]).toBe(drawn[1]);
    expect(isChart(drawn[0]!)).toBe(false);
  });

  test("the chart of a run that goes on begins with what it had logged before its checkpoint", () => {
    const lines = [1, 2, 3, 4].map((step) => `${JSON.stringify({ step, loss: 9 })}\n`).join("");
    writeFileSync(at(METRICS_FILE), lines);
    const { run, text } = log(true, { chart: true }, 80, 24);
    run.onStart?.(facts({ output: scratch.path, firstStep: 2, resumedFrom: at("checkpoint-2") }));
    run.onStep?.(report(3, { loss: 3 }));
    const last = text().split("\r\x1b[K").at(-1) ?? "";
    expect(last).toMatch(/\u2514step 1 +3$/);
    expect(last).toMatch(/\n9\.0000 /);
    expect(last).toMatch(/\n7\.0000 /); // the mean of all three
  });

  test("is cut to the terminal", () => {
    const { run, text } = log(true, {}, 50);
    run.onStart?.(facts());
    run.onStep?.(report(1));
    expect(text().split("\r\x1b[K").at(-1)).toHaveLength(49);
  });

  test("MFU where the peak is known, waiting where there is some, where the run came from", () => {
    const { run, text } = log(false, { peakTflops: 989 });
    run.onStart?.(facts({ device: "cuda:0", firstStep: 8, resumedFrom: "exp/run/checkpoint-8" }));
    run.onStep?.(report(9, { waitSeconds: 10 }));
    expect(text()).toContain("goes on from exp/run/checkpoint-8, after step 8\n");
    expect(text()).toContain(`MFU ${((4800 * 48e9 * 100) / 989e12).toFixed(1)}%  50% waiting for data  17.0 GB`);
  });

  test("held-out losses", () => {
    const { run, text } = log(false);
    run.onEvaluation?.({ step: 5, loss: 2, terms: { masked: 2 }, samples: 30, seconds: 1 });
    expect(text()).toBe("held-out loss after step 5: 2.0000, 30 samples\n");
  });
});

describe("SpeedWindow", () => {
  test("follows the last half minute", () => {
    const window = new SpeedWindow();
    const slow = { tokens: 100, samples: 1, seconds: 10, waitSeconds: 5 };
    const fast = { tokens: 100, samples: 1, seconds: 1, waitSeconds: 0 };
    expect(window.add(slow)).toEqual({ tokensPerSecond: 10, samplesPerSecond: 0.1, secondsPerStep: 10, waiting: 0.5 });
    let speed = window.add(fast);
    for (let i = 0; i < 60; i++) speed = window.add(fast);
    expect(speed.tokensPerSecond).toBe(100);
    expect(speed.waiting).toBe(0);
  });

  test("a step longer than the window still counts", () => {
    const window = new SpeedWindow();
    window.add({ tokens: 1, samples: 1, seconds: 1000, waitSeconds: 0 });
    expect(window.add({ tokens: 500, samples: 1, seconds: 100, waitSeconds: 0 }).tokensPerSecond).toBe(5);
  });
});

describe("metricsLog", () => {
  const lines = () =>
    readFileSync(at(METRICS_FILE), "utf8")
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  const run = (firstStep: number, steps: number[], options: Parameters<typeof metricsLog>[1] = {}): void => {
    const log = metricsLog(scratch.path, { now: () => 1.7e12, ...options });
    log.onStart?.(facts({ firstStep }));
    for (const step of steps) log.onStep?.(report(step));
    log.close();
  };

  test("a line for each step and evaluation", () => {
    const log = metricsLog(scratch.path, { now: () => 1.7e12, peakTflops: 1000 });
    log.onStart?.(facts());
    log.onStep?.(report(1));
    log.onEvaluation?.({ step: 1, loss: 2, terms: { masked: 2 }, samples: 30, seconds: 1 });
    log.close();
    const [step, evaluation] = lines();
    expect(step).toMatchObject({
      step: 1,
      loss: 1.25,
      loss_masked: 1,
      loss_corrupted: 0.25,
      learning_rate: 4.9e-6,
      gradient_norm: 0.8125,
      tokens: 96_000,
      total_steps: 4062,
      mfu: (96_000 * 48e9) / 20 / 1e15,
      time: "2023-11-14T22:13:20.000Z",
    });
    expect(evaluation).toMatchObject({ step: 1, eval_loss: 2, eval_loss_masked: 2, eval_samples: 30 });
  });

  test("steps that are taken again after a resume are there once", () => {
    run(0, [1, 2, 3, 4, 5]);
    appendFileSync(at(METRICS_FILE), '{"step":6,"lo'); // killed while writing
    run(3, [4, 5, 6]);
    expect(lines().map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6]);
    run(6, []);
    expect(lines().length).toBe(6);
    run(0, [1]);
    expect(lines().map(({ step }) => step)).toEqual([1]);
    expect(readdirSync(scratch.path)).toEqual([METRICS_FILE]);
  });

  test("every so many steps", () => {
    run(0, [1, 2, 3, 4, 5, 6], { every: 3 });
    expect(lines().map(({ step }) => step)).toEqual([3, 6]);
  });

  test("a place that cannot be written to is one clear error", () => {
    writeFileSync(at("file"), "");
    const log = metricsLog(at("file"));
    expect(() => log.onStart?.(facts())).toThrow(UserError);
  });
});

describe("tensorboardLog", () => {
  const files = () => readdirSync(at(TENSORBOARD_FOLDER)).sort();
  const events = (name: string) => decodeRecords(readFileSync(at(TENSORBOARD_FOLDER, name)));

  test("version, start and scalars", () => {
    const log = tensorboardLog(scratch.path, { now: () => 1.7e12 });
    log.onStart?.(facts());
    log.onStep?.(report(1));
    log.onEvaluation?.({ step: 1, loss: 2, terms: { masked: 2 }, samples: 30, seconds: 1 });
    log.close();
    const [name = ""] = files();
    expect(name).toMatch(/^events\.out\.tfevents\.1700000000\./);
    const [version, start, step, evaluation] = events(name);
    expect(version).toEqual({ wallTime: 1.7e9, step: 0, fileVersion: "brain.Event:2" });
    expect(start).toEqual({ wallTime: 1.7e9, step: 1, sessionStart: true });
    expect(step?.step).toBe(1);
    const scalars = new Map(step?.scalars);
    expect(scalars.get("train/loss")).toBe(1.25);
    expect(scalars.get("train/loss_corrupted")).toBe(0.25);
    expect(scalars.get("train/learning_rate")).toBe(Math.fround(4.9e-6));
    expect(scalars.get("speed/tokens_per_second")).toBe(4800);
    expect(scalars.has("speed/mfu")).toBe(false);
    expect(evaluation?.scalars).toEqual([
      ["eval/loss", 2],
      ["eval/loss_masked", 2],
    ]);
  });

  test("every start has a file of its own, which counts from its first step on", () => {
    for (const firstStep of [0, 8]) {
      const log = tensorboardLog(scratch.path, { now: () => 1.7e12 + firstStep * 1000 });
      log.onStart?.(facts({ firstStep }));
      log.close();
    }
    expect(files().length).toBe(2);
    expect(events(files()[1] as string)[1]?.step).toBe(9);
  });
});

test("combineLogs passes everything on, in order", () => {
  const heard: string[] = [];
  const ear = (name: string): RunLog => ({
    onPreparation: () => void heard.push(`${name} preparation`),
    onStart: () => void heard.push(`${name} start`),
    onStep: () => void heard.push(`${name} step`),
    onEvaluation: () => void heard.push(`${name} evaluation`),
    onCheckpoint: () => void heard.push(`${name} checkpoint`),
    onSkip: () => void heard.push(`${name} skip`),
    onNote: () => void heard.push(`${name} note`),
    close: () => void heard.push(`${name} close`),
  });
  const all = combineLogs([ear("a"), {}, ear("b")]);
  all.onPreparation?.("x", 1, 2);
  all.onStart?.(facts());
  all.onStep?.(report(1));
  all.onEvaluation?.({ step: 1, loss: 2, terms: {}, samples: 3, seconds: 1 });
  all.onCheckpoint?.("folder", 1);
  all.onSkip?.({ source: { file: "f", index: 0 }, kind: "other", reason: "r" });
  all.onNote?.("line");
  all.close();
  const kinds = ["preparation", "start", "step", "evaluation", "checkpoint", "skip", "note", "close"];
  expect(heard).toEqual(kinds.flatMap((kind) => [`a ${kind}`, `b ${kind}`]));
});

describe("MFU", () => {
  test.each([
    ["NVIDIA H100 80GB HBM3", 989e12],
    ["NVIDIA H100 PCIe", 756e12],
    ["NVIDIA A100-SXM4-80GB", 312e12],
    ["NVIDIA A10G", 70e12],
    ["NVIDIA L4", 121e12],
    ["NVIDIA L40S", 362e12],
    ["NVIDIA GeForce RTX 4090", 165e12],
    ["NVIDIA H200", 989e12],
    ["Something new", undefined],
  ])("%s", (name, wanted) => expect(knownPeak(name)).toBe(wanted));

  test("what is given goes before what is known; nothing is guessed", () => {
    expect(peakFlops({ device: "cpu", dtype: "float32", given: 2 })).toBe(2e12);
    expect(peakFlops({ device: "cpu", dtype: "bfloat16" })).toBeUndefined();
    expect(mfu(10, 2, 3, 30)).toBe(0.5);
    expect(mfu(10, 2, 3, undefined)).toBeUndefined();
  });

  test("the device's name is the driver's, where all cards have the same", () => {
    const card = (bus: string, model: string) => {
      mkdirSync(at(bus));
      writeFileSync(at(bus, "information"), `Model: \t\t ${model}\nIRQ:   \t\t 1\n`);
    };
    card("0000:01:00.0", "NVIDIA H100 80GB HBM3");
    card("0000:02:00.0", "NVIDIA H100 80GB HBM3");
    expect(deviceName("cuda:1", scratch.path)).toBe("NVIDIA H100 80GB HBM3");
    expect(deviceName("cpu", scratch.path)).toBeUndefined();
    card("0000:03:00.0", "NVIDIA T4");
    expect(deviceName("cuda:1", scratch.path)).toBeUndefined();
    expect(deviceName("cuda:1", at("absent"))).toBeUndefined();
  });
});
