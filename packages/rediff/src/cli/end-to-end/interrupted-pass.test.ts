/** A forward pass that takes long: Ctrl-C and SIGTERM end it between two of its layers, and a terminal shows how far it
 *  is. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { program, startRediff } from "../../testing/command-line.js";
import { folderOfFile } from "../../testing/folders.js";
import { writeTinyModel } from "../../testing/tiny-model.js";
import { fixturePath } from "../../vision/fixtures/pillow.js";

const { at, path: root } = folderOfFile();
const photo = fixturePath("color.jpg");
/** A pass takes several seconds, a layer a few hundredths of one. */
const ARGS = ["--model", "slow", "--gen-length", "2000", "--steps", "8", "--prompt", "?"];
/** Far less than is left of the pass; an idle machine needs a tenth of it. */
const SOON_MS = 4000;

beforeAll(() => {
  writeTinyModel(at("slow"), { layers: 400 });
});

describe.skipIf(process.platform !== "linux")("without a terminal", () => {
  test.each([
    ["SIGINT", 130, ["caption", photo]],
    ["SIGTERM", 143, ["caption", photo, "--output", "captions.jsonl"]],
    ["SIGINT", 130, ["refine", photo, "--draft", "word ".repeat(600)]],
    ["SIGTERM", 143, ["fill", photo, "--template", "A [[1200]] is here."]],
  ] as const)("%s ends it with status %i: %s", async (signal, status, [command, ...rest]) => {
    const own = command === "caption" ? ARGS : ARGS.slice(0, 2);
    const { child, done } = await startRediff([command, ...rest, ...own], { cwd: root });
    const isLoaded = () => readFileSync(`/proc/${child.pid}/maps`, "utf8").includes("safetensors");
    while (child.exitCode === null && !isLoaded()) await new Promise((on) => setTimeout(on, 50));
    await new Promise((on) => setTimeout(on, 1000));
    const asked = performance.now();
    child.kill(signal);
    expect(await done).toEqual({ status, stdout: "", stderr: "rediff: interrupted\n" });
    expect(performance.now() - asked).toBeLessThan(SOON_MS);
    if (existsSync(at("captions.jsonl"))) expect(readFileSync(at("captions.jsonl"), "utf8")).toBe("");
  });
});

const haveScript = process.platform === "linux" && spawnSync("script", ["--version"]).status === 0;

describe.skipIf(!haveScript)("in a terminal", () => {
  test.each([[[]], [["--output", "shown.jsonl"]]])("layers are counted, and Ctrl-C ends it: %j", async (more) => {
    const words = [process.execPath, program, "caption", photo, ...ARGS, ...more].map((word) => `"${word}"`).join(" ");
    const child = spawn("script", ["-qec", `stty rows 24 cols 100; ${words}`, "/dev/null"], {
      cwd: root,
      env: { ...process.env, OMP_NUM_THREADS: "1" },
      stdio: ["pipe", "pipe", "inherit"],
    });
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    let seen = "";
    let asked = 0;
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      seen += text;
      if (asked > 0 || !/forward pass: layer \d+ of 400 {2}.*left/.test(seen)) return;
      asked = performance.now();
      child.stdin.write("\x03");
    });
    expect([await ended, asked > 0]).toEqual([130, true]);
    expect(performance.now() - asked).toBeLessThan(SOON_MS);
    expect(seen.trimEnd().endsWith("rediff: interrupted")).toBe(true);
  });
});
