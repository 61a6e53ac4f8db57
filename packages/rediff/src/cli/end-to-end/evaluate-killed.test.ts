/** `rediff evaluate` that is killed again and again, and as a user types it. */
import { existsSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { jsonLines, rediff, rediffHere, startRediff } from "../../testing/command-line.js";
import { folderOfFile } from "../../testing/folders.js";

const { at, path: root } = folderOfFile();
const COUNT = 24;
/** The embedded model, on scenes that are made on the spot. */
const EVALUATE = ["evaluate", "scenes_caption", "--limit", String(COUNT), "--threads", "1"];

const linesOf = (file: string): string[] =>
  existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(0, -1) : [];

let whole: { stdout: string; stderr: string; status: number | null };
beforeAll(async () => {
  whole = await rediff([...EVALUATE, "--output", "whole"], { cwd: root });
});

test("killed ten times, it ends with the same table, and no question was answered twice", async () => {
  for (let kill = 1; kill <= 10; kill++) {
    const { child, done } = await startRediff([...EVALUATE, "--output", "killed"], { cwd: root });
    const file = at("killed/scenes_caption/answers.jsonl");
    const before = linesOf(file).length;
    while (linesOf(file).length < Math.min(before + 2, COUNT) && child.exitCode === null)
      await new Promise((on) => setTimeout(on, 2));
    child.kill("SIGKILL");
    await done;
  }
  const last = await rediff([...EVALUATE, "--output", "killed"], { cwd: root });
  expect(last.status).toBe(0);
  expect(last.stdout).toBe(whole.stdout);
  const answers = linesOf(at("killed/scenes_caption/answers.jsonl")).map((line) => JSON.parse(line) as { doc: number });
  expect(answers.map(({ doc }) => doc)).toEqual([...Array(COUNT).keys()]);
});

describe("the command", () => {
  test("prints every figure of the scenes, and keeps what users and programs read", async () => {
    expect(whole.status).toBe(0);
    for (const figure of ["coverage", "precision", "position", "count", "exact", "edits (less is better)"])
      expect(whole.stdout).toContain(figure);
    const page = readFileSync(at("whole/report.html"), "utf8");
    expect(page).toContain("said-right");
    const [first] = linesOf(at("whole/scenes_caption/answers.jsonl")).map((line) => JSON.parse(line));
    expect(first.origin).toMatchObject({ model: "embedded", task: "scenes_caption", protocol: "rediff" });
  });

  test("scores anew without the model, and compares a run with itself", async () => {
    const again = await rediffHere(...EVALUATE, "--output", at("whole"), "--json");
    expect(again.status).toBe(0);
    const [line] = jsonLines(again.stdout);
    expect(line).toMatchObject({ task: "scenes_caption", documents: COUNT });
    const compared = await rediffHere("evaluate", "--compare", at("whole"), at("whole"), "--report", at("both.html"));
    expect(compared.stdout).toMatch(/coverage .* 0\.0000 .* 0\.0000 to 0\.0000/);
    expect(existsSync(at("both.html"))).toBe(true);
  });

  test.each([
    [["evaluate"], /no task was named/],
    [["evaluate", "scene"], /no task is called scene/],
    [["evaluate", "scenes", "--shard", "3/2"], /no part of a whole/],
    [["evaluate", "chartqa", "--data", "/nowhere/at/all"], /there is no \/nowhere\/at\/all/],
    [["evaluate", "coco_cap_chair", "--data", "/tmp"], /--synonyms FILE/],
    [["evaluate", "scenes", "--protocol", "llada-v"], /has no protocol llada-v/],
    [["evaluate", "--compare", "a"], /two folders of runs or more/],
    [["evaluate", "clair", "--judge", "http://127.0.0.1:1/v1"], /--judge-model/],
  ])("%j is told in one line", async (args, message) => {
    const { status, stderr, stdout } = await rediffHere(...args);
    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd()).not.toContain("\n");
  });

  test("does what the documentation begins with", async () => {
    const docs = readFileSync(new URL("../../../../../docs/evaluation.md", import.meta.url), "utf8");
    const [, block = ""] = /^```sh\n([\s\S]*?)^```$/m.exec(docs) ?? [];
    const commands = block.trim().split("\n");
    expect(commands).toHaveLength(3);
    for (const command of commands) {
      const args = command.replace("--limit 50", "--limit 3").split(" ").slice(2);
      expect(await rediff(args, { cwd: root }), command).toMatchObject({ status: 0 });
    }
    expect(readFileSync(at("exp/both.html"), "utf8")).toContain("tokens per step</text>");
  });

  test("lists its tasks", async () => {
    const { stdout } = await rediffHere("evaluate", "--list");
    for (const name of ["mmmu_val", "scenes_caption", "coco_cap_chair", "capture", "llada-v"])
      expect(stdout).toContain(name);
  });
});
