import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Command } from "commander";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { jsonLines, rediffHere } from "../../testing/command-line.js";
import { folderOfEachTest } from "../../testing/folders.js";
import { program } from "../main.js";

const { at } = folderOfEachTest();
const before = process.cwd();

beforeEach(() => {
  mkdirSync(at("project/below"), { recursive: true });
  vi.stubEnv("XDG_CONFIG_HOME", at("home"));
  vi.stubEnv("REDIFF_MODEL", undefined);
  process.chdir(at("project/below"));
});
afterEach(() => {
  process.chdir(before);
  vi.unstubAllEnvs();
});

function write(name: string, text: string): string {
  const path = at(name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}
const project = (text: string) => write("project/rediff.config.yaml", text);
const user = (text: string) => write("home/rediff/config.yaml", text);

/** What a command would run with. */
async function optionsOf(...args: string[]): Promise<Record<string, unknown>> {
  const root = program();
  let found: Record<string, unknown> = {};
  const idle = (command: Command): void => {
    command.action(() => {
      found = command.opts();
    });
    command.commands.forEach(idle);
  };
  root.commands.forEach(idle);
  await root.parseAsync(["node", "rediff", ...args]);
  return found;
}

describe("what goes before what", () => {
  test("command line, environment, project, user; of a file, what is said for the command", async () => {
    user("device: cuda\ndtype: bfloat16\nseed: 1\ncaption:\n  seed: 2\n  gen_length: 9");
    expect(await optionsOf("caption", "a.jpg")).toMatchObject({ device: "cuda", seed: 2, genLength: 9 });
    expect(await optionsOf("refine", "a.jpg")).toMatchObject({ device: "cuda", seed: 1 });
    project("device: cpu\nmodel: ./models/mine\nseed: 3");
    const both = { device: "cpu", dtype: "bfloat16", seed: 3, genLength: 9, model: at("project/models/mine") };
    expect(await optionsOf("caption", "a.jpg")).toMatchObject(both);
    vi.stubEnv("REDIFF_MODEL", "other");
    expect(await optionsOf("caption", "a.jpg", "--seed", "4")).toMatchObject({ ...both, seed: 4, model: "other" });
    expect(await optionsOf("caption", "a.jpg", "--model", "third")).toMatchObject({ model: "third" });
  });

  test("a rule on the command line leaves no place for another from a file; lists are replaced, not added to", async () => {
    project('caption:\n  tokens_per_step: 4\n  stop: ["a", "b"]\n  revise: true\n  as_stored: false');
    expect(await optionsOf("caption", "a.jpg")).toMatchObject({ tokensPerStep: 4, stop: ["a", "b"], revise: true });
    const typed = await optionsOf("caption", "a.jpg", "--steps", "3", "--stop", "c");
    expect(typed).toMatchObject({ steps: 3, stop: ["c"] });
    expect(typed).not.toHaveProperty("tokensPerStep");
    expect(typed).not.toHaveProperty("asStored");
  });

  test("the nearest project's file alone, in YAML or JSON; commands below a group have theirs", async () => {
    project("seed: 1\nthreads: 2");
    write(
      "project/below/rediff.config.json",
      '{ "seed": 5, "memory_check": false, "data": { "draft": { "seed": 6 } } }',
    );
    const caption = await optionsOf("caption", "a.jpg");
    expect(caption).toMatchObject({ seed: 5, memoryCheck: false });
    expect(caption).not.toHaveProperty("threads");
    expect(await optionsOf("data", "draft", "a.jsonl", "--output", at("o"))).toMatchObject({ seed: 6 });
  });
});

describe("mistakes name the file, the key and the remedy, whichever command runs", () => {
  test.each([
    ["genlength: 4", /rediff\.config\.yaml: genlength: there is no such option; did you mean gen_length\?/],
    ["caption:\n  temprature: 1", /caption\.temprature: there is no such option; did you mean temperature\?/],
    ["capton:\n  seed: 1", /capton: there is no such option; did you mean caption\?/],
    ["caption:\n  port: 1", /caption\.port: there is no such option/],
    ["seed: many", /seed: "many" cannot be\. It must be a whole number from 0/],
    ["revise: 1", /revise: expected true or false, got 1/],
    ["seed: [1, 2]", /seed: expected one value, got \[1,2\]/],
    ["caption: 3", /caption is a command; expected its options/],
    ["serve:\n  api_key: secret", /serve\.api_key is no setting of a file\. Set REDIFF_API_KEY/],
    ["serve:\n  host: 0.0.0.0", /serve\.host may not be set by a project's file/],
    ["output: a.jsonl", /output is no setting of a file\. Give it on the command line/],
    ["- a", /expected keys with values, got/],
    ["a: b: c", /rediff\.config\.yaml:1: /],
  ])("%j", async (text, message) => {
    project(text);
    const { status, stdout, stderr } = await rediffHere("inspect", "none");
    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(message);
    expect(stderr.match(/\n/g)).toHaveLength(1);
  });

  test("two files of a project in one folder", async () => {
    project("seed: 1");
    write("project/rediff.config.json", "{}");
    expect((await rediffHere("config")).stderr).toMatch(/project has rediff\.config\.yaml and rediff\.config\.json/);
  });

  test("doctor works all the same", async () => {
    project("nonsense: 1");
    expect((await rediffHere("completion", "bash")).status).toBe(0);
  });
});

describe("rediff config", () => {
  test("each value once, with where it comes from", async () => {
    const userPath = user("device: cuda\nserve:\n  host: 0.0.0.0");
    const projectPath = project("device: cpu\nmodel: here");
    vi.stubEnv("REDIFF_MODEL", "there");
    const { status, stdout } = await rediffHere("config", "--json");
    expect(status).toBe(0);
    expect(jsonLines(stdout)).toEqual([
      { key: "model", value: "there", from: "environment (REDIFF_MODEL)" },
      { key: "device", value: "cpu", from: projectPath },
      { key: "serve.host", value: "0.0.0.0", from: userPath },
    ]);
    const shown = (await rediffHere("config")).stdout;
    expect(shown).toContain(`project  ${projectPath}\nuser     ${userPath}\n`);
    expect(shown).toMatch(/^device +cpu +\S+rediff\.config\.yaml$/m);
  });

  test("of a command, all of its options; of what there is not, the nearest name", async () => {
    project("caption:\n  seed: 7");
    const lines = jsonLines((await rediffHere("config", "caption", "--json")).stdout);
    expect(lines).toContainEqual({ key: "seed", value: 7, from: join(at("project"), "rediff.config.yaml") });
    expect(lines).toContainEqual({ key: "device", value: "cpu", from: "default" });
    expect((await rediffHere("config", "captoin")).stderr).toMatch(
      /there is no command captoin\. Did you mean caption/,
    );
    expect((await rediffHere("config", "data")).stderr).toMatch(/data is a group of commands/);
  });

  test("nothing set: says so, and where files would be", async () => {
    const { stdout } = await rediffHere("config");
    expect(stdout).toMatch(/^project {2}none/);
    expect(stdout).toMatch(/nothing is set: all options have their defaults/);
  });
});
