/** Results and samples as lmms-eval writes them, for the tools that read its files. What stands in `results`, in
 *  `n-samples` and in the lines of samples has its meaning there; what only describes that program's own workings is empty.
 *
 *  Where its files say nothing (the hash of every document is the same), ours do. */
import { createHash } from "node:crypto";
import { version } from "../version.js";
import type { ScoredTask } from "./score-answers.js";
import type { ScoredAnswer } from "./scored-answer.js";
import type { Task } from "./task.js";

export interface LmmsRun {
  task: Task;
  protocol: string;
  scored: ScoredTask;
  /** In the whole data set. */
  documents: number;
  model: string;
  modelArgs: string;
  generation: Readonly<Record<string, unknown>>;
  limit?: number | undefined;
  seed: number;
  /** Clustered errors of metrics, where documents have clusters. */
  clustered?: Readonly<Record<string, number>>;
  started: Date;
  ended: Date;
}

const NOT_KNOWN = "N/A";
/** Filters of answers have names there; ours are parts of the task. */
const FILTER = "none";

/** 20261231_235959, in UTC. */
export const lmmsDate = (date: Date): string => date.toISOString().slice(0, 19).replace(/[-:]/g, "").replace("T", "_");

/** A model's name as a folder. */
export const lmmsFolder = (model: string): string => model.replace(/["<>:/|\\?*[\]]+/g, "__");

export const lmmsFiles = (task: string, date: Date): { results: string; samples: string } => ({
  results: `${lmmsDate(date)}_results.json`,
  samples: `${lmmsDate(date)}_samples_${task}.jsonl`,
});

export function lmmsResults(run: LmmsRun): Record<string, unknown> {
  const { task, protocol, scored, documents, model, modelArgs, generation, limit, seed, started, ended } = run;
  const { name } = task;
  const { metrics, counts } = scored.scores;
  return {
    results: { [name]: { alias: name, ...metricEntries(run) } },
    group_subtasks: { [name]: [] },
    configs: {
      [name]: {
        task: name,
        dataset_path: task.source?.dataset ?? null,
        dataset_name: task.source?.config ?? null,
        test_split: task.source?.splits[0] ?? null,
        generation_kwargs: generation,
        metric_list: Object.keys(metrics).map((metric) => ({ metric, higher_is_better: isHigherBetter(task, metric) })),
        repeats: 1,
        metadata: [{ protocol, version: version() }],
      },
    },
    versions: { [name]: `rediff ${version()} ${protocol}` },
    "n-shot": { [name]: 0 },
    higher_is_better: {
      [name]: Object.fromEntries(Object.keys(metrics).map((metric) => [metric, isHigherBetter(task, metric)])),
    },
    "n-samples": { [name]: { original: documents, effective: counts.answers } },
    config: {
      model,
      model_args: modelArgs,
      model_backend: "rediff",
      batch_size: "1",
      batch_sizes: [],
      device: null,
      use_cache: null,
      limit: limit ?? null,
      offset: 0,
      bootstrap_iters: 0,
      gen_kwargs: generation,
      random_seed: seed,
      numpy_seed: seed,
      torch_seed: seed,
      fewshot_seed: seed,
      resolved_cli_args: {},
    },
    git_hash: null,
    git_branch: null,
    lmms_eval_version: `rediff ${version()}`,
    date: lmmsDate(started),
    usage: {},
    efficiency: { by_task: {}, overall: {} },
    task_hashes: {},
    model_source: "rediff",
    model_name: model,
    model_name_sanitized: lmmsFolder(model),
    system_instruction: null,
    system_instruction_sha: null,
    fewshot_as_multiturn: false,
    chat_template: null,
    chat_template_sha: null,
    start_time: started.getTime() / 1000,
    end_time: ended.getTime() / 1000,
    total_evaluation_time_seconds: String((ended.getTime() - started.getTime()) / 1000),
    // What lmms-eval has not: how much of the score is luck, or the judge's.
    answer_counts: { [name]: counts },
  };
}

/** What stands by tasks. */
const byTask = [
  ...(["results", "group_subtasks", "configs", "versions", "n-shot", "higher_is_better", "n-samples"] as const),
  ...(["task_hashes", "answer_counts"] as const),
];

/** Several tasks of one run as one file, as lmms-eval has them: its readers find samples by the date of their results.
 *  @param parts of one task each, in the order in which they were done; times are those of all */
export function joinLmmsResults(parts: readonly Readonly<Record<string, unknown>>[]): Record<string, unknown> {
  const [first = {}] = parts;
  const last = parts.at(-1) ?? first;
  const joined = byTask.map((key) => [key, Object.assign({}, ...parts.map((part) => part[key]))] as const);
  const seconds = Number(last.end_time) - Number(first.start_time);
  return {
    ...first,
    ...Object.fromEntries(joined),
    end_time: last.end_time,
    total_evaluation_time_seconds: String(seconds),
  };
}

function metricEntries({ scored, clustered = {} }: LmmsRun): Record<string, unknown> {
  const { metrics, stderr, drawnStderr = {} } = scored.scores;
  return Object.fromEntries(
    Object.entries(metrics).flatMap(([metric, value]) => {
      const known = stderr[metric] ?? NOT_KNOWN;
      const error = stderr[metric] ?? drawnStderr[metric] ?? NOT_KNOWN;
      return [
        [`${metric},${FILTER}`, value],
        [`${metric}_stderr,${FILTER}`, error],
        [`${metric}_stderr_clt,${FILTER}`, known],
        [`${metric}_stderr_clustered,${FILTER}`, clustered[metric] ?? NOT_KNOWN],
      ];
    }),
  );
}

const isHigherBetter = (task: Task, metric: string): boolean => !(task.lowerIsBetter ?? []).includes(metric);

export interface LmmsSample {
  index: number;
  document: unknown;
  prompt: string;
  /** As the model wrote it. */
  reply: string;
  scored: ScoredAnswer;
  /** Places that the answer has taken. */
  tokens?: number | undefined;
}

/** A line of the samples' file. */
export function lmmsSample({ index, document, prompt, reply, scored, tokens }: LmmsSample): Record<string, unknown> {
  const filtered = typeof scored.parsed === "string" ? scored.parsed : reply;
  return {
    doc_id: index,
    target: scored.target,
    filtered_resps: filtered,
    ...(filtered === reply ? {} : { resps: [reply] }),
    token_counts: [tokens ?? null],
    doc_hash: createHash("sha256").update(plainJson(document)).digest("hex"),
    ...scored.scores,
    input: prompt,
  };
}

/** A document without the bytes of its pictures. */
const plainJson = (document: unknown): string =>
  JSON.stringify(document, (_, value: unknown) => (value instanceof Uint8Array ? value.length : value)) ?? "null";

/** A line where answers are written down and not scored. */
export const lmmsBypass = ({ scored, reply, ...sample }: LmmsSample): Record<string, unknown> => ({
  ...lmmsSample({ ...sample, reply, scored: { ...scored, parsed: reply, scores: {} } }),
  bypass: [[scored.target], [reply]],
});
