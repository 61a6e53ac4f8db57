/** `rediff train --watch`: what is shown of folders, in a file, in a terminal, and of what is none of a run. */
import { spawnSync } from "node:child_process";
import { EventEmitter } from "node:events";
import { appendFileSync, mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { jsonLines, program, rediffHere, startProgram } from "../../testing/command-line.js";
import { folderOfEachTest } from "../../testing/folders.js";
import { watchPage } from "./watch-page.js";
import { watchLive } from "./watch-screen.js";
import { WatchedFolder } from "./watched.js";

const scratch = folderOfEachTest();
const { at } = scratch;
const NOW = Date.parse("2026-01-02T03:04:05Z");

const stepLine = (step: number, loss: number | null) =>
  `${JSON.stringify({
    ...{ step, total_steps: 40, epoch: step / 20, loss, loss_masked: (loss ?? 0) / 2, loss_clean: (loss ?? 0) / 2 },
    ...{ learning_rate: 1e-4, gradient_norm: 1.5, samples: 8, tokens: 800, seconds: 2, time: "2026-01-02T03:04:00Z" },
  })}\n`;
const heldOut = (step: number, loss: number) => `${JSON.stringify({ step, eval_loss: loss, eval_samples: 20 })}\n`;

/** A run whose loss falls to a half over 20 steps. */
function writeRun(name: string, from = 2): string {
  mkdirSync(at(name), { recursive: true });
  const steps = Array.from({ length: 20 }, (_, i) => stepLine(i + 1, from * (1 - i / 38)));
  writeFileSync(at(name, "metrics.jsonl"), steps.join("") + heldOut(10, from) + heldOut(20, from / 2));
  return at(name);
}

const page = (folders: readonly string[], height?: number) =>
  watchPage(
    folders.map((folder) => WatchedFolder.open(folder).look()),
    { width: 60, height, isColoured: false },
    NOW,
  ).map((line) =>
    line
      .map(({ text }) => text)
      .join("")
      .replaceAll(`${scratch.path}/`, "")
      .trimEnd(),
  );

describe("a page", () => {
  test("of one run: where it stands, and its losses as a chart", () => {
    const folder = writeRun("one");
    mkdirSync(at("one/checkpoint-20"));
    writeFileSync(at("one/checkpoint-20/training.json"), "{}");
    appendFileSync(at("one/metrics.jsonl"), `${stepLine(21, null)}{"step":22,"lo`);
    const lines = page([folder]);
    expect(lines.slice(0, 8)).toEqual([
      "one: stopped, step 21 of 40 (52%), last line 5s ago",
      "  loss      1.1053 smoothed, not finite in the last step",
      "  terms     masked 0.000, clean 0.000",
      "  rate      1e-4, gradient norm 1.50, 4.00 samples/s, 400 tokens/s, epoch 1.05",
      "  held out  1.0000 after step 20, 20 samples",
      "  saved     one/checkpoint-20",
      "  note      the loss of 1 step was no finite number",
      "",
    ]);
    expect(lines).toHaveLength(20);
    expect(lines[8]).toMatch(/^2\.0000 \u2524[\u2801-\u28ff]+$/);
    expect(lines[18]).toMatch(/^1\.1053 \u2524 {40}.*[\u2801-\u28ff]$/);
    expect(lines[19]).toMatch(/^ {7}\u2514step 1 +20$/);
  });

  test("of two runs: over the same axes, and side by side at the same steps", () => {
    const lines = page([writeRun("one"), writeRun("two", 3)]);
    const text = lines.join("\n");
    expect(text.match(/^3\.0000 \u2524/gm)).toHaveLength(2);
    const table = lines.slice(lines.findIndex((line) => line.startsWith("mean loss")));
    expect(table.slice(0, 4)).toEqual([
      "mean loss since the row before (and its difference to the first run's)",
      expect.stringMatching(/^ {2}step +\.\.\..*one +\.\.\..*two$/),
      expect.stringMatching(/^ +3 +1\.9474 +2\.9211 \(\+0\.9737\)$/),
      expect.stringMatching(/^ +6 +1\.7895 +2\.6842 \(\+0\.8947\)$/),
    ]);
    expect(table.slice(-2)).toEqual([
      expect.stringMatching(/^ +10 +2\.0000 +3\.0000 \(\+1\.0000\)$/),
      expect.stringMatching(/^ +20 +1\.0000 +1\.5000 \(\+0\.5000\)$/),
    ]);
  });

  test("of a loop: its rounds, and the training of the newest one", () => {
    writeRun("loop/round-1/model");
    writeRun("loop/round-2/trained");
    writeFileSync(at("loop/improve.json"), JSON.stringify({ rounds: [{}, {}, { draft: { drafts: 4 } }] }));
    const lines = page([at("loop")]);
    expect(lines[0]).toBe("loop: nobody is at work, round 2; done of it: draft");
    expect(lines[1]).toMatch(/^loop\/round-2\/trained: stopped, step 20 of 40/);
    expect(lines.at(-1)).toMatch(/^\| +2 \| +4 \|/);
  });

  test("is no longer than the terminal", () => {
    const folders = ["one", "two", "three"].map((name) => writeRun(name));
    for (const height of [8, 23, 60]) expect(page(folders, height).length).toBeLessThanOrEqual(height);
    expect(page(folders, 8).at(-1)).toMatch(/^\(\d+ more lines/);
    expect(page([at("one")], 23)).toHaveLength(23 - 1);
  });
});

describe("elsewhere than in a terminal", () => {
  test("it is told once; with --json in a line for each run; nothing is written", async () => {
    const folders = [writeRun("one"), writeRun("two", 3)];
    const plain = await rediffHere("train", "--watch", ...folders);
    expect(plain).toMatchObject({ status: 0, stderr: "" });
    expect(plain.stdout).toContain(`${folders[1]}: stopped, step 20 of 40`);
    expect(plain.stdout).not.toContain("\x1b");
    const { stdout } = await rediffHere("train", ...folders, "--watch", "--json");
    expect(jsonLines(stdout)).toMatchObject([
      { folder: folders[0], state: "stopped", step: 20, total_steps: 40, held_out: { step: 20, loss: 1 } },
      { folder: folders[1], loss: 1.5, samples_per_second: 4, learning_rate: 1e-4, terms: { masked: 0.75 } },
    ]);
    expect(readdirSync(at("one"))).toEqual(["metrics.jsonl"]);
  });

  test.each([
    ["a folder without a run", [""], /has no metrics\.jsonl\. Name the output folder of rediff train/],
    ["what is not there", ["nowhere"], /nowhere: no such folder\. Name the output folder/],
    ["a recipe", ["recipe.yaml"], /recipe\.yaml is a file\. Name the output folder/],
    [
      "a checkpoint",
      ["one/checkpoint-5"],
      /checkpoint-5 has no metrics\.jsonl\. The run of this checkpoint is in .*one\.$/,
    ],
    ["a plan, too", ["one", "--plan", "2"], /--watch trains and plans nothing/],
  ])("%s is one clear line", async (_, [name = "", ...more], message) => {
    writeRun("one");
    mkdirSync(at("one/checkpoint-5"));
    writeFileSync(at("recipe.yaml"), "");
    const { status, stdout, stderr } = await rediffHere("train", "--watch", at(name), ...more);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr.trimEnd()).toMatch(message);
  });

  test("--once alone is refused", async () => {
    const { status, stderr } = await rediffHere("train", "recipe.yaml", "--once");
    expect(status).toBe(2);
    expect(stderr).toMatch(/--once is of --watch\. Give --watch/);
  });
});

describe("in a terminal", () => {
  function terminal() {
    const frames: string[] = [];
    const input = Object.assign(new EventEmitter(), {
      ...{ isTTY: true, resume: () => undefined, pause: () => undefined },
      raw: [] as boolean[],
      setRawMode: (isRaw: boolean) => input.raw.push(isRaw),
    });
    const output = Object.assign(new EventEmitter(), {
      columns: 80,
      rows: 30,
      write: (text: string) => frames.push(text),
    });
    return { input, output, frames };
  }
  const until = async (what: () => boolean) => {
    while (!what()) await new Promise((on) => setTimeout(on, 2));
  };

  test("it follows the run, whatever becomes of its file, until q", { timeout: 20_000 }, async () => {
    const { input, output, frames } = terminal();
    const signals = process.listenerCount("SIGINT");
    const watching = watchLive([WatchedFolder.open(writeRun("one"))], { input, output }, { everyMs: 2 });
    const shows = (text: string | RegExp) => until(() => frames.at(-1)?.match(text) != null);
    await shows("step 20 of 40");
    appendFileSync(at("one/metrics.jsonl"), `${stepLine(21, 1)}{"step":22,`);
    await shows("step 21 of 40");
    renameSync(at("one/metrics.jsonl"), at("one/away"));
    output.rows = 20;
    output.emit("resize");
    await shows("step 21 of 40");
    writeFileSync(at("one/metrics.jsonl"), stepLine(3, 1)); // goes on from an earlier checkpoint
    await shows("step 3 of 40");
    input.emit("data", Buffer.from("\x1bOQ")); // F2 is no Q
    input.emit("data", Buffer.from("x"));
    appendFileSync(at("one/metrics.jsonl"), stepLine(4, 1));
    await shows("step 4 of 40");
    input.emit("data", Buffer.from("q"));
    const last = await watching;
    expect(last[0]).toContain("step 4 of 40");
    expect(frames[0]).toBe("\x1b[?1049h\x1b[?25l");
    expect(frames.at(-1)).toBe("\x1b[?25h\x1b[?1049l");
    expect(input.raw).toEqual([true, false]);
    expect([input.listenerCount("data"), output.listenerCount("resize")]).toEqual([0, 0]);
    expect(process.listenerCount("SIGINT")).toBe(signals);
  });

  test("runs have a colour each, in one chart", async () => {
    const { input, output, frames } = terminal();
    output.rows = 50;
    const folders = [writeRun("one"), writeRun("two", 3)].map((folder) => WatchedFolder.open(folder));
    const watching = watchLive(folders, { input, output });
    await until(() => frames.length > 1);
    input.emit("data", "\x03");
    await watching;
    expect(frames[1]?.match(/\u2524/g)).toHaveLength(2);
    for (const colour of [36, 33]) expect(frames[1]).toMatch(new RegExp(`\\x1b\\[${colour}m[\\u2801-\\u28ff]`));
  });

  const haveScript = process.platform === "linux" && spawnSync("script", ["--version"]).status === 0;

  test.skipIf(!haveScript)("the program gives the terminal back, and leaves its last page there", async () => {
    const command = `stty rows 24 cols 80; exec "${process.execPath}" "${program}" train --watch "${writeRun("one")}"`;
    const { child, done } = startProgram("script", ["-qec", command, "/dev/null"], { input: "q" });
    child.stdin.destroy();
    const { status, stdout } = await done;
    expect(status).toBe(0);
    const [before = "", after = ""] = stdout.split("\x1b[?1049l");
    expect(before).toContain("\x1b[?1049h");
    expect(before).toContain("q ends");
    expect(after).toContain("step 20 of 40");
    expect(after).not.toContain("q ends");
  });
});
