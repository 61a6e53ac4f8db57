/** Drafts of the loop: a slice of the data for a round, or held-out data for a measurement. */

import { stat } from "node:fs/promises";
import { join } from "node:path";
import { availableDevices, type Device } from "@rediff/torch";
import type { DataFile } from "../../data/records/record-list.js";
import { UserError } from "../../errors.js";
import { resolveModel } from "../../hub/resolve-model.js";
import { loadModel, type VisionLanguageModel } from "../../inference/vision-language-model.js";
import type { DraftOptions, DraftReport } from "../drafts/draft-all.js";
import { draftData } from "../drafts/draft-data.js";
import type { StepsAsked } from "../drafts/draft-settings.js";
import type { LeftOut } from "../drafts/left-out.js";
import { openQuestions } from "../drafts/questions.js";
import { draftOptions, type ImproveKeys, stepsAsked } from "./improve-recipe.js";

export interface DraftObserver {
  onDraft?: ((done: number, total: number) => void) | undefined;
  onLeftOut?: ((one: LeftOut) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/** What of the data a round drafts over. */
export function sliceOf({ slice: { first, count } }: ImproveKeys, round: number): { first: number; count?: number } {
  return count === undefined ? { first } : { first: first + (round - 1) * count, count };
}

export async function draftRound(
  recipe: ImproveKeys,
  round: number,
  { model, output, ...observer }: { model: string; output: string } & DraftObserver,
): Promise<DraftReport> {
  using lazy = new LazyModel(model, recipe);
  return await draftWith(recipe, {
    ...observer,
    ...sliceOf(recipe, round),
    model,
    output,
    data: await dataOf(recipe.data),
    prompt: recipe.prompt,
    folders: recipe,
    steps: stepsAsked(recipe),
    options: draftOptions(recipe),
    withModel: lazy.use,
  });
}

export interface DraftJob extends DraftObserver {
  model: string;
  output: string;
  data: string | DataFile[];
  prompt?: string | undefined;
  folders: { image_folder?: string | undefined; image_folder_2?: string | undefined };
  first: number;
  count?: number | undefined;
  steps: StepsAsked;
  options: DraftOptions;
  withModel: <T>(use: (model: VisionLanguageModel) => Promise<T>) => Promise<T>;
}

export async function draftWith(recipe: ImproveKeys, job: DraftJob): Promise<DraftReport> {
  const { model, output, data, prompt, folders, first, count, steps, options, withModel } = job;
  return draftData({
    ...steps,
    data,
    prompt,
    output,
    first,
    count,
    options,
    withModel,
    batch: recipe.draft.batch,
    seed: recipe.draft.seed,
    imageFolder: folders.image_folder,
    imageFolder2: folders.image_folder_2,
    unpackTo: recipe.unpack_to ?? join(recipe.output, "pictures"),
    absolute: true, // training looks for names in folders of its own
    model: { name: model, folder: await resolveModel(model), quantize: recipe.draft.quantize },
    ...(job.onDraft && { onDraft: job.onDraft }),
    ...(job.onLeftOut && { onLeftOut: job.onLeftOut }),
    ...(job.signal && { signal: job.signal }),
  });
}

/** A model that is loaded when it is first asked for. */
export class LazyModel implements Disposable {
  #model: VisionLanguageModel | undefined;

  constructor(
    private readonly name: string,
    private readonly recipe: Pick<ImproveKeys, "draft">,
  ) {}

  readonly use = async <T>(work: (model: VisionLanguageModel) => Promise<T>): Promise<T> => {
    const { device = availableDevices()[0] ?? "cpu", dtype, quantize } = this.recipe.draft;
    this.#model ??= await loadModel(this.name, {
      device: device as Device,
      ...(dtype !== undefined && { dtype }),
      ...(quantize !== undefined && { quantize }),
    });
    return work(this.#model);
  };

  [Symbol.dispose](): void {
    this.#model?.[Symbol.dispose]();
    this.#model = undefined;
  }
}

/** A folder of pictures is named alone. */
export async function dataOf(data: ImproveKeys["data"]): Promise<string | DataFile[]> {
  const [only, ...others] = data;
  if (only === undefined || others.length > 0 || only.sampling_strategy !== undefined) return data;
  const isFolder = (await stat(only.json_path).catch(() => undefined))?.isDirectory() === true;
  return isFolder ? only.json_path : data;
}

/** @throws UserError when the data has too few records for all rounds, before the first one is begun */
export async function checkSlices(recipe: ImproveKeys, signal?: AbortSignal): Promise<void> {
  const { image_folder, image_folder_2, unpack_to, output, prompt, rounds, slice, draft } = recipe;
  await using questions = await openQuestions(await dataOf(recipe.data), prompt, {
    imageFolder: image_folder,
    imageFolder2: image_folder_2,
    unpackTo: unpack_to ?? join(output, "pictures"),
    seed: draft.seed,
    signal,
  });
  const { first, count } = slice;
  const needed = count === undefined ? first + 1 : first + rounds * count;
  if (needed <= questions.count) return;
  throw new UserError(
    count === undefined
      ? `slice.first is ${first}, and the data has ${questions.count} records, counted from 0`
      : `${rounds} rounds of ${count} records from ${first} on need ${needed}, and the data has ${questions.count}`,
    "Lower rounds, slice.first or slice.count, or leave slice.count out to draft over all of the data in every round.",
  );
}
