import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { openCheckpoint } from "@rediff/torch";
import { beforeAll, describe, expect, test } from "vitest";
import { record, writeLines } from "../../data/testing/record-files.js";
import { jsonLines, program, rediff, rediffHere, startProgram, startRediff } from "../../testing/command-line.js";
import { pictureFolder } from "../../testing/fixtures.js";
import { folderOfFile } from "../../testing/folders.js";
import { expectSameWeights } from "../../testing/same-weights.js";
import { writeTinyModel } from "../../testing/tiny-model.js";

const { at } = folderOfFile();

beforeAll(() => {
  writeTinyModel(at("model"));
  writeLines(at("data.jsonl"), [
    record("A dog on the grass.", { image: "color.jpg" }),
    record("There is a dog.", { image: "grey.jpg", revise: [{ org: "dog", target: "car" }] }),
    record("No picture at all."),
    record("Something see-through.", { image: "rgba.png" }),
  ]);
  writeLines(at("recipe.yaml"), [
    `model: ${at("model")}`,
    `data: ${at("data.jsonl")}`,
    `image_folder: ${pictureFolder}`,
    "output: replaced",
    "objective: rediff",
    "dtype: float32",
    "device: cpu",
    "image_grid_pinpoints: [[28, 28], [28, 56], [56, 28], [56, 56]]",
    "batch_size: 2",
    "max_length: 512",
    "learning_rate: 1.0e-3",
    "workers: 1",
    "logging: {tensorboard: false}",
  ]);
});

const args = (output: string, ...overrides: string[]) => [
  "train",
  at("recipe.yaml"),
  `output=${at(output)}`,
  ...overrides,
];

const losses = (output: string) =>
  jsonLines(readFileSync(at(`${output}/metrics.jsonl`), "utf8")).map(({ step, loss }) => [step, loss]);

const sameModel = (one: string, other: string) => expectSameWeights(at(one), at(other));

describe("killed, a run goes on as if nothing had happened", () => {
  const LONG = ["max_steps=36", "save.every=2", "save.keep=2"];

  test("six times with -9 at random moments, in steps and in saves", { timeout: 240_000 }, async () => {
    expect((await rediff(args("whole", ...LONG))).status).toBe(0);
    let kills = 0;
    let finished = false;
    for (let round = 0; round < 40 && !finished; round++) {
      const { child, done } = await startRediff(args("killed", ...LONG, "--json"));
      if (kills < 6) {
        // Some time after the first step of this start, so that all kills together get through about half of the run.
        await Promise.race([new Promise((resolve) => child.stdout.once("data", resolve)), done]);
        await sleep(Math.random() * 400);
        child.kill("SIGKILL");
        kills++;
      }
      finished = (await done).status === 0;
      // Whatever is called a checkpoint can be read.
      for (const name of existsSync(at("killed")) ? readdirSync(at("killed")) : [])
        if (/^checkpoint-\d+$/.test(name)) sameShape(`killed/${name}`);
    }
    expect(finished).toBe(true);
    expect(kills).toBe(6);
    expect(losses("killed")).toEqual(losses("whole"));
    sameModel("whole", "killed");
    // The tokenizer is there, and nothing hidden.
    expect(readdirSync(at("killed"))).toEqual(readdirSync(at("whole")));
  });

  function sameShape(folder: string): void {
    using checkpoint = openCheckpoint(at(folder));
    using whole = openCheckpoint(at("whole"));
    expect(checkpoint.names()).toEqual(whole.names());
    expect(existsSync(at(`${folder}/training.json`))).toBe(true);
    expect(existsSync(at(`${folder}/optimizer.safetensors`))).toBe(true);
  }

  test("SIGUSR1 saves and goes on, SIGTERM saves and ends with 143", { timeout: 60_000 }, async () => {
    const { child, done } = await startRediff(args("told", "max_steps=100000", "save.every=0", "--json"));
    await new Promise((resolve) => child.stdout.once("data", resolve));
    child.kill("SIGUSR1");
    while (!existsSync(at("told")) || !readdirSync(at("told")).some((name) => name.startsWith("checkpoint-")))
      await sleep(20);
    expect(child.exitCode).toBeNull();
    child.kill("SIGTERM");
    const { status, stderr, stdout } = await done;
    expect(status).toBe(143);
    expect(stderr).toMatch(/stopped after step \d+ of 100000; the same command goes on from .*checkpoint-\d+/);
    const events = jsonLines(stdout);
    expect(events.filter(({ event }) => event === "checkpoint")).toHaveLength(2);
    expect(events.find(({ event }) => event === "start")).toMatchObject({ total_steps: 100000, first_step: 0 });
  });
});

describe("what a user sees", () => {
  test("progress, the end, and what to do next", async () => {
    const { status, stdout, stderr } = await rediff(args("seen", "max_steps=2"));
    expect(status).toBe(0);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/4 samples, 2 steps; .* parameters are trained, float32 on cpu/);
    expect(stderr).toMatch(/step 2 of 2 {2}loss \d/);
    expect(stderr.trimEnd()).toMatch(/trained: .*seen \(try it: rediff caption PICTURE --model .*seen\)$/);
    const again = await rediff(args("seen", "max_steps=2"));
    expect(again.stderr).toMatch(/finished already: the trained model is in .*seen/);
    const watched = await rediffHere("train", "--watch", at("seen"));
    expect(watched).toMatchObject({ status: 0, stderr: "" });
    expect(watched.stdout).toMatch(/seen: finished, step 2 of 2 \(100%\), last line \d+s ago\n {2}loss +\d/);
    const caption = await rediffHere(
      "caption",
      `${pictureFolder}/color.jpg`,
      "--model",
      at("seen"),
      "--gen-length",
      "4",
    );
    expect(caption).toMatchObject({ status: 0 });
  });

  const haveScript = process.platform === "linux" && spawnSync("script", ["--version"]).status === 0;

  test.skipIf(!haveScript)("in a terminal the loss is drawn as a chart, and stays", async () => {
    const command = [process.execPath, program, ...args("drawn", "max_steps=3")].map((word) => `"${word}"`).join(" ");
    const run = startProgram("script", ["-qec", `stty rows 24 cols 100; ${command}`, "/dev/null"]);
    const { status, stdout } = await run.done;
    expect(status).toBe(0);
    // The last page: the line, six rows of the chart, the axis of steps, and what to do next.
    const [end = ""] = stdout.split("\x1b[K").slice(-1);
    const lines = end.trimEnd().split("\r\n");
    expect(lines[0]).toMatch(/^step 3 of 3 {2}loss \d/);
    expect(lines.slice(1, 7).join("")).toMatch(/[\u2801-\u28ff]/);
    expect(lines[7]).toMatch(/^ +\u2514step 1 +3$/);
    expect(lines[8]).toMatch(/^trained: /);
  });

  test("a bad sample is named, counted and skipped, within the limit", async () => {
    writeLines(at("bad.jsonl"), [
      ...Array.from({ length: 4 }, (_, i) => record(`Text ${i}.`)),
      record("x", { image: "nowhere.jpg" }),
      "{ broken",
    ]);
    const data = [`data=${at("bad.jsonl")}`, "drop_last=false", "group_by_modality_length=false"];
    const { status, stderr } = await rediffHere(...args("some-bad", ...data));
    expect(stderr).toMatch(/skipped .*bad\.jsonl:5: picture nowhere\.jpg is missing/);
    expect(stderr).toMatch(/skipped .*bad\.jsonl:6: /);
    expect(status).toBe(0);
    expect(jsonLines(readFileSync(at("some-bad/skipped.jsonl"), "utf8"))).toHaveLength(2);
    const strict = await rediffHere(...args("too-bad", ...data, "skip_limit=1"));
    expect(strict.status).toBe(1);
    expect(strict.stderr).toMatch(/2 samples cannot be used, more than skip_limit \(1\)/);
  });
});

describe("one clear line for what is wrong", () => {
  test.each([
    ["an unknown key", ["learning_rat=1"], /learning_rat.*learning_rate/],
    ["a wrong type", ["batch_size=two"], /batch_size.*expected/],
    ["a wrong range", ["warmup_ratio=2"], /warmup_ratio/],
    ["no value", ["batch_size"], /batch_size/],
    ["no model", ["model=/nowhere/at-all"], /nowhere/],
    ["no data", ["data=/nowhere/data.json"], /nowhere\/data\.json/],
    ["a device that is not there", ["device=cuda:7"], /cuda:7/],
  ])("%s", async (_, overrides, message) => {
    const { status, stderr, stdout } = await rediffHere(...args("wrong", ...overrides));
    expect([1, 2]).toContain(status);
    expect(stdout).toBe("");
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(existsSync(at("wrong"))).toBe(false);
  });

  test("a recipe that is not there, or is no YAML", async () => {
    expect((await rediffHere("train", at("nothing.yaml"))).stderr).toMatch(/nothing\.yaml: no such file/);
    writeLines(at("broken.yaml"), ["model: [a", "data: b"]);
    expect((await rediffHere("train", at("broken.yaml"))).stderr).toMatch(/broken\.yaml:\d+: /);
  });
});
