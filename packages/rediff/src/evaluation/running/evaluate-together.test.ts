/** An evaluation of several processes: answers, scores and what failed are those of one. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { loadModel, type VisionLanguageModel } from "../../inference/vision-language-model.js";
import { jsonLines } from "../../testing/command-line.js";
import { folderOfFile } from "../../testing/folders.js";
import { onSharedWork } from "../../testing/ranks-here.js";
import { writeTinyModel } from "../../testing/tiny-model.js";
import { fixturePath } from "../../vision/fixtures/pillow.js";
import { evaluate, evaluateTogether } from "./evaluate.js";
import type { EvaluateOptions } from "./evaluate-options.js";
import type { EvaluationResult } from "./evaluation-result.js";

const { at } = folderOfFile();

const options = (output: string): EvaluateOptions => ({
  ...{ tasks: ["chartqa"], data: at("data"), output: at(output) },
  settings: { genLength: 8, steps: 8 },
});

/** What does not differ from run to run. */
const answers = (output: string) =>
  jsonLines(readFileSync(at(output, "chartqa/answers.jsonl"), "utf8")).map(({ seconds: _, ...rest }) => rest);
const plain = (results: readonly EvaluationResult[] | undefined) =>
  results?.map(({ scores, samples, clustered, withoutFailed }) => ({ scores, samples, clustered, withoutFailed }));

let alone: EvaluationResult[];

const withModel = async <T>(use: (model: VisionLanguageModel) => Promise<T>): Promise<T> => {
  using model = await loadModel(at("model"), { device: "cpu", dtype: "float32" });
  return await use(model);
};

beforeAll(async () => {
  writeTinyModel(at("model"));
  mkdirSync(at("data"));
  copyFileSync(fixturePath("color.jpg"), at("data/a.jpg"));
  writeFileSync(at("data/broken.jpg"), "no picture");
  const rows = Array.from({ length: 10 }, (_, i) => ({
    ...{ type: "human_test", question: `How many? ${i}`, answer: String(i) },
    image: i === 2 || i === 7 ? "broken.jpg" : "a.jpg",
  }));
  writeFileSync(at("data/test.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  alone = await withModel((model) => evaluate(model, options("alone")));
});

test("rank 0 has the results of all, with the reasons of what failed elsewhere; the others have none", async () => {
  const [first, ...others] = await onSharedWork(2, (work) =>
    withModel((model) => evaluateTogether(model, options("two"), work)),
  );
  expect(plain(first)).toEqual(plain(alone));
  expect(first?.[0]?.samples[7]?.error).toMatch(/broken\.jpg/);
  expect(others).toEqual([[]]);
  expect(answers("two")).toEqual(answers("alone"));
  expect(readdirSync(at("two/chartqa")).filter((name) => /rank|lock/.test(name))).toEqual([]);
});

test("what killed processes have left is taken over, and nothing is asked twice", async () => {
  const lines = readFileSync(at("alone/chartqa/answers.jsonl"), "utf8").split("\n").slice(0, -1);
  mkdirSync(at("left/chartqa"), { recursive: true });
  const part = (name: string, own: (string | undefined)[], torn = "") =>
    writeFileSync(at("left/chartqa", name), own.map((line) => `${line}\n`).join("") + torn);
  part("answers.jsonl", lines.slice(0, 3));
  part("answers.jsonl.rank-00001-of-00004", [lines[5], lines[7]], '{"doc":8,"pro');
  const asked: number[] = [];
  const [first] = await onSharedWork(2, (work) =>
    withModel((model) =>
      evaluateTogether(model, { ...options("left"), onProgress: ({ done }) => asked.push(done) }, work),
    ),
  );
  expect(plain(first)).toEqual(plain(alone));
  expect(answers("left")).toEqual(answers("alone"));
  const seconds = (output: string) =>
    jsonLines(readFileSync(at(output, "chartqa/answers.jsonl"), "utf8")).map((line) => line.seconds);
  expect([0, 1, 2, 5, 7].map((i) => seconds("left")[i])).toEqual([0, 1, 2, 5, 7].map((i) => seconds("alone")[i]));
  expect(Math.max(...asked)).toBe(10);
});

test("where all is answered nobody needs the model", async () => {
  const [first] = await onSharedWork(2, (work) =>
    withModel(async ({ askable, model }) => {
      const computing = { dtype: model.dtype, vision_tower: null };
      const load = () => Promise.reject(new Error("loaded"));
      const failing = options("alone");
      return await evaluateTogether(
        { askable, name: askable.facts.folder, computing, load },
        { ...failing, limit: 2 },
        work,
      );
    }),
  );
  expect(first?.[0]?.samples).toHaveLength(2);
});
