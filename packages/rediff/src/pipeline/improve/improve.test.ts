/** The loop in this process, against a server of the expert's protocol. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { isAbsolute } from "node:path";
import { openCheckpoint, scope, setThreads } from "@rediff/torch";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { record, writeLines } from "../../data/testing/record-files.js";
import { loadModel } from "../../inference/vision-language-model.js";
import { generateScenes } from "../../scenes/records/generate-scenes.js";
import { makeWorld } from "../../scenes/world/world.js";
import { jsonLines } from "../../testing/command-line.js";
import { pictureFolder } from "../../testing/fixtures.js";
import { folderOfFile } from "../../testing/folders.js";
import { parseOverride } from "../../training/recipe/overrides.js";
import type { FakeExpert } from "../correction/testing/fake-expert.js";
import { type ImproveOptions, improve } from "./improve.js";
import { parseImproveRecipe } from "./improve-recipe.js";
import { reportText } from "./improve-report.js";
import { type ExpertMood, startExpert, writeLoop } from "./testing/loop.js";
import { roundRecipe } from "./train-round.js";

const { at } = folderOfFile();
const mood: ExpertMood = {};
let expert: FakeExpert;
beforeAll(async () => {
  setThreads(1);
  expert = await startExpert(mood);
  writeLoop(at, expert.url);
});
beforeEach(() => {
  delete mood.reply;
  expert.calls.length = 0;
});
afterAll(() => expert.close());

const recipe = (...overrides: string[]) =>
  parseImproveRecipe(readFileSync(at("improve.yaml"), "utf8"), "improve.yaml", overrides.map(parseOverride));
const run = (output: string, overrides: string[] = [], options: ImproveOptions = {}) =>
  improve(recipe(`output=${at(output)}`, ...overrides), options);
const lines = (file: string) => (existsSync(at(file)) ? jsonLines(readFileSync(at(file), "utf8")) : []);

interface Line {
  id: string;
  image: string;
  pred: string;
  drafted: { record: number; steps: number; checkpoint: string };
  revise: { org: string; target: string }[];
}
const drafts = (file: string) => lines(file) as unknown as Line[];

/** One round, nothing measured. */
const SHORT = ["rounds=1", "evaluate=null"];
/** As long as it takes on a busy machine. */
const LONG = { timeout: 120_000 };

describe("two rounds", () => {
  const seen: string[] = [];
  let report: Awaited<ReturnType<typeof improve>>;
  beforeAll(async () => {
    report = await run("out", [], { onStageDone: (round, stage) => seen.push(`${round} ${stage}`) });
  }, 120_000);

  test("go through all stages, and every draft is asked about once", () => {
    const stages = ["draft", "correct", "select", "train", "evaluate"];
    expect(seen).toEqual(["0 evaluate", ...[1, 2].flatMap((round) => stages.map((stage) => `${round} ${stage}`))]);
    for (const [prediction, times] of expert.answered) expect(times, prediction).toBe(1);
    const asked = drafts("out/round-1/drafts.jsonl").length + drafts("out/round-2/drafts.jsonl").length + 3 * 3;
    const reused = report.rounds.flatMap(({ correct, evaluate }) => [
      correct?.reused ?? 0,
      evaluate?.decoding[0]?.expert?.report.reused ?? 0,
    ]);
    expect(expert.answered.size).toBe(asked - reused.reduce((sum, count) => sum + count, 0));
  });

  test("draft over slices that follow each other, each with the model of the round before", () => {
    const [one, two] = [drafts("out/round-1/drafts.jsonl"), drafts("out/round-2/drafts.jsonl")];
    const numbers = (list: readonly Line[]) => list.map(({ drafted }) => [drafted.record, drafted.steps]);
    expect(numbers(one)).toEqual([0, 1, 2, 3, 4, 5].map((n) => [n, n < 3 ? 12 : 6]));
    expect(numbers(two)).toEqual([6, 7, 8, 9, 10, 11].map((n) => [n, n < 9 ? 12 : 6]));
    expect(new Set([...one, ...two].map(({ drafted }) => drafted.checkpoint)).size).toBe(2);
  });

  test("learn from what can be used, in the order of the drafts", () => {
    const training = drafts("out/round-1/train.jsonl");
    const first = report.rounds[1];
    expect(first?.select?.kept).toBe(training.length);
    expect(training.length).toBeGreaterThan(0);
    expect(first?.select?.pairs.dropped.not_in_draft).toBe(training.length); // one useless pair in each list
    const order = drafts("out/round-1/drafts.jsonl").map(({ id }) => id);
    const ids = training.map(({ id }) => id);
    expect(ids).toEqual(order.filter((id) => ids.includes(id)));
    for (const { image, revise } of training) {
      expect(isAbsolute(image)).toBe(true);
      expect(revise).toHaveLength(1);
    }
    expect(first?.train).toMatchObject({ steps: 2 * training.length, corrections: training.length, extra: 0 });
    using before = openCheckpoint(at("model"));
    using after = openCheckpoint(at("out/round-2/model"));
    using left = before.get("lm_head.weight");
    using right = after.get("lm_head.weight");
    expect(left.equal(right)).toBe(false);
  });

  test("leave what they should, and nothing else", () => {
    expect(readdirSync(at("out")).sort()).toEqual([
      "improve.json",
      "report.json",
      "report.md",
      "round-0",
      "round-1",
      "round-2",
    ]);
    expect(readdirSync(at("out/round-1")).sort()).toEqual([
      "corrections.jsonl",
      "drafts.jsonl",
      "evaluation",
      "model",
      "report.json",
      "train.jsonl",
    ]);
    expect(readdirSync(at("out/round-1/model")).filter((name) => name.startsWith("checkpoint"))).toEqual([]);
    expect(JSON.parse(readFileSync(at("out/report.json"), "utf8"))).toEqual(JSON.parse(JSON.stringify(report)));
    const round = JSON.parse(readFileSync(at("out/round-2/report.json"), "utf8")) as object;
    expect(round).toMatchObject({ round: 2, model: at("out/round-2/model"), select: report.rounds[2]?.select });
  });

  test("end with tables", () => {
    const text = readFileSync(at("out/report.md"), "utf8");
    expect(text).toContain(reportText(report));
    expect(text).toMatch(/\| round \| steps \| found right \| edits per draft \| held-out loss \|/);
    for (const round of [0, 1, 2]) expect(text).toMatch(new RegExp(`\\| +${round} \\| +4 \\| +\\d+\\.\\d%`));
    expect(text).toMatch(/\| round \| drafts \| found right \| corrected \| pairs kept \| learnt from/);
    expect(text).toContain(`The model: ${at("out/round-2/model")}`);
  });

  test("run again, they do nothing", LONG, async () => {
    const files = ["improve.json", "report.json", "report.md", "round-1/report.json"];
    const before = files.map((file) => readFileSync(at(`out/${file}`), "utf8"));
    const news: boolean[] = [];
    const again = await run("out", [], { onStageDone: (_round, _stage, _report, isOld) => news.push(!isOld) });
    expect(again).toEqual(report);
    expect(news).toEqual(Array(11).fill(false));
    expect(expert.calls).toEqual([]);
    expect(files.map((file) => readFileSync(at(`out/${file}`), "utf8"))).toEqual(before);
  });

  test("go on only with the same recipe", LONG, async () => {
    await expect(run("out", ["draft.steps=[12,4]"])).rejects.toThrow(
      /out holds a loop of another recipe \(draft\.steps: was \[12,6\], is \[12,4\]\)/,
    );
    await expect(run("out", ["train.set.learning_rate=0.1"])).rejects.toThrow(/train\.set\.learning_rate: was not set/);
    const file = readFileSync(at("train.yaml"), "utf8");
    writeFileSync(at("train.yaml"), file.replace("epochs: 2", "epochs: 3"));
    await expect(run("out")).rejects.toThrow(/train\.yaml: epochs: was 2, is 3/);
    writeFileSync(at("train.yaml"), file);
  });
});

test("what the expert has said is not asked again in a later round", LONG, async () => {
  // Nothing is learnt, so all models are the same, and with them their drafts over all of the data.
  const same = ["slice.count=null", "train.set.learning_rate=0", "evaluate.first=0", "expert.price_in=1"];
  const all = [...same, "expert.price_out=1", "evaluate.steps=12", "draft.steps=12", "train.set.max_steps=1"];
  const report = await run("same", [...all, "evaluate.measure=[expert]"]);
  const [zero, one, two] = report.rounds;
  expect(zero?.evaluate?.decoding[0]?.expert?.report).toMatchObject({ drafts: 3, reused: 0 });
  expect(one?.correct).toMatchObject({ drafts: 16, reused: 3, answered_before: 3 });
  expect(two?.correct).toMatchObject({ drafts: 16, reused: 16, requests: 0, total: { answers: 16, cost: 0 } });
  expect(two?.evaluate?.decoding[0]?.expert).toMatchObject({ report: { requests: 0 } });
  expect(report.cost).toBeCloseTo((16 * 1100) / 1e6, 8); // what 16 answers cost
  expect(two?.evaluate?.decoding[0]?.expert?.right).toBe(zero?.evaluate?.decoding[0]?.expert?.right);
  const learnt = ["round-1", "round-2"].map((round) => drafts(`same/${round}/train.jsonl`).map(({ revise }) => revise));
  expect(learnt[1]).toEqual(learnt[0]);
});

describe("a round without anything to learn", () => {
  test("since all is right, ends the loop", LONG, async () => {
    mood.reply = () => "Right.";
    const report = await run("right", ["evaluate=null"]);
    expect(report.stopped).toBe(
      "Round 1: the expert found nothing to correct in 6 drafts, so there is nothing to learn.",
    );
    expect(report.rounds.map(({ round }) => round)).toEqual([1]);
    expect(report.model).toBe(at("model"));
    expect(readFileSync(at("right/report.md"), "utf8")).toContain("Round 1: the expert found nothing to correct");
    expect(existsSync(at("right/round-1/model"))).toBe(false);
  });

  test("since nothing can be used, is an error that says why, also the next time", LONG, async () => {
    mood.reply = (prediction) => (prediction.length % 2 === 0 ? "No idea." : '[{"org": "zzz", "target": "yyy"}]');
    const message = /round 1: no usable correction of 6 drafts \(.*not_json \d.*not_in_draft \d\): there is nothing/;
    await expect(run("useless", SHORT)).rejects.toThrow(message);
    const asked = expert.calls.length;
    await expect(run("useless", SHORT)).rejects.toThrow(message);
    expect(expert.calls).toHaveLength(asked);
  });

  test("since there is no draft", LONG, async () => {
    writeLines(at("missing.jsonl"), [record("x", { image: "a.jpg" }), record("x", { image: "b.jpg" })]);
    const data = [`data=${at("missing.jsonl")}`, "slice.count=null"];
    await expect(run("missing", [...SHORT, ...data])).rejects.toThrow(/round 1: none of 2 records got a draft/);
  });
});

test("a spent budget makes a last round, and a raised one further rounds", LONG, async () => {
  const prices = ["expert.price_in=1", "expert.price_out=1", "expert.max_completion_tokens=100", "evaluate=null"];
  // Held back for a request: about 3,000 tokens of a picture, half of the prompt's bytes, and 100; billed: 1,100.
  const spent = await run("budget", [...prices, "expert.budget=0.0085"]);
  expect(spent.stopped).toMatch(
    /^Round 1: the budget is spent, \d of 6 drafts were asked about\. Raise expert\.budget/,
  );
  const first = spent.rounds[0];
  expect(first?.correct?.total.answers).toBeLessThan(6);
  expect(first?.correct?.total.answers).toBeGreaterThan(1);
  expect(first?.train?.corrections).toBe(first?.select?.kept);
  expect(spent.cost).toBeLessThan(0.0085);
  const again = await run("budget", [...prices, "expert.budget=0.0085"]);
  expect(again).toEqual(spent);
  const raised = await run("budget", [...prices, "expert.budget=1"]);
  expect(raised.stopped).toBeNull();
  expect(raised.rounds.map(({ round }) => round)).toEqual([1, 2]);
});

describe("measures", () => {
  beforeAll(async () => {
    const world = makeWorld("small");
    const common = { world, seed: 5, split: "train", style: "train", size: 32 } as const;
    await generateScenes({ ...common, count: 4, folder: at("scenes") });
  });

  test("scenes are measured against their truth, for nothing", LONG, async () => {
    const scenes = [`evaluate.data=${at("scenes/scenes.jsonl")}`, "evaluate.image_folder=null", "evaluate.first=1"];
    const report = await run("scored", ["rounds=1", "slice.count=4", "evaluate.steps=[6,3]", ...scenes]);
    const { evaluate } = report.rounds[1] ?? {};
    expect(evaluate?.measures).toEqual(["scenes"]);
    expect(evaluate?.decoding.map(({ steps, scenes: scores }) => [steps, scores?.pictures])).toEqual([
      [6, 3],
      [3, 3],
    ]);
    expect(evaluate?.decoding[0]?.scenes?.values).toMatchObject({ coverage: 0, grammar: 0 });
    expect(readFileSync(at("scored/report.md"), "utf8")).toMatch(/\| coverage \| precision \| position \| count \|/);
    const asked = new Set(expert.calls.map(({ prediction }) => prediction));
    for (const { pred } of drafts("scored/round-1/evaluation/drafts-6-steps.jsonl")) expect(asked).not.toContain(pred);
  });

  test("the loss alone asks nobody and drafts nothing", LONG, async () => {
    const report = await run("loss", ["rounds=1", "slice.count=4", "evaluate.measure=[loss]"]);
    const [before, after] = report.rounds.map(({ evaluate }) => evaluate?.loss);
    expect(before).toMatchObject({ samples: 3 });
    expect(after?.loss).not.toBe(before?.loss);
    expect(existsSync(at("loss/round-0/evaluation"))).toBe(false);
  });

  test("a folder of pictures is drafted over with a question", LONG, async () => {
    const data = [`data=${pictureFolder}`, "image_folder=null", "slice.count=4", 'prompt="Tell me."'];
    await run("photos", [...SHORT, ...data]);
    expect(lines("photos/round-1/drafts.jsonl")[0]).toMatchObject({ ques: "<image>\nTell me." });
  });
});

describe("what is trained", () => {
  const sample = (...overrides: string[]) => recipe(`output=${at("none")}`, ...overrides);

  test("the recipe's values, and the loop's", async () => {
    const keys = await roundRecipe(sample("train.set.learning_rate=0.5", 'train.set={"save.every": 7}'), 2, {
      corrections: 10,
    });
    expect(keys).toMatchObject({
      model: at("none/round-1/model"),
      output: at("none/round-2/model"),
      data: [{ json_path: at("none/round-2/train.jsonl") }],
      seed: 43,
    });
    expect(keys.save).toEqual({ every: 7, keep: 2, adapter_only: false });
    expect((await roundRecipe(sample("train.set.learning_rate=0.5"), 1, { corrections: 1 })).learning_rate).toBe(0.5);
  });

  test("always the first model, on all corrections so far, with other samples beside them", async () => {
    const extra = [`train.extra={data: ${at("data.jsonl")}, share: 0.25}`];
    const keys = await roundRecipe(sample("train.start_from=first", "train.earlier_rounds=true", ...extra), 3, {
      corrections: 30,
    });
    expect(keys.model).toBe(at("model"));
    expect(keys.data).toEqual([
      ...[1, 2, 3].map((round) => ({ json_path: at(`none/round-${round}/train.jsonl`), sampling_strategy: "all" })),
      { json_path: at("data.jsonl"), sampling_strategy: "random:10" },
    ]);
  });

  test("right drafts too, and the mean of what was and what came of it", LONG, async () => {
    const report = await run("mean", [
      ...SHORT,
      "train.right=true",
      "train.average=0.25",
      "train.keep_checkpoints=true",
    ]);
    const { corrections = 0, right = 0, steps, model } = report.rounds[0]?.train ?? {};
    expect(right).toBe(report.rounds[0]?.correct?.total.right);
    expect(right).toBeGreaterThan(0);
    expect(drafts("mean/round-1/right.jsonl").map(({ revise }) => revise)).toEqual(Array(right).fill(undefined));
    expect(steps).toBe(2 * (corrections + right));
    using before = openCheckpoint(at("model"));
    using trained = openCheckpoint(at("mean/round-1/trained"));
    using after = openCheckpoint(model ?? "");
    for (const name of ["lm_head.weight", "model.layers.0.self_attn.q_proj.weight"])
      scope(() => {
        const wanted = before.get(name).mul(0.25).add(trained.get(name).mul(0.75));
        expect(after.get(name).equal(before.get(name))).toBe(false);
        expect(after.get(name).sub(wanted).abs().amax().item()).toBeLessThan(1e-6);
      });
    using loaded = await loadModel(model ?? "");
    expect((await loaded.describe(`${pictureFolder}/color.jpg`, { genLength: 4 })).text).toBeTypeOf("string");
  });

  test("the share is of all samples, and told when there are fewer", LONG, async () => {
    const notes: string[] = [];
    const extra = `train.extra={data: ${at("data.jsonl")}, share: 0.9}`;
    const options = { onNote: (line: string) => notes.push(line) };
    const report = await run("extra", [...SHORT, extra, "train.set.epochs=1"], options);
    const { corrections = 0, extra: others } = report.rounds[0]?.train ?? {};
    expect(others).toBe(Math.min(16, 9 * corrections));
    expect(report.rounds[0]?.train?.steps).toBe(corrections + (others ?? 0));
    if (9 * corrections > 16)
      expect(notes).toContainEqual(expect.stringMatching(/has 16 samples, and a share of 0\.9/));
  });
});

describe("mistakes are told before anything is done", () => {
  test.each([
    ["too few records", ["rounds=3"], /3 rounds of 6 records from 0 on need 18, and the data has 16/],
    ["no model", ["model=/nowhere/at-all"], /there is no folder \/nowhere\/at-all/],
    ["no training recipe", ["train.recipe=/nowhere.yaml"], /nowhere\.yaml: no such file/],
    [
      "a wrong key of training",
      ["train.set={learning_rat: 1}"],
      /train\.set\.learning_rat: .*did you mean learning_rate/,
    ],
    ["a key that the loop sets", ["train.set={model: x}"], /train\.set\.model: the loop sets it/],
    [
      "another objective",
      ["train.set={objective: llada_v}"],
      /objective is llada_v, which does not learn from correct/,
    ],
    [
      "no key",
      ["expert.base_url=https://api.openai.com/v1", "expert.api_key_env=NO_SUCH_KEY"],
      /NO_SUCH_KEY is not set/,
    ],
    ["no prompt", ["expert.prompt=/nowhere.txt"], /nowhere\.txt: no such file/],
    ["no scenes", ["evaluate.measure=[scenes]"], /data\.jsonl holds no scenes/],
  ])("%s", async (_, overrides, message) => {
    await expect(run("early", overrides)).rejects.toThrow(message);
    expect(existsSync(at("early"))).toBe(false);
    expect(expert.calls).toEqual([]);
  });

  test("a folder in which another process is at work", async () => {
    mkdirSync(at("busy"));
    writeFileSync(at("busy/improve.lock"), JSON.stringify({ pid: process.ppid, host: "elsewhere", id: "x" }));
    await expect(run("busy")).rejects.toThrow(/another process is at work in .*busy/);
  });

  test("held-out data that is drafted over is noted", LONG, async () => {
    const notes: string[] = [];
    const abort = new AbortController();
    const options = { signal: abort.signal, onStage: () => abort.abort(new Error("enough")) };
    const overlapping = ["evaluate.first=10", "evaluate.count=4"];
    await expect(run("over", overlapping, { ...options, onNote: (line) => notes.push(line) })).rejects.toThrow(
      "enough",
    );
    expect(notes).toContainEqual(expect.stringMatching(/^2 records of evaluate are drafted over, too/));
  });
});
