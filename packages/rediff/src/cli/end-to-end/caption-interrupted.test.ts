/** `rediff caption` that is killed, interrupted, cut off from its reader, and watched in a terminal. */
import { spawnSync } from "node:child_process";
import { appendFileSync, copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { jsonLines, program, rediff, rediffHere, startProgram, startRediff } from "../../testing/command-line.js";
import { folderOfFile } from "../../testing/folders.js";
import { writeTinyModel } from "../../testing/tiny-model.js";
import { fixturePath } from "../../vision/fixtures/pillow.js";
import { interrupted, linesOf } from "../testing/interrupted.js";

const { at, path: root } = folderOfFile();
const FILES = ["color.jpg", "grey.jpg", "rgba.png", "palette.png", "alpha.webp", "cmyk.jpg"];
const PICTURES = ["1", "2", "3"].flatMap((copy) => FILES.map((name) => `${copy}-${name}`)).sort();
/** A twentieth of a second or more for each picture. */
const CAPTION = ["caption", "pictures", "--model", "model", "--gen-length", "64"];
let whole: Record<string, unknown>[];

beforeAll(async () => {
  writeTinyModel(at("model"));
  mkdirSync(at("pictures"));
  for (const name of PICTURES) copyFileSync(fixturePath(name.slice(2)), at(`pictures/${name}`));
  const { stdout } = await rediff([...CAPTION, "--json"], { cwd: root });
  whole = jsonLines(stdout);
});

const answers = (records: readonly Record<string, unknown>[]) =>
  records.map(({ image, text, token_ids }) => ({ image, text, token_ids }));

const stopped = (output: string, lines: number, signal: NodeJS.Signals, options: readonly string[] = []) =>
  interrupted([...CAPTION, "--output", output, ...options], {
    ...{ cwd: root, file: at(output), lines, all: PICTURES.length, signal },
  });

test("killed again and again, it goes on where it was: nothing lost, nothing twice, no half line", async () => {
  for (const count of [1, 2]) {
    expect((await stopped("killed.jsonl", count, "SIGKILL")).status).toBeNull();
    const lines = linesOf(at("killed.jsonl"));
    expect(lines.length).toBeGreaterThanOrEqual(count);
    expect(lines.length).toBeLessThan(PICTURES.length);
    for (const line of lines) expect(() => JSON.parse(line)).not.toThrow();
  }
  const last = await rediff([...CAPTION, "--output", "killed.jsonl"], { cwd: root });
  expect(last).toMatchObject({ status: 0, stdout: "" });
  expect(last.stderr).toMatch(/^\d+ of 18 are in killed\.jsonl already\n$/);
  const text = readFileSync(at("killed.jsonl"), "utf8");
  expect(text.endsWith("\n")).toBe(true);
  expect(answers(jsonLines(text))).toEqual(answers(whole));
});

test("killed with --trace, it ends with the steps of every picture once, all of them, in their order", async () => {
  const args = ["--trace", "steps.jsonl", "--batch", "2"];
  for (const count of [1, 3]) await stopped("traced.jsonl", count, "SIGKILL", args);
  appendFileSync(at("steps.jsonl"), '{"image":"pictures/c'); // a kill in the middle of a write
  expect(await rediff([...CAPTION, "--output", "traced.jsonl", ...args], { cwd: root })).toMatchObject({ status: 0 });
  const records = jsonLines(readFileSync(at("traced.jsonl"), "utf8"));
  const steps = jsonLines(readFileSync(at("steps.jsonl"), "utf8"));
  expect(records).toHaveLength(PICTURES.length);
  for (const { image, steps: count, token_ids } of records) {
    const own = steps.filter((step) => step.image === image);
    expect(own.map(({ step }) => step)).toEqual([...Array(count).keys()]);
    expect(own.at(-1)?.tokens).toEqual(expect.arrayContaining(token_ids as number[]));
  }
  expect(steps).toHaveLength(records.reduce((sum, { steps: count }) => sum + Number(count), 0));
});

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("%s ends it with status %i and keeps what is done", async (signal, status) => {
  const run = await stopped(`${signal}.jsonl`, 1, signal);
  expect(run).toEqual({ status, stdout: "", stderr: "rediff: interrupted\n" });
  const records = linesOf(at(`${signal}.jsonl`)).map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(records.length).toBeGreaterThanOrEqual(1);
  expect(records.length).toBeLessThan(PICTURES.length);
  expect(answers(records)).toEqual(answers(whole.slice(0, records.length)));
});

test("a reader that has seen enough ends it quietly", async () => {
  const { child, done } = await startRediff([...CAPTION, "--json"], { cwd: root });
  child.stdout.once("data", () => child.stdout.destroy());
  expect(await done).toMatchObject({ status: 0, stderr: "" });
  const help = await startRediff(["caption", "--help"]);
  help.child.stdout.destroy();
  expect(await help.done).toMatchObject({ stderr: "" });
});

const haveScript = process.platform === "linux" && spawnSync("script", ["--version"]).status === 0;

/** Runs `rediff caption` in a terminal of 80 columns. */
const inTerminal = (args: readonly string[]) => {
  const command = [process.execPath, program, "caption", ...args].map((word) => `"${word}"`).join(" ");
  return startProgram("script", ["-qec", `stty rows 24 cols 80; ${command}`, "/dev/null"]).done;
};

describe.skipIf(!haveScript)("in a terminal", () => {
  const options = ["--model", at("model"), "--gen-length", "32", "--revise", "--tokens-per-step", "4"];
  const masksIn = (frame: string) => [...frame].filter((sign) => sign === "\u2591").length;
  const withoutMoves = (text: string) => text.replaceAll("\x1b[1A", "").replaceAll("\x1b[K", "");

  test("the text forms as one watches, masks and revisions visible", async () => {
    const pictures = [at("pictures/1-color.jpg"), at("pictures/1-grey.jpg")];
    const records = jsonLines((await rediffHere("caption", ...pictures, ...options, "--json")).stdout);
    const { status, stdout } = await inTerminal([...pictures, ...options]);
    expect(status).toBe(0);
    const frames = stdout.split("\r\x1b[K");
    // Nine pieces a picture: eight steps, and its text, which the first step of the next one follows.
    expect(frames.map(masksIn)).toEqual([28, 24, 20, 16, 12, 8, 4, 0, 28, 24, 20, 16, 12, 8, 4, 0, 0]);
    expect(frames.some((frame) => frame.includes("\x1b[33;1m"))).toBe(true); // something was revised
    for (const [i, { image, text }] of records.entries())
      expect(withoutMoves(frames[8 * (i + 1)] ?? "").startsWith(`${image}: ${String(text).trim()}\r\n`)).toBe(true);
  });

  test("a picture that cannot be read does not end it", async () => {
    const run = await inTerminal([at("pictures/1-color.jpg"), at("model/config.json"), ...options]);
    expect(run.status).toBe(3);
    expect(run.stdout).toMatch(/rediff: .*config\.json: looks like text; .*\r\nrediff: 1 of 2 failed\r\n$/);
  });
});
