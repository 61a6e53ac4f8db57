/** What all commands have in common: help, unknown words, `--verbose`, and that only those fetch libtorch that need it. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { jsonLines, rediff, rediffHere } from "../testing/command-line.js";
import { folderOfFile } from "../testing/folders.js";
import { writeTinyModel } from "../testing/tiny-model.js";
import { fixturePath } from "../vision/fixtures/pillow.js";
import { program } from "./main.js";

const { at, path: root } = folderOfFile();

const commands = program().commands.map((command) => command.name());

test.each(commands)("%s --help: usage, every option explained, examples of it", async (name) => {
  const { status, stdout, stderr } = await rediffHere(name, "--help");
  expect([status, stderr]).toEqual([0, ""]);
  expect(stdout).toMatch(new RegExp(`^Usage: rediff ${name} `));
  const command = program().commands.find((other) => other.name() === name);
  for (const option of command!.options) expect(option.description, option.flags).not.toBe("");
  if (name !== "doctor") expect(stdout).toContain(`$ rediff ${name} `);
});

test("the program: help lists the commands, --version is that of the package", async () => {
  const help = await rediff(["--help"]);
  expect(help).toMatchObject({ status: 0, stderr: "" });
  for (const name of commands) expect(help.stdout).toContain(`\n  ${name} `);
  expect(await rediff(["--version"])).toMatchObject({ status: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  const bare = await rediff([]);
  expect(bare).toEqual({ status: 2, stdout: "", stderr: help.stdout });
});

test.skipIf(process.platform !== "linux")("too few open files are told in one line, before anything is loaded", () => {
  const launcher = fileURLToPath(new URL("../../bin/rediff.mjs", import.meta.url));
  const { status, stderr } = spawnSync("sh", ["-c", `ulimit -n 64; exec "${process.execPath}" "${launcher}" doctor`], {
    encoding: "utf8",
  });
  expect([status, stderr]).toEqual([
    1,
    "rediff: this process may open 64 files, and the program needs 160. Raise the limit: ulimit -n 160\n",
  ]);
});

describe("one line about what cannot be understood", () => {
  test.each<[string[], RegExp]>([
    [["captoin"], /^rediff: unknown command 'captoin' \(Did you mean caption\?\) \(add --help/],
    [["caption", "x.jpg", "--genlength", "4"], /^rediff: unknown option '--genlength' \(Did you mean --gen-length\?\)/],
    [["caption"], /^rediff: missing required argument 'IMAGE'/],
    [["caption", "x.jpg", "--steps", "many"], /'--steps <N>' argument 'many' is invalid\. It must be a whole number/],
    [["caption", "x.jpg", "--steps", "1e9999"], /It must be a whole number from 1\./],
    [["caption", "x.jpg", "--temperature", "hot"], /argument 'hot' is invalid\. It must be a number\./],
    [["caption", "x.jpg", "--remasking", "best"], /Allowed choices are low_confidence, random\./],
    [
      ["caption", "x.jpg", "--threshold", "0.9", "--steps", "9", "--model", "m"],
      /--steps and --threshold exclude each/,
    ],
    [["caption", "x.jpg", "--rule", "best"], /Allowed choices are schedule, threshold, factor, entropy, joint\./],
    [
      ["caption", "x.jpg", "--rule", "joint", "--factor", "2", "--model", "m"],
      /--rule joint has no --factor\. It is of/,
    ],
    [
      ["caption", "x.jpg", "--entropy-bound", "1", "--tokens-per-step", "2", "--model", "m"],
      /--tokens-per-step and --rule entropy exclude each/,
    ],
    [["caption", "x.jpg", "--threshold", "2", "--model", "m"], /--threshold must be from 0 to 1, got 2/],
    [
      ["caption", "x.jpg", "--cache", "1,2", "--model", "m"],
      /'1,2' is invalid\. It must be none, refresh, fast-dllm, dllm-cache or KP,KR,RHO/,
    ],
    [["caption", "x.jpg", "--no-certify", "--model", "m"], /--no-certify needs --cache refresh/],
    [["caption", "x.jpg", "--model"], /option '--model <DIR\|HUB_ID>' argument missing/],
    [["caption", "none.jpg"], /^rediff: there is no file .*none\.jpg/],
    [["inspect", "a", "b"], /too many arguments/],
    [["launch", "--", "train", "x.yaml"], /required option '--nproc <N>' not specified/],
    [["launch", "--nproc", "2", "--", "refine", "x.jpg"], /several processes of rediff refine would all do the same/],
    [["launch", "--nproc", "2", "--nnodes", "2", "--", "train", "x.yaml"], /Give --master-addr and --master-port/],
  ])("%j", async (args, line) => {
    const { status, stdout, stderr } = await rediffHere(...args);
    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(line);
    expect(stderr.match(/\n/g)).toHaveLength(1);
  });
});

test("--verbose, before or after the command, shows where an error comes from", async () => {
  for (const args of [
    ["--verbose", "inspect", "none"],
    ["inspect", "none", "--verbose"],
  ]) {
    const { status, stderr } = await rediffHere(...args);
    expect(status).toBe(2);
    expect(stderr).toMatch(/^rediff: .*none.*\nUserError: .*\n {4}at /);
  }
});

test("what needs no libtorch does not fetch it, nor does a mistake", async () => {
  const cache = at("cache");
  const env = { REDIFF_CACHE: cache, HF_HUB_CACHE: at("hub") };
  const model = writeTinyModel(at("model"));
  mkdirSync(cache);

  const inspected = await rediff(["inspect", model, "--json"], { env });
  expect(inspected).toMatchObject({ status: 0, stderr: "" });
  expect(jsonLines(inspected.stdout)).toMatchObject([{ kind: "llada-v", complete: true }]);
  const doctor = await rediff(["doctor", "--json"], { env: { ...env, LIBTORCH: root } });
  expect(doctor).toMatchObject({ status: 1, stderr: "" });
  expect(jsonLines(doctor.stdout)).toContainEqual(expect.objectContaining({ name: "libtorch", ok: false }));

  const picture = fixturePath("color.jpg");
  const mistakes = [
    ["caption", picture, "--model", at("none")],
    ["caption", picture, "--model", model, "--gen-length", "10", "--block-length", "3"],
    ["caption", at("none.jpg"), "--model", model],
    ["convert", at("none"), at("out")],
  ];
  for (const args of mistakes) {
    const { status, stderr } = await rediff(args, { env });
    expect([status, stderr.split("\n").length]).toEqual([2, 2]);
    expect(stderr).toMatch(/^rediff: /);
  }
  expect(readdirSync(cache)).toEqual([]);
});

test("what needs libtorch says in one line why it cannot be had", async () => {
  const model = writeTinyModel(at("model"));
  const env = { REDIFF_CACHE: at("no-cache"), LIBTORCH: root };
  const { status, stdout, stderr } = await rediff(["caption", fixturePath("color.jpg"), "--model", model], { env });
  expect([status, stdout]).toEqual([1, ""]);
  expect(stderr).toMatch(/^rediff: LIBTORCH=.* cannot be used: .*unset LIBTORCH.*\n$/);
});
