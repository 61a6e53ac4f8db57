/** Evaluations with approximate options: what answers, results, tables and reports say of them. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { expect } from "vitest";
import { jsonLines } from "../../testing/command-line.js";
import { test } from "../../testing/fixtures.js";
import { expectNoLeaks } from "../../testing/leaks.js";
import { fixturePath } from "../../vision/fixtures/pillow.js";
import { reportPage } from "../results/report-page.js";
import { readResults } from "../results/result-files.js";
import { resultTable } from "../results/result-table.js";
import { answerSettings } from "./answer-settings.js";
import { evaluate } from "./evaluate.js";

/** Of ChartQA, whose published answers have 16 tokens in 16 steps. */
function chartData(folder: string): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/a.jpg`, readFileSync(fixturePath("color.jpg")));
  const rows = [0, 1].map((i) => ({
    type: "human_test",
    question: `How many? ${i}`,
    answer: String(i),
    image: "a.jpg",
  }));
  writeFileSync(`${folder}/test.jsonl`, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return folder;
}

test("`fast` has a pace of its own, and takes the place of published steps; what takes it away does not", () => {
  const published = { steps: 16, genLength: 16 };
  expect(answerSettings(published, { fast: true })).toMatchObject({ fast: true, genLength: 16 });
  expect(answerSettings(published, { fast: true })).not.toHaveProperty("steps");
  expect(answerSettings(published, { fast: false })).toMatchObject({ steps: 16 });
});

test("answers name what was approximate, and so do results, tables and reports, also when nothing is asked anew", async ({
  folder,
  model,
}) => {
  expectNoLeaks();
  const names = ["fast", "cache refresh", "rule threshold"];
  const run = { tasks: ["chartqa"], data: chartData(`${folder}/data`), output: `${folder}/out` };
  const settings = { fast: true, revise: true };
  const [result] = await evaluate(model, { ...run, settings });
  expect(result?.approximate).toEqual(names);
  for (const answer of jsonLines(readFileSync(`${run.output}/chartqa/answers.jsonl`, "utf8")))
    expect(answer).toMatchObject({ approximate: names, cache: { kind: "refresh", on: true } });
  const [again] = await evaluate(model, { ...run, settings });
  expect(again?.samples).toEqual(result?.samples);
  const certified = again?.samples.filter(({ cache }) => cache?.certified).length;
  const said = `approximate: ${names.join(", ")}; cache refresh: ${certified} of 2 answers certified`;
  expect(resultTable([again!])).toContain(said);
  const page = reportPage(await readResults(run.output));
  expect(page).toContain(`revising, ${names.join(", ")}`);
  // Steps are what the rule took, not the most that it might have taken.
  const [tokens, steps] = (["tokens", "steps"] as const).map((key) =>
    result?.samples.reduce((sum, sample) => sum + (sample[key] ?? 0), 0),
  );
  expect(page).toContain(`${Number(((tokens ?? 0) / (steps ?? 1)).toFixed(2))} tokens per step`);
});

test("nothing is said where nothing was approximate, and an answer whose cache had no room says that", async ({
  folder,
  model,
}) => {
  expectNoLeaks();
  const run = { tasks: ["chartqa"], data: chartData(`${folder}/data`) };
  const [exact] = await evaluate(model, { ...run, settings: { genLength: 2, steps: 2 } });
  expect(exact).not.toHaveProperty("approximate");
  expect(resultTable([exact!])).not.toContain("approximate");
  const [all] = await evaluate(model, {
    ...run,
    settings: { genLength: 2, steps: 2, cache: "refresh", refreshEvery: 1 },
  });
  expect(all).not.toHaveProperty("approximate"); // nothing was taken from it
  const samples = all?.samples.map((sample) => ({ ...sample, cache: { ...sample.cache!, on: false } })) ?? [];
  expect(resultTable([{ ...all!, samples }])).toContain(
    "  cache refresh: no memory for it in 2 of 2 answers, decoded without",
  );
});
