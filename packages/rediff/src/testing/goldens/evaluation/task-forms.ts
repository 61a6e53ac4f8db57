/** How the original's scripts write what they found, task by task. */

import { letterWord } from "../../../evaluation/parsing/circular-letter.js";
import type { Protocol } from "../../../evaluation/protocols.js";
import { pythonFloatText, roundPython } from "../../../evaluation/python/python-number.js";
import { findTask } from "../../../evaluation/task-registry.js";
import type { SubScore } from "../../../evaluation/task-scores.js";
import { lastWords } from "../../../evaluation/tasks/answer/mathverse.js";
import { confusion } from "../../../evaluation/tasks/answer/pope.js";
import { wordToDigit } from "../../../evaluation/tasks/choice/realworldqa.js";
import { stripPython } from "../../../text/python-strip.js";
import { type Keyed, like } from "./evaluation-case.js";
import type { Result, Sample, TaskForm } from "./task-run.js";

const task = (name: string, protocol: Protocol = "llada-v") => findTask(name, protocol).task;

const isRight = ({ scored }: Sample, metric: string): boolean => scored.scores[metric] === 1;

/** Means with their errors, under the names that were recorded. */
const withErrors = ({ scores, recorded }: Result): Keyed =>
  like(recorded.aggregate, (key) => scores.metrics[key] ?? scores.stderr[key.replace(/_stderr$/, "")] ?? null);

const onlyMetrics = ({ scores, recorded }: Result): Keyed => like(recorded.aggregate, (key) => scores.metrics[key]);

/** "Evaluation on Categories: Knowledge": the facet's score, and 0 where it had no question. */
const printed =
  (facets: Readonly<Record<string, string>>, digits: number) =>
  ({ scores, recorded }: Result): Keyed =>
    like(recorded.sub_scores, (key) => {
      const title = Object.keys(facets).find((start) => key.startsWith(start));
      if (title === undefined) return roundPython(Object.values(scores.metrics)[0] ?? 0, digits);
      const value = key.slice(title.length).trim();
      return roundPython(scores.subScores[facets[title] ?? ""]?.[value]?.score ?? 0, digits);
    });

/** MMMU's table: domains, their subjects, and all. */
function subjectTable(subjects: Result["scores"]["subScores"], overall: SubScore): Keyed {
  const shown = ({ score, count }: SubScore) => ({ num: count, acc: roundPython(score, 5) });
  return {
    ...Object.fromEntries(Object.entries(subjects.subject ?? {}).map(([name, score]) => [name, shown(score)])),
    ...Object.fromEntries(
      Object.entries(subjects.domain ?? {}).map(([name, score]) => [`Overall-${name}`, shown(score)]),
    ),
    Overall: shown(overall),
  };
}

async function mmmuTables({ samples, scores, rescore }: Result): Promise<{ readable: Keyed; all: Keyed }> {
  const readable = samples.map(({ scored }) => scored).filter(({ marks }) => !marks.includes("unreadable"));
  const without = await rescore(readable);
  const table = (one: Result["scores"], count: number) =>
    subjectTable(one.subScores, { score: one.metrics.mmmu_acc ?? 0, count });
  return { readable: table(without, readable.length), all: table(scores, samples.length) };
}

const accuracyOf = (table: Keyed): unknown => (table.Overall as { acc: number }).acc;

const textOf = (value: unknown): string => (typeof value === "number" ? pythonFloatText(value) : String(value));

/** Which subject's name a case has for an answer. */
const mmmu = (name: string, subjectKey: "subdomain" | "subject"): TaskForm => ({
  task: task(name),
  sample: ({ doc, text, scored }) => {
    const random = scored.marks.includes("unreadable");
    const { parsed } = scored;
    // Sets are recorded as lists: numbers first, each kind in the order of its texts.
    const ofType = (type: string) => [...(parsed ?? "")].filter((value) => typeof value === type);
    const byText = (a: unknown, b: unknown) => (textOf(a) < textOf(b) ? -1 : 1);
    const sorted = Array.isArray(parsed)
      ? [...ofType("number").sort(byText), ...ofType("string").sort(byText)]
      : parsed;
    return {
      parsed: sorted,
      random,
      correct: random ? null : scored.scores.mmmu_acc === 1,
      [subjectKey]: scored.facets.subject,
      ...(subjectKey === "subdomain" ? { submission: { [String(doc.id)]: stripPython(text) } } : {}),
    };
  },
  aggregate: async (result) => {
    const { readable, all } = await mmmuTables(result);
    return { mmmu_acc_without_random: accuracyOf(readable), mmmu_acc_random_counted_wrong: accuracyOf(all) };
  },
  subScores: async (result) => {
    const { readable, all } = await mmmuTables(result);
    return { without_random: readable, random_counted_wrong: all };
  },
});

const anls = (name: string): TaskForm => ({
  task: task(name),
  sample: ({ scored }) => ({ parsed: scored.parsed, anls: scored.scores.anls }),
  aggregate: withErrors,
});

/** Percent to two decimals, and nothing for zero. */
const percent = ({ scores }: Result): Keyed => ({
  gpt_eval_score: roundPython(scores.metrics.gpt_eval_score ?? 0, 2) || null,
});

const shares = ({ score, count }: SubScore): Keyed => ({
  accuracy: roundPython(score, 2).toFixed(2),
  correct: Math.round((score * count) / 100),
  total: count,
});

const pope = (protocol: Protocol): TaskForm["task"] => task("pope", protocol);

export const taskForms: Readonly<Record<string, TaskForm>> = {
  mmmu_val: mmmu("mmmu_val", "subdomain"),
  mmmu_pro_standard: mmmu("mmmu_pro_standard", "subject"),
  mmmu_pro_vision: mmmu("mmmu_pro_vision", "subject"),
  mmstar: {
    task: task("mmstar"),
    sample: ({ doc, scored }) => ({
      score: scored.scores.average,
      metrics: Object.fromEntries(
        Object.entries(scored.scores).map(([metric, score]) => [
          metric,
          { question_id: doc.index, l2_category: doc.l2_category, score },
        ]),
      ),
    }),
    aggregate: onlyMetrics,
  },
  ai2d: {
    task: task("ai2d"),
    sample: ({ scored }) => ({
      filtered: scored.parsed,
      target: scored.target,
      exact_match: scored.scores.exact_match,
    }),
    aggregate: withErrors,
  },
  realworldqa: {
    task: task("realworldqa"),
    sample: ({ text, scored }) => ({
      after_number_words: wordToDigit(text),
      filtered: scored.parsed,
      exact_match: scored.scores.exact_match,
    }),
    aggregate: withErrors,
  },
  seedbench: {
    task: task("seedbench"),
    sample: (sample) => {
      const pred = sample.scored.parsed ?? "";
      const { answer, question_id } = sample.doc;
      const metrics = Object.keys(sample.scored.scores).map((metric) => [metric, { pred, answer, question_id }]);
      return { pred, correct: isRight(sample, "seed_all"), metrics: Object.fromEntries(metrics) };
    },
    aggregate: onlyMetrics,
  },
  muirbench: {
    task: task("muirbench"),
    sample: (sample) => ({
      filtered: sample.scored.parsed,
      correct: isRight(sample, "muirbench_score_overall"),
      task: sample.doc.task,
    }),
    aggregate: onlyMetrics,
    subScores: printed({ "": "task" }, 2),
  },
  mmbench_en_dev: {
    task: task("mmbench_en_dev"),
    sample: ({ text, scored }) => ({
      option: letterWord(stripPython(text)) ?? false,
      inferred_without_judge: scored.parsed ?? false,
    }),
    aggregate: ({ scores }) => ({
      gpt_eval_score: scores.metrics.gpt_eval_score,
      overall: (scores.metrics.gpt_eval_score ?? 0) / 100,
    }),
    subScores: ({ scores }) =>
      Object.fromEntries(
        Object.entries(scores.subScores).map(([facet, values]) => [
          facet,
          Object.fromEntries(Object.entries(values).map(([value, { score }]) => [value, score / 100])),
        ]),
      ),
  },
  videomme: {
    task: task("videomme"),
    sample: (sample) => ({ parsed: sample.scored.parsed ?? "", correct: isRight(sample, "videomme_perception_score") }),
    aggregate: onlyMetrics,
    // The original looks for a value's name in all four names of an answer: a category's in those of a task as well.
    subScores: ({ samples, recorded }) =>
      like(recorded.sub_scores, (key) => {
        const value = key.split(": ").at(1) ?? "";
        const own = samples.filter(({ scored }) => Object.values(scored.facets).join("_").includes(value));
        const right = own.filter((sample) => isRight(sample, "videomme_perception_score")).length;
        return own.length === 0 ? 0 : roundPython((right / own.length) * 100, 1);
      }),
  },
  mlvu_dev: {
    task: task("mlvu_dev"),
    sample: (sample) => ({ parsed: sample.scored.parsed, correct: isRight(sample, "mlvu_percetion_score") }),
    aggregate: onlyMetrics,
    subScores: printed({ "Evaluation on Task Categories: ": "task_type" }, 1),
  },
  mme: {
    task: task("mme"),
    sample: ({ doc, scored }) => {
      const [[metric, score] = []] = Object.entries(scored.scores);
      const { question_id, category } = doc;
      return { parsed: scored.parsed ?? "other", metric, value: { question_id, category, score } };
    },
    aggregate: onlyMetrics,
    subScores: ({ scores }) =>
      Object.fromEntries(
        Object.entries(scores.subScores).map(([metric, categories]) => [
          metric,
          Object.fromEntries(Object.entries(categories).map(([name, { score }]) => [name, roundPython(score, 2)])),
        ]),
      ),
  },
  chartqa: { task: task("chartqa"), sample: ({ scored }) => scored.scores, aggregate: withErrors },
  docvqa_val: anls("docvqa_val"),
  infovqa_val: anls("infovqa_val"),
  mathvista_testmini: {
    task: task("mathvista_testmini"),
    sample: (sample) => ({
      judge_called: sample.scored.marks.includes("judged"),
      extraction: sample.scored.details?.extraction,
      prediction: sample.scored.parsed,
      correct: isRight(sample, "gpt_eval_score"),
    }),
    aggregate: percent,
    subScores: ({ scores, recorded }) =>
      like(recorded.sub_scores, (facet) =>
        Object.fromEntries(
          Object.entries(scores.subScores[facet] ?? {}).map(([value, score]) => [value, shares(score)]),
        ),
      ),
  },
  mathverse_testmini_vision: {
    task: task("mathverse_testmini_vision_intensive"),
    sample: (sample) => ({
      extraction: sample.scored.parsed,
      prediction: lastWords(sample.text),
      correct: isRight(sample, "gpt_eval_score"),
    }),
    aggregate: percent,
    subScores: ({ scores, recorded }) =>
      like(recorded.sub_scores, (facet) => {
        if (facet !== "average") {
          const values = Object.entries(scores.subScores[facet] ?? {});
          return Object.fromEntries(values.map(([value, score]) => [value, shares(score)]));
        }
        const score = scores.metrics.gpt_eval_score ?? 0;
        return { ...shares({ score, count: scores.counts.answers }), accuracy: roundPython(score, 2) };
      }),
  },
  pope: {
    task: pope("lmms-eval"),
    sample: ({ text, scored }) => ({
      prediction: scored.parsed ?? stripPython(stripPython(text).toLowerCase()),
      score: scored.scores.pope_accuracy,
    }),
    aggregate: onlyMetrics,
  },
  pope_official: {
    task: pope("official"),
    sample: ({ scored }) => ({ prediction: scored.parsed }),
    aggregate: ({ scores, samples }) => {
      const { truePositives, falsePositives, trueNegatives, falseNegatives } = confusion(
        samples.map(({ scored }) => scored),
      );
      const { pope_accuracy, pope_precision, pope_recall, pope_f1_score, pope_yes_ratio } = scores.metrics;
      return {
        accuracy: pope_accuracy,
        precision: pope_precision,
        recall: pope_recall,
        f1: pope_f1_score,
        yes_ratio: pope_yes_ratio,
        TP: truePositives,
        FP: falsePositives,
        TN: trueNegatives,
        FN: falseNegatives,
      };
    },
  },
};
