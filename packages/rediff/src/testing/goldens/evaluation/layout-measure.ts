/** The files that lmms-eval's tools read: the same keys, with values of the same type. */
import { z } from "zod";
import { lmmsBypass, lmmsResults, lmmsSample } from "../../../evaluation/lmms-layout.js";
import { scoreAnswers } from "../../../evaluation/score-answers.js";
import { defineTask } from "../../../evaluation/task.js";
import { compareExact } from "../compare.js";
import type { GoldenCase, Outcome } from "../golden-case.js";
import { evaluationCase, type Keyed } from "./evaluation-case.js";

const document = z.looseObject({ question: z.string(), answer: z.string() });

/** The recorded run's task. */
const toy = defineTask<z.infer<typeof document>>({
  name: "toy",
  about: "four questions",
  document,
  settings: { steps: 1, genLength: 1 },
  metric: "acc_x",
  prompt: ({ question }) => `Q: ${question}`,
  pictures: () => [],
  score: ({ answer }, parsed) => ({
    parsed,
    target: answer,
    scores: { acc_x: Number(parsed === answer) },
    facets: {},
    marks: [],
  }),
});

const keyed = z.record(z.string(), z.unknown());

export async function lmmsLayout(golden: GoldenCase): Promise<Outcome> {
  const { docs, predictions, per_sample, aggregate } = evaluationCase(golden);
  const { results_file, predict_only_samples } = z
    .looseObject({ results_file: keyed, predict_only_samples: z.array(keyed) })
    .parse(golden.raw);
  const answered = predictions.map(({ doc, text }) => ({ document: docs[Number(doc)], answer: String(text) }));
  const scored = await scoreAnswers(toy, answered);
  const samples = scored.answers.map((answer, index) => {
    const { document: row, answer: reply } = answered[index] ?? { document: {}, answer: "" };
    return { index, document: row, prompt: toy.prompt(row), reply, scored: answer };
  });
  const results = lmmsResults({
    task: toy,
    protocol: "rediff",
    scored,
    documents: docs.length,
    model: "dummy",
    modelArgs: "",
    generation: {},
    seed: 0,
    started: new Date(0),
    ended: new Date(1000),
  });
  const outcome = compareExact(
    {
      results: shape(results, results_file),
      samples: samples.map((sample) => withoutHash(lmmsSample(sample))),
      bypass: samples.slice(0, predict_only_samples.length).map((sample) => withoutHash(lmmsBypass(sample))),
      aggregate: { "acc_x,none": scored.scores.metrics.acc_x },
    },
    {
      results: shape(results_file, results_file),
      samples: per_sample.map(withoutHash),
      bypass: predict_only_samples.map(withoutHash),
      aggregate,
    },
  );
  return { note: "results and samples; not what describes lmms-eval itself, nor the log of its cache", ...outcome };
}

/** Hashes of a document say nothing there. */
const withoutHash = ({ doc_hash: _, ...rest }: Keyed): Keyed => rest;

/** Its own description, in keys of its own. */
const notCompared = new Set(["configs", "resolved_cli_args", "efficiency", "task_hashes", "gen_kwargs"]);

/** What keys lead to, where the recorded file has them. */
function shape(value: unknown, recorded: unknown): unknown {
  if (!isKeyed(recorded) || !isKeyed(value)) return isKeyed(value) ? "keys" : "value";
  return Object.fromEntries(
    Object.keys(recorded).map((key) => {
      if (!(key in value)) return [key, "nothing"];
      return [key, notCompared.has(key) ? "there" : shape(value[key], recorded[key])];
    }),
  );
}

const isKeyed = (value: unknown): value is Keyed =>
  typeof value === "object" && value !== null && !Array.isArray(value);
