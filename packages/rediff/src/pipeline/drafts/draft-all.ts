/** Drafts over a data set: what a model says about each picture, in the words of the data's own questions, appended to a
 *  file as soon as it is said.
 *
 *  Departures from the original: special tokens are never part of a draft, empty drafts are left out and counted, and a
 *  picture that cannot be read is named. */
import { torchVersion } from "@rediff/torch";
import { OutputError } from "../../diffusion/decoder.js";
import type { RuleOptions } from "../../diffusion/rule-options.js";
import { UserError } from "../../errors.js";
import { describeMany, type ManyItem, type ManyResult } from "../../inference/describe-many.js";
import type { DescribeOptions } from "../../inference/request.js";
import type { VisionLanguageModel } from "../../inference/vision-language-model.js";
import type { PassProgress } from "../../models/chain.js";
import { version } from "../../version.js";
import type { DraftPlan, PlannedDraft } from "./draft-plan.js";
import type { DraftCounts, DraftSettings, DraftsFile } from "./drafts-file.js";
import { type LeftOut, LeftOutError } from "./left-out.js";
import type { Question, Questions } from "./questions.js";

/** What of a description's options applies to all drafts of a run. Question and steps are each draft's own. */
export type DraftOptions = Pick<
  DescribeOptions,
  | "genLength"
  | "blockLength"
  | "revise"
  | "reviseTopk"
  | "reviseStart"
  | "reviseRest"
  | "confidenceAmong"
  | keyof RuleOptions
  | "cache"
  | "refreshEvery"
  | "refreshChanged"
  | "certify"
  | "fast"
  | "temperature"
  | "cfgScale"
  | "remasking"
  | "seed"
  | "system"
  | "conversation"
  | "imageJoin"
  | "autoOrient"
  | "asStored"
  | "maxPixels"
>;

export interface DraftRun {
  questions: Questions;
  plan: DraftPlan;
  settings: DraftSettings;
  options: DraftOptions;
  /** Whether the plan's steps are asked for; else they are the most there can be. */
  isPaced: boolean;
  /** Pictures in one forward pass. Default 1. */
  batch?: number;
  /** Records that are settled, those of earlier runs included, and all. */
  onProgress?: (done: number, total: number) => void;
  onLeftOut?: (one: LeftOut) => void;
  /** Of several processes: whether this one is to draft what stands at a place of the plan, asked in its order; what is
   *  settled is not asked for. */
  isOurs?: ((place: number) => Promise<boolean>) | undefined;
  readAhead?: number | undefined;
  /** How far a forward pass is that takes long. */
  onLayers?: ((progress: PassProgress) => void) | undefined;
  signal?: AbortSignal;
}

export interface DraftReport extends DraftCounts {
  /** Records that the plan asks for: drafts and left out. */
  records: number;
  /** Made by this run. */
  made: number;
  seconds: number;
  /** Of the answers that this run made, special tokens not counted. */
  tokens: number;
}

/** Makes the drafts that a file lacks, or of several processes those that fall to this one. The order is the data's, whatever
 *  the batch.
 *  @throws whatever is no fault of a single record; what was drafted until then is in the file */
export async function draftAll(model: VisionLanguageModel, file: DraftsFile, run: DraftRun): Promise<DraftReport> {
  const { plan, settings, questions, onLeftOut, onProgress, isOurs } = run;
  model.assertSight(); // a text-only model is told once, not for every picture
  const versions = { rediff: version(), torch: torchVersion };
  const started = performance.now();
  let [made, tokens, settled] = [0, 0, 0];
  for (const { record } of plan.drafts()) if (file.isSettled(record)) settled++;
  const count = () => onProgress?.(++settled, plan.count);
  onProgress?.(settled, plan.count);

  const leaveOut = async (record: number, error: LeftOutError): Promise<void> => {
    const one = { record, id: error.id ?? String(record), reason: error.reason, message: error.message };
    if (await file.leaveOut(one)) onLeftOut?.(one);
    count();
  };
  const suspicion = new Suspicion(file.counts(plan));
  const add = async ({ record, steps }: PlannedDraft, question: Question, result: ManyResult): Promise<void> => {
    try {
      const { text, tokenIds } = said(model, question, result);
      await file.add({ ...question, pred: text, drafted: { record, ...settings, steps, versions } });
      tokens += tokenIds;
      made++;
      count();
    } catch (error) {
      if (!(error instanceof LeftOutError)) throw error;
      if (suspicion.holdsBack(record, error)) return;
      await leaveOut(record, error);
    }
    for (const held of suspicion.dispelledBy(result)) await leaveOut(held.record, held.error);
  };

  let place = -1;
  for (const steps of plan.steps) {
    const waiting: { planned: PlannedDraft; question: Question }[] = [];
    const items = async function* (): AsyncGenerator<ManyItem> {
      for (const planned of plan.drafts()) {
        if (planned.steps !== steps) continue;
        place++;
        if (file.isSettled(planned.record)) continue;
        if (isOurs !== undefined && !(await isOurs(place))) {
          count();
          continue;
        }
        try {
          const question = await questions.read(planned.record);
          waiting.push({ planned, question });
          yield { sources: [question.img], prompt: question.ques };
        } catch (error) {
          if (!(error instanceof LeftOutError)) throw error;
          await leaveOut(planned.record, error);
        }
      }
    };
    const { batch = 1, readAhead, options, isPaced, signal, onLayers } = run;
    const pace = isPaced ? { steps } : {};
    const asking = {
      ...{ ...options, ...pace, batch },
      ...(readAhead !== undefined && { readAhead }),
      ...(onLayers && { onLayers }),
      ...(signal && { signal }),
    };
    for await (const result of describeMany(model, items(), asking)) {
      const next = waiting.shift();
      if (next !== undefined) await add(next.planned, next.question, result);
    }
  }
  // Who drafts a part only may have had no other records; the whole is judged by what has a draft.
  if (isOurs === undefined) suspicion.assertDispelled();
  for (const { record, error } of suspicion.rest()) await leaveOut(record, error);
  if (isOurs === undefined) await file.finish();
  return { records: plan.count, ...file.counts(plan), made, tokens, seconds: (performance.now() - started) / 1000 };
}

/** Outputs in a row that are not numbers, from the first one of a data set on, before the run is given up. */
const MOST_DAMAGED = 16;

/** One output that is not a number may be due to its picture; where there is nothing else, the model is damaged, and no
 *  record is to be left out for it. So they are held back until the model has said anything. */
class Suspicion {
  readonly #held: { record: number; error: LeftOutError }[] = [];
  #isDispelled: boolean;

  /** @param counts of earlier runs */
  constructor({ drafts, left_out }: DraftCounts) {
    this.#isDispelled = drafts > 0 || (left_out.empty ?? 0) > 0 || (left_out.special ?? 0) > 0;
  }

  /** @throws what the model's output is, when there are too many of them */
  holdsBack(record: number, error: LeftOutError): boolean {
    if (this.#isDispelled || error.reason !== "not_a_number") return false;
    this.#held.push({ record, error });
    if (this.#held.length >= MOST_DAMAGED) this.assertDispelled();
    return true;
  }

  /** @returns those that were held back and may be left out now */
  dispelledBy(result: ManyResult): { record: number; error: LeftOutError }[] {
    if (result.ok) this.#isDispelled = true;
    return this.#isDispelled ? this.#held.splice(0) : [];
  }

  /** What is held back still. */
  rest(): { record: number; error: LeftOutError }[] {
    return this.#held.splice(0);
  }

  /** @throws what the model's output is, when it never was anything else */
  assertDispelled(): void {
    const [first] = this.#held;
    if (first !== undefined) throw first.error.cause;
  }
}

/** The text of a draft. @throws LeftOutError when there is none that could be trained on */
function said({ model }: VisionLanguageModel, question: Question, result: ManyResult) {
  const { tokenizer } = model;
  if (!result.ok) {
    if (result.error instanceof OutputError)
      throw new LeftOutError("not_a_number", `${question.img}: ${result.error.line}`, question.id, result.error);
    // What is no fault of the picture or the prompt (memory, a bug) would be one of every record.
    if (!(result.error instanceof UserError)) throw result.error;
    const { line } = result.error;
    throw new LeftOutError("unusable", line.includes(question.img) ? line : `${question.img}: ${line}`, question.id);
  }
  const special = new Set(Object.values(tokenizer.special));
  const ids = result.description.tokenIds.filter((id) => !special.has(id));
  const text = tokenizer.decode(ids, { skipSpecialTokens: true });
  if (text.trim() === "") throw new LeftOutError("empty", `${question.img}: the draft is empty`, question.id);
  if (tokenizer.encode(text).some((id) => special.has(id)))
    throw new LeftOutError("special", `${question.img}: the draft spells out a special token`, question.id);
  return { text, tokenIds: ids.length };
}
