/** `rediff improve` that is killed and interrupted in every stage, and what it tells. */

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { FakeExpert } from "../../pipeline/correction/testing/fake-expert.js";
import { startExpert, writeLoop } from "../../pipeline/improve/testing/loop.js";
import { jsonLines, rediff, rediffHere, startRediff } from "../../testing/command-line.js";
import { pictureFolder } from "../../testing/fixtures.js";
import { folderOfFile } from "../../testing/folders.js";
import { expectSameWeights } from "../../testing/same-weights.js";

const { at } = folderOfFile();
let expert: FakeExpert;
beforeAll(async () => {
  expert = await startExpert({ delayMs: 40 });
  writeLoop(at, expert.url);
});
afterAll(() => expert.close());

const args = (output: string, ...more: string[]) => {
  const recipe = [at("improve.yaml"), `output=${at(output)}`];
  return ["improve", "--threads", "1", ...recipe, ...more];
};

/** Complete lines of a file. */
const count = (file: string): number =>
  existsSync(at(file)) ? readFileSync(at(file), "utf8").split("\n").length - 1 : 0;
const predictions = (file: string): string[] =>
  existsSync(at(file))
    ? readFileSync(at(file), "utf8")
        .split("\n")
        .slice(0, -1)
        .map((line) => String((JSON.parse(line) as { pred: string }).pred))
    : [];
const ledgers = [
  "round-0/evaluation/corrections-4-steps",
  "round-1/corrections",
  "round-1/evaluation/corrections-4-steps",
];
const answered = (output: string): string[] => ledgers.flatMap((file) => predictions(`${output}/${file}.jsonl`));

const sameModel = (one: string, other: string) => expectSameWeights(at(one), at(other));

/** Where a loop of one round may be killed: when something of a stage is there, and the stage is not done. */
const moments: [string, (output: string) => boolean][] = [
  ["measuring the first model", (out) => count(`${out}/round-0/evaluation/drafts-4-steps.jsonl`) >= 1],
  ["asking about that", (out) => count(`${out}/round-0/evaluation/corrections-4-steps.jsonl`) >= 1],
  ["drafting", (out) => count(`${out}/round-1/drafts.jsonl`) >= 4],
  ["asking the expert", (out) => count(`${out}/round-1/corrections.jsonl`) >= 3],
  ["training", (out) => existsSync(at(`${out}/round-1/model/checkpoint-2`))],
  ["measuring", (out) => count(`${out}/round-1/evaluation/drafts-4-steps.jsonl`) >= 1],
  ["at the end", (out) => count(`${out}/round-1/evaluation/corrections-4-steps.jsonl`) >= 2],
];

test("killed with -9 in every stage: the same model, and nothing that is answered is asked again", {
  timeout: 240_000,
}, async () => {
  expect((await rediff(args("whole", "rounds=1"))).status).toBe(0);
  let kills = 0;
  for (const [what, isThere] of moments) {
    const known = new Set(answered("killed"));
    const from = expert.calls.length;
    const { child, done } = await startRediff(args("killed", "rounds=1"));
    while (!isThere("killed") && child.exitCode === null) await sleep(1);
    child.kill("SIGKILL");
    const { status, stderr } = await done;
    expect([null, 0], `${what}: ${stderr}`).toContain(status);
    if (status === null) kills++;
    for (const { prediction } of expert.calls.slice(from)) expect(known, what).not.toContain(prediction);
  }
  expect(kills).toBeGreaterThanOrEqual(moments.length - 1);
  const known = new Set(answered("killed"));
  const from = expert.calls.length;
  const last = await rediff(args("killed", "rounds=1"));
  expect(last.status).toBe(0);
  for (const { prediction } of expert.calls.slice(from)) expect(known).not.toContain(prediction);

  sameModel("whole/round-1/model", "killed/round-1/model");
  const plain = (output: string) => readFileSync(at(`${output}/round-1/drafts.jsonl`), "utf8");
  expect(plain("killed")).toBe(plain("whole"));
  const all = answered("killed");
  expect(new Set(all).size).toBe(all.length);
  const quality = (text: string) => text.split("\n").filter((line) => line.startsWith("|"));
  expect(quality(last.stdout)).toEqual(quality(readFileSync(at("whole/report.md"), "utf8")));
  const leftovers = readdirSync(at("killed"), { recursive: true, encoding: "utf8" });
  expect(leftovers.filter((name) => /partial|saving|removing|\.lock/.test(name))).toEqual([]);
});

describe("interrupted", () => {
  test("while asking: answers under way are waited for, 130", { timeout: 60_000 }, async () => {
    const { child, done } = await startRediff(args("asked", "rounds=1", "evaluate=null"));
    while (count("asked/round-1/corrections.jsonl") < 1 && child.exitCode === null) await sleep(1);
    child.kill("SIGINT");
    const { status, stderr, stdout } = await done;
    expect({ status, stdout }).toEqual({ status: 130, stdout: "" });
    expect(stderr).toMatch(/SIGINT: saving what is under way; once more ends at once/);
    expect(stderr).toMatch(/rediff: interrupted\n$/);
    const underWay = expert.calls.length;
    await sleep(100);
    expect(expert.calls.length).toBe(underWay);
  });

  test("while training: a checkpoint is saved, and training goes on from it", { timeout: 60_000 }, async () => {
    const options = [
      "rounds=1",
      "evaluate=null",
      'train.set={"save.every": 0, epochs: 40}',
      "train.keep_checkpoints=true",
    ];
    const { child, done } = await startRediff(args("trained", ...options));
    while (count("trained/round-1/model/metrics.jsonl") < 3 && child.exitCode === null) await sleep(1);
    child.kill("SIGTERM");
    const { status } = await done;
    expect(status).toBe(143);
    const [checkpoint] = readdirSync(at("trained/round-1/model")).filter((name) => name.startsWith("checkpoint-"));
    expect(checkpoint).toBeDefined();
    const again = await rediff(args("trained", ...options));
    expect(again.stderr).toContain(`from ${at(`trained/round-1/model/${checkpoint}`)}`);
    expect(again.status).toBe(0);
  });
});

test("drafts that several processes made are taken as they are", { timeout: 60_000 }, async () => {
  const slice = ["--count", "6", "--steps", "12,6", "--gen-length", "12", "--revise", "--threads", "1"];
  const data = ["data", "draft", at("data.jsonl"), "--image-folder", pictureFolder, "--model", at("model")];
  const shards = [0, 1].map((index) => at(`shard-${index}.jsonl`));
  for (const [index, shard] of shards.entries())
    expect(await rediffHere(...data, ...slice, "--shard", `${index}/2`, "--output", shard)).toMatchObject({
      status: 0,
    });
  mkdirSync(at("shards/round-1"), { recursive: true });
  writeFileSync(at("shards/round-1/drafts.jsonl"), shards.map((file) => readFileSync(file, "utf8")).join(""));
  const { status, stderr } = await rediffHere(...args("shards", "rounds=1", "evaluate=null"));
  expect({ status, drafted: /6 drafts of 6 records, in 0s/.test(stderr) }).toEqual({ status: 0, drafted: true });
  const order = jsonLines(readFileSync(at("shards/round-1/train.jsonl"), "utf8")).map(({ id }) => id);
  expect(order).toEqual([...order].sort());
  expect(order).toEqual(jsonLines(readFileSync(at("whole/round-1/train.jsonl"), "utf8")).map(({ id }) => id));
  sameModel("whole/round-1/model", "shards/round-1/model");
});

describe("what a user sees", () => {
  test("stages on stderr, the tables on stdout", { timeout: 60_000 }, async () => {
    const { status, stdout, stderr } = await rediffHere(...args("seen", "rounds=1", "evaluate.measure=[expert]"));
    expect(status).toBe(0);
    for (const line of [
      /^round 0: measuring$/m,
      /^round 1: drafting\nround 1: 6 drafts of 6 records, in /m,
      /^round 1: \d answers about 6 drafts: \d right, \d corrected, \d+ requests$/m,
      /^round 1: \d of 6 answers can be learnt from, \d of \d+ replacements$/m,
      /^round 1: .*seen\/round-1\/model: \d+ updates on \d corrections, in /m,
    ])
      expect(stderr).toMatch(line);
    expect(stdout).toMatch(/^\| round \| steps \| found right \| edits per draft \|\n/);
    expect(stdout).toMatch(/\nThe model: .*seen\/round-1\/model\n$/);
    const again = await rediffHere(...args("seen", "rounds=1", "evaluate.measure=[expert]"));
    expect(again).toEqual({ status: 0, stdout, stderr: "" });
  });

  test("--json prints a line for each stage and the report", { timeout: 60_000 }, async () => {
    const { stdout } = await rediffHere(...args("seen", "rounds=1", "evaluate.measure=[expert]"), "--json");
    const events = jsonLines(stdout);
    expect(events.map(({ event, round, stage, before }) => [event, round, stage, before])).toEqual([
      ["stage", 0, "evaluate", true],
      ...["draft", "correct", "select", "train", "evaluate"].map((stage) => ["stage", 1, stage, true]),
      ["report", undefined, undefined, undefined],
    ]);
    expect(events.at(-1)).toEqual({ event: "report", ...JSON.parse(readFileSync(at("seen/report.json"), "utf8")) });
  });

  test.each([
    ["an unknown key", ["draft.step=3"], /draft\.step: there is no such key; did you mean draft\.steps\?/],
    ["a value that does not fit", ["draft.steps=[12,99999999999999999999]"], /draft\.steps/],
    ["too few records", ["rounds=9"], /9 rounds of 6 records from 0 on need 54, and the data has 16/],
    [
      "an expert that is not there",
      ["expert.base_url=http://127.0.0.1:9/v1", "expert.retries=0", "evaluate=null"],
      /127\.0\.0\.1:9/,
    ],
  ])("%s is one clear line", async (_, overrides, message) => {
    const { status, stdout, stderr } = await rediffHere(...args("wrong", ...overrides));
    expect([1, 2]).toContain(status); // exit-status.test.ts says when which
    expect(stdout).toBe("");
    expect(stderr.trimEnd().split("\n").at(-1)).toMatch(message);
  });
});
