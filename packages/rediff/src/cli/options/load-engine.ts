/** What is loaded only once the arguments are known to make sense: libtorch, and with it the models. */
import type { Device } from "@rediff/torch";
import { EMBEDDED_NOTE } from "../../embedded.js";
import type { AskableModel } from "../../inference/model-facts.js";
import type { VisionLanguageModel } from "../../inference/vision-language-model.js";
import type { Quantization } from "../../models/quantization.js";
import type { Computing } from "../../pipeline/drafts/result-origin.js";
import { begin } from "../exit-status.js";
import { noteLine } from "../terminal/lines.js";
import { assertThere } from "./assert-there.js";
import { chosenModel, loadOptions, type ModelFlags, quantizeOf } from "./describe-options.js";

/** Fetches libtorch and builds its addon where they are missing, which takes minutes: what was asked has to be judged
 *  before. Says nothing when they are there. */
export async function needTorch(): Promise<void> {
  begin();
  const { ensureTorch } = await import("@rediff/torch/setup");
  await ensureTorch({ quiet: true });
}

/** Judged by its small files.
 *  @returns its folder */
export async function suitableModel(flags: ModelFlags & { genLength?: number }, pictures: boolean): Promise<string> {
  const [{ resolveModel }, { loadPartsConfig, locateModel }, { assertSuits }] = await Promise.all([
    import("../../hub/resolve-model.js"),
    import("../../checkpoint/adapter/locate-model.js"),
    import("../../inference/model-facts.js"),
  ]);
  const folder = await resolveModel(chosenModel(flags));
  const config = await loadPartsConfig(await locateModel(folder, { base: flags.base }));
  assertSuits(folder, config, { genLength: flags.genLength, pictures });
  return folder;
}

/** The model that the flags name as it will answer, and what it computes with: what its small files say before the weights are
 *  read, for results that say how they were made. */
export async function knownModel(flags: ModelFlags): Promise<{ askable: AskableModel; computing: Computing }> {
  const [{ resolveModel }, { readAskable }, { usualDtype }] = await Promise.all([
    import("../../hub/resolve-model.js"),
    import("../../inference/model-facts.js"),
    import("../../models/measured/usual-dtype.js"),
  ]);
  const { tokenizer, facts } = await readAskable(await resolveModel(chosenModel(flags)), flags.base);
  const quantization = quantizeOf(flags, facts.quantization) ?? facts.quantization;
  const dtype = flags.dtype ?? usualDtype(flags.device as Device, quantization !== undefined).dtype; // as models are loaded
  return {
    askable: { tokenizer, facts: { ...facts, ...(quantization && { quantization }) } },
    computing: { dtype, vision_tower: flags.visionTower ?? null },
  };
}

/** What the weights of a folder are to be rounded to while they are loaded. */
export async function roundingOf(flags: ModelFlags, folder: string): Promise<Quantization | undefined> {
  if (!flags.fast) return flags.quantize;
  const { loadPartsConfig, locateModel } = await import("../../checkpoint/adapter/locate-model.js");
  const { quantization } = await loadPartsConfig(await locateModel(folder, { base: flags.base }));
  return quantizeOf(flags, quantization?.weights);
}

/** As many as were asked for, or as are the fastest here by what was measured. libtorch is there. */
export async function useThreads(threads: number | undefined): Promise<void> {
  if (threads !== undefined) return (await import("@rediff/torch")).setThreads(threads);
  (await import("../../models/measured/kernel-choice.js")).useFastestThreads();
}

/** The model that the flags name.
 *  @param pictures whether it is to see any
 *  @throws UserError when there is none, or none that suits, before anything is fetched */
export async function openModel(
  flags: ModelFlags & { genLength?: number },
  { pictures }: { pictures: boolean },
): Promise<VisionLanguageModel> {
  const folder = await suitableModel(flags, pictures);
  if (flags.visionTower !== undefined) await assertThere(flags.visionTower);
  if (flags.model === undefined) noteLine(`rediff: ${EMBEDDED_NOTE}`);
  await needTorch();
  const { loadModel } = await import("../../inference/vision-language-model.js");
  await useThreads(flags.threads);
  const quantize = await roundingOf(flags, folder);
  const options = { ...loadOptions(flags), ...(quantize !== undefined && { quantize }) };
  return loadModel(folder, { ...options, onWarning: (line) => noteLine(`rediff: ${line}`) });
}
