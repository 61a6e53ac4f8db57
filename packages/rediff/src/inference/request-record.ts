/** A complete request as JSON: what traces and results carry, so that they can be had again. */
import type { CacheReport } from "../diffusion/cache/cache-budget.js";
import type { CacheOptions } from "../diffusion/cache/cache-options.js";
import { ruleRecord } from "../diffusion/rule-options.js";
import type { Approximated } from "./answers.js";
import type { ResolvedRequest } from "./resolve.js";
import type { ApproximatedRecord, CacheRecord, CacheReportRecord, RequestRecord } from "./trace-format.js";

export function requestRecord(request: ResolvedRequest): RequestRecord {
  const { kind, messages, system, conversation, imageJoin, visuals, decode } = request;
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
    ...(request.fast && { fast: true }),
    special_tokens: request.specialTokens,
    cache: cacheRecord(decode.cache),
    stop: kind === "describe" ? [...request.stop] : [],
    stop_ids: decode.stop.map((ids) => [...ids]),
    draft_ids: [...decode.draft],
    fixed: [...decode.fixed],
    suffix_ids: [...decode.suffix],
    ...(kind === "refine" && {
      draft: request.draft.text,
      rounds: request.rounds,
      refine_threshold: request.threshold,
      ...(request.keep < 1 && { refine_keep: request.keep }),
    }),
  };
}

export function cacheRecord(cache: CacheOptions | undefined): CacheRecord | null {
  if (cache?.kind !== "dllm-cache") return cache === undefined ? null : { ...cache };
  const { kind, promptInterval, genInterval, transferRatio } = cache;
  return { kind, prompt_interval: promptInterval, gen_interval: genInterval, transfer_ratio: transferRatio };
}

/** Keys of JSON, where something in an answer is approximate or a cache was asked for: the names of what is, what the
 *  weights are rounded to, and what became of the cache. */
export function namedApproximations({ approximate, quantization, cache }: Approximated): ApproximatedRecord {
  return {
    ...(approximate !== undefined && { approximate }),
    ...(quantization && { quantize: quantization }),
    ...namedCache(cache),
  };
}

function namedCache(report: CacheReport | undefined): { cache?: CacheReportRecord } {
  if (report === undefined) return {};
  const { kind, on, fullPasses, cachedPasses, rowsComputed, rowsKept, bytes, certified } = report;
  return {
    cache: {
      ...{ kind, on, bytes },
      ...{ full_passes: fullPasses, cached_passes: cachedPasses, rows_computed: rowsComputed, rows_kept: rowsKept },
      ...(certified !== undefined && { certified }),
    },
  };
}
