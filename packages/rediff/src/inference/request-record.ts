/** A complete request as JSON: what traces and results carry, so that they can be had again. */
import { ruleRecord } from "../diffusion/rule-options.js";
import type { ResolvedRequest } from "./resolve.js";
import type { RequestRecord } from "./trace-format.js";

export function requestRecord(request: ResolvedRequest): RequestRecord {
  const { kind, messages, system, conversation, imageJoin, visuals, decode } = request;
  const { cache } = decode;
  return {
    kind,
    messages: messages.map(({ role, content }) => ({ role, content })),
    system,
    conversation,
    image_join: imageJoin,
    colors: visuals.colors,
    grey16: visuals.grey16,
    auto_orient: visuals.autoOrient,
    max_pixels: visuals.maxPixels,
    video_frames: visuals.frames,
    gen_length: decode.genLength,
    block_length: decode.blockLength,
    steps: decode.steps,
    threshold: decode.threshold ?? null,
    temperature: decode.temperature,
    cfg_scale: decode.cfgScale,
    remasking: decode.remasking,
    revise: decode.revise,
    revise_topk: decode.reviseTopk ?? null,
    revise_start: decode.reviseStart,
    // Only where it is not the original's way.
    ...(decode.reviseRest && { revise_rest: true }),
    ...(decode.confidenceAmong !== "allowed" && { confidence_among: decode.confidenceAmong }),
    ...ruleRecord(decode),
    seed: decode.seed,
    compat: decode.compat,
    ...(request.quantization && { quantize: request.quantization }),
    special_tokens: request.specialTokens,
    cache:
      cache === undefined
        ? null
        : {
            prompt_interval: cache.promptInterval,
            gen_interval: cache.genInterval,
            transfer_ratio: cache.transferRatio,
          },
    stop: kind === "describe" ? [...request.stop] : [],
    stop_ids: decode.stop.map((ids) => [...ids]),
    draft_ids: [...decode.draft],
    fixed: [...decode.fixed],
    suffix_ids: [...decode.suffix],
    ...(kind === "refine" && {
      draft: request.draft.text,
      rounds: request.rounds,
      refine_threshold: request.threshold,
    }),
  };
}
