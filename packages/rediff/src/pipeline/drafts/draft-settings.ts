/** How many steps drafts take, and their options as they are written beside each draft. */
import { ruleRecord } from "../../diffusion/rule-options.js";
import { stepsFor } from "../../diffusion/transfer-schedule.js";
import { OptionError, option, wording } from "../../errors.js";
import { type ModelFacts, modelDefaults } from "../../inference/model-facts.js";
import { checkOptions } from "../../inference/request.js";
import { cacheRecord } from "../../inference/request-record.js";
import type { DescribeRequest } from "../../inference/resolve.js";
import type { DraftOptions } from "./draft-all.js";
import type { DraftSettings } from "./drafts-file.js";

/** How many forward passes drafts take. */
export interface StepsAsked {
  /** Forward passes; several values share the data out. */
  steps?: readonly number[] | undefined;
  /** Instead of `steps`. */
  tokensPerStep?: readonly number[] | undefined;
}

/** @throws UserError when options do not fit together, whatever the model */
export function checkDraftOptions({ steps, tokensPerStep }: StepsAsked, options: DraftOptions): void {
  if (steps !== undefined && tokensPerStep !== undefined)
    throw new OptionError(
      "tokensPerStep",
      wording`${option("steps")} and ${option("tokensPerStep")} exclude each other`,
      "Give one of them.",
    );
  checkOptions(options);
  for (const one of steps ?? []) checkOptions({ ...options, steps: one });
  for (const one of tokensPerStep ?? []) checkOptions({ ...options, tokensPerStep: one });
}

/** The numbers of steps of a run; default one step per token, which is the most that a rule without a schedule takes. @throws UserError when options do not fit together */
export function draftSteps(asked: StepsAsked, options: DraftOptions, facts: ModelFacts): number[] {
  checkDraftOptions(asked, options);
  const { genLength = modelDefaults(facts).genLength, blockLength = genLength } = options;
  const { steps, tokensPerStep } = asked;
  const chosen = steps ?? tokensPerStep?.map((value) => stepsFor(genLength, blockLength, value)) ?? [genLength];
  for (const one of isPaced(asked) ? chosen : []) checkOptions({ ...options, genLength, steps: one });
  return [...chosen];
}

/** Whether steps are asked for: only then are they, else the rule's and the model's own way holds. */
export const isPaced = ({ steps, tokensPerStep }: StepsAsked): boolean =>
  steps !== undefined || tokensPerStep !== undefined;

/** Keys with the reference's names; what is not at its usual value only where it is seldom set. */
export function draftSettings(
  model: string,
  checkpoint: string,
  request: DescribeRequest,
  asked: DraftOptions,
): DraftSettings {
  const { decode, conversation, imageJoin, visuals } = request;
  const { genLength, blockLength, revise, temperature, seed, reviseTopk, reviseStart, cfgScale, remasking } = decode;
  const { system, maxPixels } = asked;
  const cache = cacheRecord(decode.cache);
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
    ...(decode.reviseRest && { revise_rest: true }),
    ...(decode.confidenceAmong !== "allowed" && { confidence_among: decode.confidenceAmong }),
    ...(decode.threshold !== undefined && { threshold: decode.threshold }),
    ...ruleRecord(decode),
    ...(cache !== null && { cache }),
    ...(request.quantization && { quantize: request.quantization }),
    ...(request.fast && { fast: true }),
    ...(cfgScale !== 0 && { cfg_scale: cfgScale }),
    ...(remasking !== "low_confidence" && { remasking }),
    ...(conversation !== "llava_llada" && { conversation }),
    ...(imageJoin !== "legacy" && { image_join: imageJoin }),
    ...(system !== undefined && { system }),
    ...(!visuals.autoOrient && { as_stored: true }),
    ...(maxPixels !== undefined && { max_pixels: maxPixels }),
  };
}
