import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { parseOverride } from "../../training/recipe/overrides.js";
import { draftOptions, evaluationSteps, improveChanges, parseImproveRecipe, stepsAsked } from "./improve-recipe.js";

const LEAST = "model: m\noutput: o\ndata: d.jsonl\ntrain: {recipe: t.yaml}\n";
const parse = (more = "", ...overrides: string[]) =>
  parseImproveRecipe(LEAST + more, "loop.yaml", overrides.map(parseOverride));

test("what is left out has the original's values", () => {
  const recipe = parse();
  expect(recipe).toMatchObject({
    rounds: 3,
    slice: { first: 0 },
    draft: { revise: true, temperature: 0, batch: 1 },
    expert: { model_name: "o4-mini", api_key_env: "OPENAI_API_KEY", max_completion_tokens: 8000 },
    select: { compat: false },
    train: { recipe: "t.yaml", set: {}, start_from: "previous", earlier_rounds: false },
  });
  expect(recipe.evaluate).toBeUndefined();
});

test("single numbers and lists; evaluation takes the drafts' steps unless it has its own", () => {
  const own = parse("draft: {steps: 32}\nevaluate: {data: e.jsonl}\n");
  expect(evaluationSteps(own)).toEqual({ steps: [32], tokensPerStep: undefined });
  const other = parse("draft: {steps: [128, 32]}\nevaluate: {data: e.jsonl, tokens_per_step: 4}\n");
  expect(stepsAsked(other).steps).toEqual([128, 32]);
  expect(evaluationSteps(other)).toEqual({ steps: undefined, tokensPerStep: [4] });
});

test("a rule of decoding and its numbers; none where steps are asked for", () => {
  expect(draftOptions(parse("draft: {entropy_bound: 0.3}\n"))).toMatchObject({ entropyBound: 0.3 });
  const joint = parse("draft: {rule: joint, threshold: 0.8, edit_threshold: 0.6, post_edit_steps: 4}\n");
  expect(draftOptions(joint)).toMatchObject({ rule: "joint", threshold: 0.8, editThreshold: 0.6, postEditSteps: 4 });
  expect(() => parse("draft: {rule: factor, factor: 2, steps: 8}\n")).toThrow(
    /draft: steps and rule factor exclude each/,
  );
});

test("what is kept of earlier passes, and `fast`, reach the drafts; what contradicts it is refused", () => {
  const cached = draftOptions(
    parse("draft: {cache: refresh, refresh_every: 4, refresh_changed: 0.5, certify: false}\n"),
  );
  expect(cached).toMatchObject({ cache: "refresh", refreshEvery: 4, refreshChanged: 0.5, certify: false });
  expect(draftOptions(parse("draft: {fast: true}\n"))).toMatchObject({ fast: true });
  expect(parse("draft: {quantize: int8}\n").draft.quantize).toBe("int8");
  expect(() => parse("draft: {fast: true, steps: 8}\n")).toThrow(/draft: fast and steps exclude each other/);
  expect(() => parse("draft: {refresh_every: 4}\n")).toThrow(/draft: refresh_every needs cache refresh or fast-dllm/);
});

test("values from the command line, also of groups and inside of train.set", () => {
  const recipe = parse("", "rounds=1", "expert.concurrency=16", "train.set.learning_rate=1e-5", "draft.steps=[16,8]");
  expect(recipe).toMatchObject({ rounds: 1, expert: { concurrency: 16 }, draft: { steps: [16, 8] } });
  expect(recipe.train.set).toEqual({ learning_rate: 1e-5 });
});

describe("what is wrong is named, with its place", () => {
  test.each([
    ["round: 2\n", /loop\.yaml:5: round: there is no such key; did you mean rounds\?/],
    ["rounds: 0\n", /loop\.yaml:5: rounds: expected at least 1, got 0/],
    ["draft: {step: 3}\n", /draft\.step: there is no such key; did you mean draft\.steps\?/],
    ["draft: {steps: [8, x]}\n", /draft\.steps.*expected a whole number, or several/],
    ["draft: {steps: 8, tokens_per_step: 2}\n", /loop\.yaml:5: draft: steps and tokens_per_step exclude each other/],
    ["draft: {steps: 7, gen_length: 128, block_length: 64}\n", /draft: steps 7 is not a multiple of the 2 blocks/],
    ["draft: {tokens_per_step: 0.5}\n", /draft: tokens_per_step must be 1 or more/],
    ["evaluate: {data: e, steps: 0}\n", /evaluate\.steps/],
    ["evaluate: {data: e, measure: [scene]}\n", /did you mean scenes\?/],
    ["evaluate: {data: [a, b], measure: [scenes]}\n", /evaluate\.data: scenes are measured against one file/],
    ["expert: {budget: 5}\n", /expert\.budget: a budget needs the prices/],
    ["expert: {price_in: 5}\n", /only one of price_in and price_out/],
    ["expert: {api_key: secret}\n", /expert\.api_key: there is no such key/],
  ])("%j", (more, message) => {
    expect(() => parse(more)).toThrow(message);
  });

  test("what is missing", () => {
    expect(() => parseImproveRecipe("model: m\n", "loop.yaml")).toThrow(/output: it is missing.*data.*train/);
  });
});

test("what makes it another loop, and what does not", () => {
  const before = parse("draft: {steps: 8}\n");
  expect(improveChanges(before, parse("draft: {steps: 8, batch: 4}\nrounds: 9\nexpert: {concurrency: 1}\n"))).toEqual(
    [],
  );
  expect(improveChanges(before, parse("draft: {steps: [8, 4]}\nevaluate: {data: e.jsonl}\n"))).toEqual([
    "draft.steps: was [8], is [8,4]",
    'evaluate.data: was not set, is [{"json_path":"e.jsonl"}]',
    "evaluate.first: was not set, is 0",
  ]);
  const saved = JSON.parse(JSON.stringify(before)) as typeof before;
  expect(improveChanges(saved, before)).toEqual([]);
});

test("the published values", () => {
  const file = fileURLToPath(new URL("../../../../../recipes/rediff/improve.yaml", import.meta.url));
  const recipe = parseImproveRecipe(readFileSync(file, "utf8"), file);
  expect(recipe).toMatchObject({
    slice: { first: 30000, count: 15000 },
    draft: { steps: [128, 32, 16], revise: true, temperature: 0 },
    expert: { model_name: "o4-mini", max_completion_tokens: 8000 },
    train: { recipe: "recipes/rediff/stage2.yaml" },
  });
});
