import { expect, test } from "vitest";
import { version } from "../version.js";
import { lmmsBypass, lmmsDate, lmmsFiles, lmmsFolder, lmmsResults, lmmsSample } from "./lmms-layout.js";
import { scoreAnswers } from "./score-answers.js";
import { findTask } from "./task-registry.js";

const { task, protocol } = findTask("chartqa");
const document = { type: "human_test", question: "How many?", answer: "100", image: new Uint8Array(9) };
const answered = ["103", "90"].map((answer) => ({ document, answer }));

test("results name the metric and its error, the data, and by which protocol they were scored", async () => {
  const scored = await scoreAnswers(task, answered);
  const started = new Date("2026-11-29T08:15:30Z");
  const run = {
    task,
    protocol,
    scored,
    documents: 2500,
    model: "a/b",
    modelArgs: "",
    generation: { steps: 16 },
    seed: 1,
  };
  const results = lmmsResults({ ...run, limit: 2, started, ended: new Date(started.getTime() + 2500) });
  expect(results).toMatchObject({
    results: {
      chartqa: {
        "relaxed_overall,none": 0.5,
        "relaxed_overall_stderr,none": 0.5,
        "relaxed_overall_stderr_clustered,none": "N/A",
      },
    },
    "n-samples": { chartqa: { original: 2500, effective: 2 } },
    versions: { chartqa: `rediff ${version()} rediff` },
    higher_is_better: { chartqa: { relaxed_overall: true } },
    config: { limit: 2, gen_kwargs: { steps: 16 } },
    date: "20261129_081530",
    model_name_sanitized: "a__b",
    total_evaluation_time_seconds: "2.5",
    answer_counts: { chartqa: { answers: 2, unreadable: 0 } },
  });
  expect(JSON.parse(JSON.stringify(results))).toEqual(results);
});

test("lines of samples have the prompt, the target and every metric; documents differ by their hash", async () => {
  const { answers } = await scoreAnswers(task, answered);
  const sample = { index: 3, document, prompt: "How many?", reply: "103", scored: answers[0]! };
  const line = lmmsSample(sample);
  expect(line).toMatchObject({
    doc_id: 3,
    target: "100",
    filtered_resps: "103",
    input: "How many?",
    relaxed_overall: 1,
  });
  expect(line).not.toHaveProperty("resps");
  expect(lmmsSample({ ...sample, reply: "103." })).toMatchObject({ filtered_resps: "103", resps: ["103."] });
  expect(lmmsSample({ ...sample, document: { ...document, answer: "7" } }).doc_hash).not.toBe(line.doc_hash);
  expect(lmmsBypass(sample)).toMatchObject({ bypass: [["100"], ["103"]] });
  expect(lmmsBypass(sample)).not.toHaveProperty("relaxed_overall");
});

test("files are named by the date and the task", () => {
  const date = new Date(Date.UTC(2026, 0, 2, 3, 4, 5));
  expect(lmmsDate(date)).toBe("20260102_030405");
  expect(lmmsFiles("mme", date)).toEqual({
    results: "20260102_030405_results.json",
    samples: "20260102_030405_samples_mme.jsonl",
  });
  expect(lmmsFolder("models/demo:v1")).toBe("models__demo__v1");
});
