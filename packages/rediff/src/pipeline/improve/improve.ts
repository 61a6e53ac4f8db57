/** The loop of ReDiff: a model drafts, an expert corrects, the model learns from that, and drafts again.
 *
 *  Every stage goes on where it was killed: drafts and answers are appended to files, training has its checkpoints, and
 *  what is done is written down. What the expert was paid for is never asked twice. */
import { join } from "node:path";
import { UserError } from "../../errors.js";
import { writeText } from "../../files/atomic-file.js";
import { withLock } from "../../files/file-lock.js";
import { resolveModel } from "../../hub/resolve-model.js";
import { abortSignal, listener, optionSet } from "../../options/option-set.js";
import type { RecipeKeys } from "../../training/recipe/recipe.js";
import type { TrainObserver } from "../../training/run/run-report.js";
import { selectionRules } from "../correction/selection-rules.js";
import { checkExpert, correctRound } from "./correct-round.js";
import { checkSlices, draftRound } from "./draft-round.js";
import type { ImproveKeys } from "./improve-recipe.js";
import { type ImproveReport, reportMarkdown, reportOf } from "./improve-report.js";
import { modelAfter, roundFiles } from "./loop-folders.js";
import { LoopState, type Stage, type StageReports } from "./loop-state.js";
import { evaluateModel, measuresOf } from "./measure-round.js";
import { selectRound } from "./select-round.js";
import { trainingRecipe, trainRound } from "./train-round.js";

export interface ImproveOptions {
  /** A stage begins, or goes on. */
  onStage?: (round: number, stage: Stage) => void;
  /** A stage is done, now or in an earlier run. */
  onStageDone?: (round: number, stage: Stage, report: StageReports[Stage], before: boolean) => void;
  /** Of the stage under way: drafts or answers so far, and all. */
  onProgress?: (done: number, total: number) => void;
  onNote?: (line: string) => void;
  /** Listens to a round's training. */
  training?: (recipe: RecipeKeys) => TrainObserver & { close(): void };
  /** Ends the loop soon: what is under way is saved. */
  signal?: AbortSignal;
}

const checkImprove = optionSet<ImproveOptions>({
  onStage: listener,
  onStageDone: listener,
  onProgress: listener,
  onNote: listener,
  training: listener,
  signal: abortSignal,
});

/** Runs the rounds that are not done yet.
 *  @throws UserError when something does not fit; the signal's reason when it was ended. Run again, it goes on. */
export async function improve(recipe: ImproveKeys, options: ImproveOptions = {}): Promise<ImproveReport> {
  checkImprove(options);
  const training = await checkAll(recipe, options);
  const refused = new AbortController();
  const onWait = () =>
    refused.abort(
      new UserError(
        `another process is at work in ${recipe.output}`,
        "Wait until it has ended, or name another output.",
      ),
    );
  const lock = join(recipe.output, "improve.lock");
  return withLock(lock, { onWait, signal: refused.signal }, async () => {
    const state = await LoopState.open(recipe, training);
    return new Loop(recipe, state, options).run();
  });
}

/** Mistakes are told before hours of work and money are put into the first stages. */
async function checkAll(recipe: ImproveKeys, { signal, onNote }: ImproveOptions): Promise<RecipeKeys> {
  const training = trainingRecipe(recipe);
  await resolveModel(recipe.model);
  await checkExpert(recipe);
  await checkSlices(recipe, signal);
  await measuresOf(recipe);
  const shared = overlap(recipe);
  if (shared > 0) onNote?.(`${shared} records of evaluate are drafted over, too: it will look better than it is`);
  return training;
}

/** Held-out records that are none. Seen only where both name the same data. */
function overlap({ data, slice, rounds, evaluate }: ImproveKeys): number {
  if (evaluate === undefined || JSON.stringify(data) !== JSON.stringify(evaluate.data)) return 0;
  const end = (first: number, count: number | undefined) => first + (count ?? Number.POSITIVE_INFINITY);
  const learnt = [slice.first, end(slice.first, slice.count && slice.count * rounds)] as const;
  const held = [evaluate.first, end(evaluate.first, evaluate.count)] as const;
  const shared = Math.min(learnt[1], held[1]) - Math.max(learnt[0], held[0]);
  return Math.max(0, Math.min(shared, Number.MAX_SAFE_INTEGER));
}

class Loop {
  constructor(
    private readonly recipe: ImproveKeys,
    private readonly state: LoopState,
    private readonly options: ImproveOptions,
  ) {}

  async run(): Promise<ImproveReport> {
    const { recipe } = this;
    let stopped: string | null = null;
    if (recipe.evaluate !== undefined) await this.#evaluate(0);
    await this.#writeRound(0);
    for (let round = 1; round <= recipe.rounds && stopped === null; round++) {
      stopped = await this.#round(round);
      await this.#writeRound(round);
      await this.#writeReport(stopped);
    }
    return this.#writeReport(stopped);
  }

  /** @returns why there is no further round */
  async #round(round: number): Promise<string | null> {
    const { recipe } = this;
    const files = roundFiles(recipe.output, round);
    const drafter = modelAfter(recipe, round - 1);
    const { signal, onNote, onProgress, training } = this.options;
    const drafted = await this.#stage(round, "draft", () =>
      draftRound(recipe, round, {
        model: drafter,
        output: files.drafts,
        onDraft: onProgress,
        onLeftOut: ({ message }) => onNote?.(`left out: ${message}`),
        signal,
      }),
    );
    if (drafted.drafts === 0) throw nothing(round, `none of ${drafted.records} records got a draft`, files.drafts);
    const corrected = await this.#stage(round, "correct", () =>
      correctRound(recipe, { drafts: files.drafts, output: files.corrections, onAnswer: onProgress, onNote, signal }),
    );
    const selected = await this.#stage(round, "select", async () =>
      selectRound(files, {
        model: await resolveModel(drafter),
        rules: selectionRules(recipe.select.compat, trainingRecipe(recipe).revise_shorter),
        right: recipe.train.right,
      }),
    );
    if (selected.kept === 0) {
      const { right, corrected: wrong } = corrected.total;
      if (right > 0 && wrong === 0 && selected.drafts === right)
        return `Round ${round}: the expert found nothing to correct in ${right} drafts, so there is nothing to learn.`;
      throw nothing(
        round,
        `no usable correction of ${drafted.drafts} drafts (${reasonsOf(selected)})`,
        files.corrections,
      );
    }
    const earlier = recipe.train.earlier_rounds ? this.#keptBefore(round) : 0;
    await this.#stage(round, "train", () =>
      trainRound(recipe, round, {
        corrections: earlier + selected.kept,
        right: selected.learntRight ?? 0,
        onNote,
        signal,
        ...(training && { observer: training }),
      }),
    );
    const isSpent = this.#isSpent(corrected);
    const asksAgain = recipe.evaluate !== undefined && (await measuresOf(recipe)).includes("expert");
    if (recipe.evaluate !== undefined && !(isSpent && asksAgain)) await this.#evaluate(round);
    if (!isSpent) return null;
    const asked = drafted.drafts - corrected.not_asked;
    return (
      `Round ${round}: the budget is spent, ${asked} of ${drafted.drafts} drafts were asked about. ` +
      "Raise expert.budget for further rounds."
    );
  }

  /** Until the budget is raised, no further round can ask anything. */
  #isSpent({ stopped, budget }: StageReports["correct"]): boolean {
    const now = this.recipe.expert.budget ?? Number.POSITIVE_INFINITY;
    return stopped === "budget" && now <= (budget ?? 0);
  }

  #evaluate(round: number): Promise<StageReports["evaluate"]> {
    const { recipe } = this;
    const { signal, onNote, onProgress } = this.options;
    return this.#stage(round, "evaluate", () =>
      evaluateModel(recipe, {
        model: modelAfter(recipe, round),
        files: roundFiles(recipe.output, round),
        onDraft: onProgress,
        onAnswer: onProgress,
        onNote,
        signal,
      }),
    );
  }

  #keptBefore(round: number): number {
    let kept = 0;
    for (let earlier = 1; earlier < round; earlier++) kept += this.state.round(earlier).select?.kept ?? 0;
    return kept;
  }

  /** Does what is not done yet, and writes down that it is. */
  async #stage<S extends Stage>(
    round: number,
    stage: S,
    work: () => Promise<StageReports[S]>,
  ): Promise<StageReports[S]> {
    const { signal, onStage, onStageDone } = this.options;
    const before = this.state.round(round)[stage];
    if (before !== undefined) {
      onStageDone?.(round, stage, before, true);
      return before;
    }
    signal?.throwIfAborted();
    onStage?.(round, stage);
    const result = await work();
    await this.state.finish(round, stage, result);
    onStageDone?.(round, stage, result, false);
    return result;
  }

  async #writeRound(round: number): Promise<void> {
    const found = reportOf(this.recipe, this.state, null).rounds.find((one) => one.round === round);
    if (found === undefined) return;
    await writeText(roundFiles(this.recipe.output, round).report, `${JSON.stringify(found, null, 2)}\n`);
  }

  async #writeReport(stopped: string | null): Promise<ImproveReport> {
    const { recipe, state } = this;
    const report = reportOf(recipe, state, stopped);
    await writeText(join(recipe.output, "report.json"), `${JSON.stringify(report, null, 2)}\n`);
    await writeText(join(recipe.output, "report.md"), reportMarkdown(report));
    return report;
  }
}

const nothing = (round: number, what: string, file: string): UserError =>
  new UserError(`round ${round}: ${what}: there is nothing to learn`, `Look into ${file}.`);

function reasonsOf({ dropped, pairs }: StageReports["select"]): string {
  const parts = [...Object.entries(dropped), ...Object.entries(pairs.dropped)];
  return parts.map(([reason, count]) => `${reason} ${count}`).join(", ") || "no answers";
}
