/** Evaluation: a task's documents, the model's answers, their scores. Answers are kept as they come, so a run that was killed
 *  goes on; scores follow from the answers, so scoring again asks nobody. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../errors.js";
import { withLock } from "../../files/file-lock.js";
import type { AskableModel } from "../../inference/model-facts.js";
import { VisionLanguageModel } from "../../inference/vision-language-model.js";
import { type Computing, originOf } from "../../pipeline/drafts/result-origin.js";
import { pictureUrl, readPictureFile } from "../../pipeline/expert/expert-picture.js";
import type { SharedWork } from "../../ranks/shared-work.js";
import { picturesOf } from "../documents/picture-columns.js";
import { Judge } from "../judges/judge.js";
import { type JudgeOptions, judgeDefaults } from "../judges/judge-options.js";
import { scoredText } from "../model-question.js";
import { type RunFiles, writeResultFiles } from "../results/result-files.js";
import { type Answered, scoreAnswers } from "../score-answers.js";
import { clusteredStandardError } from "../statistics/standard-errors.js";
import type { Task } from "../task.js";
import { answerSettings, thinkingOf } from "./answer-settings.js";
import { type Answer, type AnswerOrigin, AnswersFile, approximatedIn } from "./answers-file.js";
import { askDocuments, type KeptDocument } from "./ask-documents.js";
import { checkEvaluate, type EvaluateOptions } from "./evaluate-options.js";
import type { EvaluatedSample, EvaluationResult } from "./evaluation-result.js";
import { readGivenAnswers } from "./given-answers.js";
import { type OpenTask, openTasks } from "./open-tasks.js";
import { TaskShare } from "./task-share.js";

/** A model, as far as it is known before its weights are read. */
export interface ModelToAsk {
  askable: AskableModel;
  /** As it was named; undefined for the embedded one. */
  name: string | undefined;
  /** Of an adapter, in place of the one that it names. */
  base?: string | undefined;
  computing: Computing;
  load(): Promise<VisionLanguageModel>;
}

/** Pixels of scenes where no model says how large its tiles are. */
const SCENE_PIXELS = 96;

/** @param model none where the answers are given
 *  @throws UserError for options, data or columns that are not as they have to be, before anything is asked; what was
 *  answered until something went wrong is kept */
export function evaluate(
  model: VisionLanguageModel | ModelToAsk | undefined,
  options: EvaluateOptions,
): Promise<EvaluationResult[]> {
  return evaluateTogether(model, options, undefined);
}

/** `evaluate` of several processes that ask together.
 *  @param work of all of them; rank 0 alone scores and has results, the others have none */
export async function evaluateTogether(
  model: VisionLanguageModel | ModelToAsk | undefined,
  options: EvaluateOptions,
  work: SharedWork | undefined,
): Promise<EvaluationResult[]> {
  const { shard } = checkEvaluate(options);
  const { answers: path, onResult, judgeModel } = options;
  if (model === undefined && path === undefined)
    throw new UserError("there is no model to ask, and there are no answers", "Give one of them.");
  const asked = path === undefined && model !== undefined ? toAsk(model) : undefined;
  const given = path === undefined ? undefined : await readGivenAnswers(path);
  const tileSize = asked?.askable.facts.tiling?.tileSize ?? SCENE_PIXELS;
  const tasks = await openTasks(options, { tileSize, shard });
  for (const { task } of tasks) assertJudge(task, options);
  const scores = options.predictOnly !== true && (work === undefined || work.rank === 0);
  const judge = judgeModel === undefined || !scores ? undefined : await Judge.open(judgeOptions(options, judgeModel));
  const results: EvaluationResult[] = [];
  const files: RunFiles = { started: new Date(), lmms: [] };
  const run: Run = { options, asked, given, judge, shard, files, work };
  try {
    // Of all tasks at once: who is done with the first goes on while rank 0 scores it.
    await work?.begin(() => mergeAll(tasks, run));
    for (const open of tasks) {
      const result = await evaluateTask(open, run);
      if (result === undefined) continue;
      results.push(result);
      onResult?.(result);
    }
  } finally {
    await judge?.close();
  }
  return results;
}

function toAsk(model: VisionLanguageModel | ModelToAsk): ModelToAsk {
  if (!(model instanceof VisionLanguageModel)) return model;
  const { askable } = model;
  const computing = { dtype: model.model.dtype, vision_tower: null };
  return { askable, name: askable.facts.folder, computing, load: async () => model };
}

/** Only where nothing can be scored without one. */
function assertJudge(task: Task, { judgeModel, predictOnly }: EvaluateOptions): void {
  if (predictOnly === true || judgeModel !== undefined || task.needsJudge !== true) return;
  if (!["clair", "coverage", "factuality", "caparena_auto"].includes(task.name)) return;
  throw new UserError(`${task.name} is scored by a judge`, "Name one with --judge URL and --judge-model NAME.");
}

function judgeOptions(options: EvaluateOptions, judgeModel: string): JudgeOptions {
  const { judgeUrl, judgeCache, output, signal, onNote } = options;
  const { apiKey, apiKeyName, concurrency, retries, requestsPerMinute, budget, prices } = options;
  const { extraBody, timeoutMs, firstWaitMs, graceMs } = options;
  const cache = judgeCache ?? (output === undefined ? undefined : join(output, "judgements"));
  if (cache === undefined)
    throw new UserError("what the judge says has no place to be kept", "Give --output, or --judge-cache.");
  const asking = { apiKey, apiKeyName, concurrency, retries, requestsPerMinute, budget, prices };
  const all = { ...asking, extraBody, timeoutMs, firstWaitMs, graceMs, judgeUrl, signal, onNote };
  const known = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  return { ...known, judgeModel, judgeCache: cache };
}

interface Run {
  options: EvaluateOptions;
  asked: ModelToAsk | undefined;
  given: ReadonlyMap<number, Answer> | undefined;
  judge: Judge | undefined;
  shard: ReturnType<typeof checkEvaluate>["shard"];
  files: RunFiles;
  work: SharedWork | undefined;
}

/** @returns undefined for a process that is not the first of several */
async function evaluateTask(open: OpenTask, run: Run): Promise<EvaluationResult | undefined> {
  const folder = folderOf(open, run);
  if (folder === undefined) return answerAndScore(open, run, undefined);
  const { shard, work } = run;
  if (work !== undefined && work.rank > 0) return answerAndScore(open, run, folder);
  const name = shard === undefined ? "all" : `${shard.index}-of-${shard.count}`;
  return locked(folder, name, run, () => answerAndScore(open, run, folder));
}

const folderOf = ({ task }: OpenTask, { options: { output } }: Run): string | undefined =>
  output === undefined ? undefined : join(output, task.name);

function locked<T>(folder: string, name: string, { options }: Run, work: () => Promise<T>): Promise<T> {
  const { onNote, signal } = options;
  const onWait = () => onNote?.(`another process is at ${folder}; waiting for it`);
  return withLock(join(folder, `.${name}.lock`), { onWait, signal }, work);
}

/** What processes of an earlier run have left. */
async function mergeAll(tasks: readonly OpenTask[], run: Run): Promise<void> {
  for (const open of tasks) {
    const folder = folderOf(open, run);
    if (folder === undefined || !existsSync(folder)) continue;
    const { origin } = await askingOf(open, run);
    await locked(folder, "all", run, () => AnswersFile.merge(folder, origin));
  }
}

async function askingOf(open: OpenTask, { options, asked }: Run) {
  const thinking = thinkingOf(open.task.settings, options.thinking);
  const settings = answerSettings(open.task.settings, options.settings);
  return { thinking, settings, origin: await originFor(open, asked, { thinking, settings }) };
}

async function answerAndScore(
  open: OpenTask,
  run: Run,
  folder: string | undefined,
): Promise<EvaluationResult | undefined> {
  const started = new Date();
  const { task, source } = open;
  const { options, asked, given, shard, work } = run;
  const { onProgress, onNote, signal, batch = 1, output } = options;
  const { thinking, settings, origin } = await askingOf(open, run);
  const isKept = folder !== undefined && given === undefined;
  const file = isKept ? await AnswersFile.open(folder, origin, work ?? shard) : undefined;
  const share = work === undefined ? undefined : new TaskShare(work, task.name, batch);
  let answers: AnswersFile | AnswersInMemory = file ?? new AnswersInMemory(given);
  let kept: KeptDocument[];
  try {
    kept = await askDocuments(open, {
      answers,
      load: asked && (() => asked.load()),
      settings: { ...(thinking !== undefined && { thinking }) },
      options: settings,
      batch,
      onProgress: onProgress && ((done, total) => onProgress({ task: task.name, done, total })),
      onNote,
      signal,
      ...share?.asking,
    });
  } finally {
    await file?.close();
  }
  if (share !== undefined && folder !== undefined) {
    const whole = await share.end(kept, { folder, origin, signal });
    if (whole === undefined) return undefined;
    answers = whole;
  }
  const scored = await scoreKept(open, run, kept, answers);
  const approximate = [...new Set(scored.samples.flatMap((sample) => sample.approximate ?? []))];
  const { name: protocol } = { name: open.protocol };
  const result: EvaluationResult = {
    ...{ task: task.name, protocol, metric: task.metric, lowerIsBetter: task.lowerIsBetter ?? [] },
    ...scored,
    ...(approximate.length > 0 && { approximate }),
    documents: source.count ?? kept.length,
    origin,
    started: started.toISOString(),
    ended: new Date().toISOString(),
    files: [],
  };
  if (output === undefined) return result;
  const files = await writeResultFiles(output, result, { open, kept, options, run: run.files });
  return { ...result, files: [...(file === undefined ? [] : [file.path]), ...files] };
}

async function originFor(
  { task, protocol, source }: OpenTask,
  asked: ModelToAsk | undefined,
  { thinking, settings }: { thinking: string | undefined; settings: object },
): Promise<AnswerOrigin> {
  const { name, fingerprint, revision = null } = source;
  const data = { name, fingerprint, revision };
  const common = { task: task.name, protocol, data, thinking: thinking ?? null };
  if (asked === undefined) return { ...common, model: null, checkpoint: null, options: null };
  const { askable, base, computing } = asked;
  const { model, checkpoint, options } = await originOf(asked.name, askable, settings, { base, computing });
  return { ...common, model, checkpoint, options };
}

class AnswersInMemory {
  readonly #answers: Map<number, Answer>;

  constructor(given: ReadonlyMap<number, Answer> = new Map()) {
    this.#answers = new Map(given);
  }

  get = (index: number): Answer | undefined => this.#answers.get(index);
  has = (index: number): boolean => this.#answers.has(index);
  add = async (answer: Answer): Promise<void> => void this.#answers.set(answer.doc, answer);
}

type Scored = Pick<EvaluationResult, "scores" | "samples" | "clustered" | "withoutFailed" | "withoutLuck">;

async function scoreKept(
  { task, source }: OpenTask,
  { options, judge }: Run,
  kept: readonly KeptDocument[],
  answers: { get(index: number): Answer | undefined },
): Promise<Scored> {
  const samples = kept.map(({ index, prompt, document, error }): EvaluatedSample => {
    const answer = answers.get(index);
    const together = task.together?.(document);
    return {
      ...{ index, prompt, reply: answer?.reply ?? null },
      ...(answer === undefined && { error: error ?? "has no answer" }),
      ...(answer !== undefined && { tokens: answer.tokens, steps: answer.steps, ...approximatedIn(answer) }),
      ...(together !== undefined && { together }),
    };
  });
  if (options.predictOnly === true) return { scores: undefined, samples, clustered: {} };
  const answered = kept.map(({ index, document }): Answered => {
    const answer = answers.get(index);
    const picture = async () => {
      const [path] = picturesOf(task.pictures(document), document as Record<string, unknown>, source.folders).sources;
      return pictureUrl(await readPictureFile(String(path), undefined));
    };
    if (answer === undefined) return { document, answer: "", failed: true, picture };
    return { document, answer: scoredText(task, answer.reply), picture };
  });
  const { unreadable, seed, signal } = options;
  const concurrency = judge === undefined ? 1 : (options.concurrency ?? judgeDefaults.concurrency);
  const scored = await scoreAnswers(task, answered, { judge: judge?.ask, unreadable, seed, concurrency, signal });
  return {
    scores: scored.scores,
    samples: samples.map((sample, i) => ({ ...sample, scored: scored.answers[i] })),
    clustered: clusteredErrors(task, kept, scored),
    ...(scored.withoutLuck && { withoutLuck: scored.withoutLuck }),
    ...(scored.withoutFailed && { withoutFailed: scored.withoutFailed }),
  };
}

/** Of those metrics that are plain means, on their own scale. */
function clusteredErrors(
  { cluster }: Task,
  kept: readonly KeptDocument[],
  { answers, scores }: Awaited<ReturnType<typeof scoreAnswers>>,
): Record<string, number> {
  if (cluster === undefined) return {};
  const clusters = kept.map(({ document }) => cluster(document));
  return Object.fromEntries(
    Object.entries(scores.stderr).flatMap(([metric, plain]) => {
      const values = answers.map((answer) => answer.scores[metric]);
      if (!values.every((value) => value !== undefined)) return [];
      const scale = plain / (sampleError(values) || 1);
      return [[metric, clusteredStandardError(values, clusters) * scale]];
    }),
  );
}

const sampleError = (values: readonly number[]): number => clusteredStandardError(values, [...values.keys()]);
