/** Drafts from the name of a data set to a file of them. */

import { z } from "zod";
import type { DataFile } from "../../data/records/record-list.js";
import { option, UserError, wording } from "../../errors.js";
import { withLock } from "../../files/file-lock.js";
import { checkDescribe } from "../../inference/limits/option-sets.js";
import { readAskable } from "../../inference/model-facts.js";
import { resolveDescribe } from "../../inference/resolve.js";
import type { VisionLanguageModel } from "../../inference/vision-language-model.js";
import type { PassProgress } from "../../models/chain.js";
import { type Quantization, quantizations } from "../../models/quantization.js";
import { abortSignal, flag, listener, number, object, optionSet, text } from "../../options/option-set.js";
import { type DraftOptions, type DraftReport, type DraftRun, draftAll } from "./draft-all.js";
import { type PlanOptions, planDrafts } from "./draft-plan.js";
import { checkDraftOptions, draftSettings, draftSteps, isPaced, type StepsAsked } from "./draft-settings.js";
import { DraftsFile } from "./drafts-file.js";
import { fingerprint } from "./fingerprint.js";
import type { LeftOut } from "./left-out.js";
import { openQuestions, type QuestionOptions } from "./questions.js";

export interface DraftDataOptions extends QuestionOptions, StepsAsked, Omit<PlanOptions, "steps"> {
  /** A data file, a list of them, or a folder of pictures. */
  data: string | readonly DataFile[];
  /** The question; for a folder of pictures only. */
  prompt?: string | undefined;
  output: string;
  /** What the drafts call the model, its folder, the base of an adapter in place of the one that it names, and what
   *  `withModel` rounds its weights to, for the drafts to say. */
  model: { name: string; folder: string; base?: string | undefined; quantize?: Quantization | undefined };
  /** Gives the model for as long as it is used. Not called when there is nothing left to draft. */
  withModel: <T>(use: (model: VisionLanguageModel) => Promise<T>) => Promise<T>;
  options?: DraftOptions;
  /** Pictures in one forward pass. Default 1. */
  batch?: number | undefined;
  /** Bytes of the data files that were indexed, and all. */
  onIndex?: (done: number, total: number) => void;
  /** Records settled, and all. */
  onDraft?: (done: number, total: number) => void;
  /** How far a forward pass is that takes long. */
  onLayers?: ((progress: PassProgress) => void) | undefined;
  onLeftOut?: (one: LeftOut) => void;
}

const numbers = z.array(number);
const checkDraftData = optionSet<DraftDataOptions>(
  {
    data: z.custom<DraftDataOptions["data"]>((value) => typeof value === "string" || Array.isArray(value), {
      error: "expected a path or a list of data files",
    }),
    prompt: text,
    output: text,
    model: z.strictObject({
      ...{ name: text, folder: text, base: text.optional() },
      quantize: z.enum(quantizations).optional(),
    }),
    withModel: listener,
    options: object,
    batch: number,
    onIndex: listener,
    onDraft: listener,
    onLayers: listener,
    onLeftOut: listener,
    imageFolder: text,
    imageFolder2: text,
    unpackTo: text,
    absolute: flag,
    seed: number,
    onProgress: listener,
    onNoPictures: listener,
    signal: abortSignal,
    steps: numbers,
    tokensPerStep: numbers,
    first: number,
    count: number,
    shard: object,
  },
  ["data", "output", "model", "withModel"],
);

/** Makes the drafts that `output` lacks, and tells what is in it then.
 *  @throws UserError when the options do not fit the data, the model or what is in the file already */
export async function draftData(options: DraftDataOptions): Promise<DraftReport> {
  return await withRun(options, async (run) => {
    const { plan, settings } = run;
    const { output, withModel, signal } = options;
    return await alone(output, async () => {
      const file = await DraftsFile.open(output, plan, settings);
      try {
        if ([...plan.drafts()].every(({ record }) => file.isSettled(record))) {
          await file.finish();
          return { records: plan.count, ...file.counts(plan), made: 0, seconds: 0, tokens: 0 };
        }
        signal?.throwIfAborted();
        return await withModel((loaded) => draftAll(loaded, file, run));
      } finally {
        await file.close();
      }
    });
  });
}

/** Judges the options, opens the data, and gives what is to be drafted for as long as `use` takes. */
export async function withRun<T>(options: DraftDataOptions, use: (run: DraftRun) => Promise<T>): Promise<T> {
  checkDraftData(options);
  const { data, prompt, model, batch, onIndex, onDraft, onLayers, onLeftOut, signal } = options;
  const decode = options.options ?? {};
  checkDescribe(decode);
  checkDraftOptions(options, decode); // before anything is read
  const reader = await readAskable(model.folder, model.base);
  if (model.quantize !== undefined) reader.facts.quantization = model.quantize;
  const steps = draftSteps(options, decode, reader.facts);
  await using questions = await openQuestions(data, prompt, { ...options, onProgress: onIndex });
  const { first, count, shard } = options;
  const plan = planDrafts(questions.count, { first, count, steps, shard });
  const request = resolveDescribe(reader, 1, {
    ...decode,
    ...(isPaced(options) && plan.steps[0] !== undefined && { steps: plan.steps[0] }),
  });
  const settings = draftSettings(model.name, await fingerprint(model.folder, model.base), request, decode);
  const run: DraftRun = {
    questions,
    plan,
    settings,
    options: decode,
    isPaced: isPaced(options),
    ...(batch !== undefined && { batch }),
    ...(onDraft && { onProgress: onDraft }),
    ...(onLayers && { onLayers }),
    ...(onLeftOut && { onLeftOut }),
    ...(signal && { signal }),
  };
  return await use(run);
}

/** Two processes that append to one file would make every draft twice. */
function alone<T>(output: string, work: () => Promise<T>): Promise<T> {
  const refused = new AbortController();
  const onWait = () =>
    refused.abort(
      new UserError(
        `another process is writing ${output}`,
        wording`Wait until it has ended, or name another ${option("output")}.`,
      ),
    );
  return withLock(`${output}.lock`, { onWait, signal: refused.signal }, work);
}
