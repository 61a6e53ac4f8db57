/** How good a model is: its drafts over held-out data against the truth of scenes, or by the expert's judgement, and
 *  the loss on the references. */

import { existsSync } from "node:fs";
import { extname } from "node:path";
import { UserError } from "../../errors.js";
import { resolveModel } from "../../hub/resolve-model.js";
import { readAskable } from "../../inference/model-facts.js";
import { readJsonLines, readScenes } from "../../scenes/records/scene-records.js";
import { type Figure, type Interval, scoreAll, scoreCaption, type Tally } from "../../scenes/scoring/score.js";
import type { Terms } from "../../training/backward/micro-batch.js";
import { parseReply } from "../correction/expert-reply.js";
import type { DraftReport } from "../drafts/draft-all.js";
import { draftSteps, isPaced } from "../drafts/draft-settings.js";
import { asidePath } from "../drafts/drafts-file.js";
import { isSettled, type LeftOut } from "../drafts/left-out.js";
import { answersIn, correctRound, draftsIn, type ExpertObserver, type LoopCorrections } from "./correct-round.js";
import { type DraftObserver, dataOf, draftWith, LazyModel } from "./draft-round.js";
import { evaluationOptions, evaluationSteps, type ImproveKeys, type Measure } from "./improve-recipe.js";
import type { RoundFiles } from "./loop-folders.js";
import { referenceLoss } from "./reference-loss.js";

export interface SceneScores {
  pictures: number;
  values: Record<Figure, number | null>;
  intervals: Record<Figure, Interval | null>;
}

export interface ExpertScores {
  /** Drafts that the expert's answer could be used of, and those that were empty. */
  drafts: number;
  /** Share of them that it found right; null when there is none. */
  right: number | null;
  /** Phrases of a draft that it wants replaced, on average over those with an answer. */
  edits: number | null;
  report: LoopCorrections;
}

/** Drafts with one number of steps. */
export interface DecodingScores {
  steps: number;
  drafts: DraftReport;
  scenes?: SceneScores;
  expert?: ExpertScores;
}

export interface Evaluation {
  measures: Measure[];
  decoding: DecodingScores[];
  loss?: { loss: number; terms: Terms; samples: number };
  seconds: number;
}

/** Measures a model as `recipe.evaluate` says. */
export async function evaluateModel(
  recipe: ImproveKeys,
  { model, files, ...observer }: { model: string; files: RoundFiles } & DraftObserver & ExpertObserver,
): Promise<Evaluation> {
  const held = recipe.evaluate;
  if (held === undefined) throw new Error("evaluateModel: the recipe has no evaluate");
  const started = performance.now();
  const measures = await measuresOf(recipe);
  const options = evaluationOptions(recipe);
  const decoding: DecodingScores[] = [];
  // The model is freed before the loss loads it in another way.
  if (measures.includes("scenes") || measures.includes("expert")) {
    using lazy = new LazyModel(model, recipe);
    const { facts } = await readAskable(await resolveModel(model));
    const asked = evaluationSteps(recipe);
    for (const steps of new Set(draftSteps(asked, options, facts))) {
      const output = files.evaluationDrafts(steps);
      const { first, count } = held;
      const data = await dataOf(held.data);
      const job = { ...observer, model, output, data, prompt: promptFor(data, recipe), folders: held, first, count };
      const drafts = await draftWith(recipe, {
        ...job,
        steps: isPaced(asked) ? { steps: [steps] } : {},
        options,
        withModel: lazy.use,
      });
      decoding.push({ steps, drafts });
    }
  }
  for (const scores of decoding) {
    const drafts = files.evaluationDrafts(scores.steps);
    if (measures.includes("scenes")) scores.scenes = await scoreScenes(drafts, recipe);
    if (measures.includes("expert"))
      scores.expert = await askExpert(recipe, drafts, files.evaluationCorrections(scores.steps), {
        ...observer,
        empty: scores.drafts.left_out.empty ?? 0,
      });
  }
  const loss = measures.includes("loss") ? await referenceLoss(recipe, model, observer.signal) : undefined;
  const seconds = Math.round(performance.now() - started) / 1000;
  return { measures, decoding, ...(loss && { loss }), seconds };
}

/** The question is for folders of pictures only. */
const promptFor = (data: unknown, { prompt }: ImproveKeys): string | undefined =>
  typeof data === "string" ? prompt : undefined;

/** What is measured: what the recipe says, or what suits the data.
 *  @throws UserError when it says what the data cannot give */
export async function measuresOf({ evaluate }: ImproveKeys): Promise<Measure[]> {
  if (evaluate === undefined) return [];
  const isFolder = typeof (await dataOf(evaluate.data)) === "string";
  if (isFolder && evaluate.measure?.includes("loss"))
    throw new UserError("evaluate.measure: a folder of pictures has no references for a loss", "Leave loss out.");
  const isScenes = await hasScenes(evaluate.data);
  if (!isScenes && evaluate.measure?.includes("scenes"))
    throw new UserError(
      `evaluate.measure: ${evaluate.data[0]?.json_path} holds no scenes`,
      "Give scenes.jsonl of `rediff scenes generate`, or measure expert and loss.",
    );
  if (evaluate.measure !== undefined) return [...new Set(evaluate.measure)];
  return isScenes ? ["scenes"] : isFolder ? ["expert"] : ["expert", "loss"];
}

async function hasScenes([only, ...others]: NonNullable<ImproveKeys["evaluate"]>["data"]): Promise<boolean> {
  const isOne = only !== undefined && others.length === 0 && (only.sampling_strategy ?? "all") === "all";
  if (!isOne || extname(only.json_path) !== ".jsonl" || !existsSync(only.json_path)) return false;
  for await (const { value } of readJsonLines(only.json_path))
    return typeof value === "object" && value !== null && "scene" in value && "sha256" in value;
  return false;
}

/** Drafts against the truth. An empty draft says nothing; pictures that could not be read are left out. */
async function scoreScenes(drafts: string, { evaluate }: ImproveKeys): Promise<SceneScores> {
  const texts = new Map<number, string>();
  if (existsSync(asidePath(drafts)))
    for await (const { value } of readJsonLines(asidePath(drafts))) {
      const { record, reason } = value as LeftOut;
      if (isSettled(reason)) texts.set(record, "");
    }
  for await (const { drafted, pred } of draftsIn(drafts)) if (drafted !== undefined) texts.set(drafted.record, pred);
  const tallies: Tally[] = [];
  let record = 0;
  for await (const { facts } of readScenes(evaluate?.data[0]?.json_path ?? "")) {
    const text = texts.get(record++);
    if (text !== undefined) tallies.push(scoreCaption(text, facts));
  }
  const { pictures, values, intervals } = scoreAll(tallies);
  return { pictures, values, intervals };
}

async function askExpert(
  recipe: ImproveKeys,
  drafts: string,
  output: string,
  { empty, ...observer }: { empty: number } & ExpertObserver,
): Promise<ExpertScores> {
  const report = await correctRound(recipe, { drafts, output, ...observer });
  if (report.stopped === "budget")
    throw new UserError(
      `the budget is spent, and ${report.not_asked} of ${report.drafts} drafts of the evaluation were not asked about`,
      "Raise expert.budget and run the same command again, or measure with fewer records (evaluate.count).",
    );
  let [right, edits, usable] = [0, 0, 0];
  for await (const { pred, revise } of answersIn(output)) {
    const reply = parseReply(revise);
    if (reply.kind === "unusable") continue;
    usable++;
    const pairs = reply.kind === "right" ? [] : reply.pairs;
    if (pairs.length === 0) right++;
    edits += new Set(pairs.filter(({ org }) => pred.includes(org)).map(({ org }) => org)).size;
  }
  const judged = usable + empty;
  return {
    drafts: judged,
    right: judged === 0 ? null : right / judged,
    edits: usable === 0 ? null : edits / usable,
    report,
  };
}
