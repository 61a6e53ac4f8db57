/** The options of drafts as they are written beside each draft. */
import { decodeOptions } from "../../diffusion/decode-options.js";
import { stepsFor } from "../../diffusion/transfer-schedule.js";
import { UserError } from "../../errors.js";
import { checkOptions } from "../../inference/request.js";
import type { DraftOptions } from "./draft-all.js";
import type { DraftSettings } from "./drafts-file.js";

export interface StepsAsked {
  /** Forward passes; several values share the data out. */
  steps?: readonly number[] | undefined;
  /** Instead of `steps`. */
  tokensPerStep?: readonly number[] | undefined;
}

/** The numbers of steps of a run; default one step per token. @throws UserError when options do not fit together */
export function draftSteps({ steps, tokensPerStep }: StepsAsked, options: DraftOptions): number[] {
  if (steps !== undefined && tokensPerStep !== undefined)
    throw new UserError("steps and tokens_per_step exclude each other", "Give one of them.");
  if (tokensPerStep !== undefined)
    for (const value of tokensPerStep)
      if (!(value >= 1)) throw new UserError(`tokens_per_step must be 1 or more, got ${value}`);
  const { genLength = 128, blockLength = genLength } = options;
  if (tokensPerStep !== undefined) checkOptions(options); // lengths that do not fit give no whole number of steps
  const chosen = steps ?? tokensPerStep?.map((value) => stepsFor(genLength, blockLength, value)) ?? [genLength];
  for (const one of chosen) checkOptions({ ...options, steps: one });
  return [...chosen];
}

/** Keys with the reference's names; what is not at its default value only where it is seldom set. */
export function draftSettings(model: string, checkpoint: string, options: DraftOptions): DraftSettings {
  const { genLength, blockLength, revise, temperature, seed, reviseTopk, reviseStart, cfgScale, remasking } =
    decodeOptions(options);
  const { conversation = "llava_llada", imageJoin = "legacy", system, autoOrient, maxPixels } = options;
  return {
    model,
    checkpoint,
    gen_length: genLength,
    block_length: blockLength,
    revise,
    temperature,
    seed,
    ...(reviseTopk !== undefined && { revise_topk: reviseTopk }),
    ...(reviseStart !== 1 && { revise_start: reviseStart }),
    ...(cfgScale !== 0 && { cfg_scale: cfgScale }),
    ...(remasking !== "low_confidence" && { remasking }),
    ...(conversation !== "llava_llada" && { conversation }),
    ...(imageJoin !== "legacy" && { image_join: imageJoin }),
    ...(system !== undefined && { system }),
    ...(autoOrient && { auto_orient: true }),
    ...(maxPixels !== undefined && { max_pixels: maxPixels }),
  };
}
