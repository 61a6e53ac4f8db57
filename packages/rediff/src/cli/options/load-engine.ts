/** What is loaded only once the arguments are known to make sense: libtorch, and with it the models. */

import { EMBEDDED_NOTE } from "../../embedded.js";
import type { VisionLanguageModel } from "../../inference/vision-language-model.js";
import { begin } from "../exit-status.js";
import { noteLine } from "../terminal/lines.js";
import { assertThere } from "./assert-there.js";
import { chosenModel, loadOptions, type ModelFlags } from "./describe-options.js";

/** Fetches libtorch and builds its addon where they are missing, which takes minutes: what was asked has to be judged
 *  before. Says nothing when they are there. */
export async function needTorch(): Promise<void> {
  begin();
  const { ensureTorch } = await import("@rediff/torch/setup");
  await ensureTorch({ quiet: true });
}

/** The model that the flags name. @throws UserError when there is none, before anything is fetched */
export async function openModel(flags: ModelFlags): Promise<VisionLanguageModel> {
  const [{ resolveModel }, { loadPartsConfig, locateModel }] = await Promise.all([
    import("../../hub/resolve-model.js"),
    import("../../checkpoint/adapter/locate-model.js"),
  ]);
  const folder = await resolveModel(chosenModel(flags));
  await loadPartsConfig(await locateModel(folder, { base: flags.base }));
  if (flags.visionTower !== undefined) await assertThere(flags.visionTower);
  if (flags.model === undefined) noteLine(`rediff: ${EMBEDDED_NOTE}`);
  await needTorch();
  const [{ setThreads }, { loadModel }] = await Promise.all([
    import("@rediff/torch"),
    import("../../inference/vision-language-model.js"),
  ]);
  if (flags.threads !== undefined) setThreads(flags.threads);
  return loadModel(folder, { ...loadOptions(flags), onWarning: (line) => noteLine(`rediff: ${line}`) });
}
