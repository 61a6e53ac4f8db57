/** `rediff evaluate` that is killed again and again, and as a user types it. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { jsonLines, rediff, rediffHere } from "../../testing/command-line.js";
import { folderOfFile } from "../../testing/folders.js";
import { writeTinyModel } from "../../testing/tiny-model.js";
import { fixturePath } from "../../vision/fixtures/pillow.js";
import { interrupted, linesOf } from "../testing/interrupted.js";

const { at, path: root } = folderOfFile();
/** Programs are started a dozen times. */
const LONG = { timeout: 900_000 };

test("killed ten times, it ends with the same table, and no question was answered twice", LONG, async () => {
  const count = 24;
  writeTinyModel(at("model"));
  mkdirSync(at("data"));
  copyFileSync(fixturePath("color.jpg"), at("data/a.jpg"));
  const rows = Array.from({ length: count }, (_, i) => ({
    ...{ type: "human_test", question: `How many? ${i}`, answer: String(i), image: "a.jpg" },
  }));
  writeFileSync(at("data/test.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  // A tenth of a second or more for each answer.
  const asked = ["evaluate", "chartqa", "--data", "data", "--model", "model", "--gen-length", "96", "--steps", "96"];
  const whole = await rediff([...asked, "--output", "whole"], { cwd: root });
  expect(whole.status, whole.stderr).toBe(0);
  const file = at("killed/chartqa/answers.jsonl");
  for (let kill = 1; kill <= 10; kill++) {
    const lines = linesOf(file).length + 1;
    const run = await interrupted([...asked, "--output", "killed"], {
      ...{ cwd: root, file, lines, all: count, signal: "SIGKILL" },
    });
    expect(run.status).toBeNull();
  }
  expect(linesOf(file).length).toBeLessThan(count);
  const last = await rediff([...asked, "--output", "killed"], { cwd: root });
  expect(last.status, last.stderr).toBe(0);
  expect(last.stdout).toBe(whole.stdout);
  const replies = (path: string) =>
    linesOf(path)
      .map((line) => JSON.parse(line))
      .map(({ doc, reply }) => ({ doc, reply }));
  expect(replies(file)).toEqual(replies(at("whole/chartqa/answers.jsonl")));
  expect(replies(file).map(({ doc }) => doc)).toEqual([...Array(count).keys()]);
});

const COUNT = 4;
/** The embedded model, on scenes that are made on the spot. */
const EVALUATE = ["evaluate", "scenes_caption", "--limit", String(COUNT), "--threads", "1"];
let whole: { stdout: string; stderr: string; status: number | null };

describe("the command", () => {
  beforeAll(async () => {
    whole = await rediff([...EVALUATE, "--output", "whole-scenes"], { cwd: root });
  }, LONG.timeout);

  test("prints every figure of the scenes, and keeps what users and programs read", async () => {
    expect(whole.status).toBe(0);
    for (const figure of ["coverage", "precision", "position", "count", "exact", "edits (less is better)"])
      expect(whole.stdout).toContain(figure);
    const page = readFileSync(at("whole-scenes/report.html"), "utf8");
    expect(page).toContain("said-right");
    const [first] = linesOf(at("whole-scenes/scenes_caption/answers.jsonl")).map((line) => JSON.parse(line));
    expect(first.origin).toMatchObject({ model: "embedded", task: "scenes_caption", protocol: "rediff" });
  });

  test("scores anew without the model, and compares a run with itself", async () => {
    const again = await rediffHere(...EVALUATE, "--output", at("whole-scenes"), "--json");
    expect(again.status).toBe(0);
    const [line] = jsonLines(again.stdout);
    expect(line).toMatchObject({ task: "scenes_caption", documents: COUNT });
    const compared = await rediffHere(
      "evaluate",
      "--compare",
      at("whole-scenes"),
      at("whole-scenes"),
      "--report",
      at("both.html"),
    );
    expect(compared.stdout).toMatch(/coverage .* 0\.0000 .* 0\.0000 to 0\.0000/);
    expect(existsSync(at("both.html"))).toBe(true);
  });

  test("says of every answer what was approximate, rounded weights among it", async () => {
    const asked = ["evaluate", "scenes_caption", "--limit", "1", "--fast", "--output", at("fast")];
    const { status, stdout } = await rediffHere(...asked, "--json");
    expect(status).toBe(0);
    const names = ["fast", "quantize int8", "cache refresh", "rule threshold"];
    const options = { fast: true, quantize: "int8", rule: "threshold" };
    expect(jsonLines(stdout)).toMatchObject([{ approximate: names, origin: { options } }]);
    const [answer] = linesOf(at("fast/scenes_caption/answers.jsonl")).map((line) => JSON.parse(line));
    expect(answer).toMatchObject({ approximate: names, quantize: "int8", origin: { options } });
    const exact = await rediffHere(...asked.filter((word) => word !== "--fast"));
    expect(exact.stderr).toMatch(/was made with/);
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

  test("does what the documentation begins with", LONG, async () => {
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
