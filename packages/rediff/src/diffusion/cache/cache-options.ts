/** What may be kept of earlier forward passes. Every kind is approximate where it keeps anything: in a network in which
 *  every position sees every other, a token that is written changes the keys and values of all others.
 *
 *  - refresh (R-cache): keys and values of everything outside the active block are kept. All are computed anew every
 *    `every` passes, when a share `changed` of the answer's tokens has changed since, and to certify the end.
 *  - fast-dllm: Fast-dLLM's prefix cache as later LLaDA-V has it (arXiv 2505.22618). Keys and values before the block are
 *    kept; a block begins with a full pass, and has one every `every` passes.
 *  - dllm-cache: dLLM-Cache (arXiv 2506.06295), which LLaDA-V's demo uses.
 *
 *  No tensors here, so that options can be judged before libtorch is loaded. */
import { z } from "zod";
import { OptionError, option, wording } from "../../errors.js";
import { flag, number } from "../../options/option-set.js";

export type CacheKind = "none" | "refresh" | "fast-dllm" | "dllm-cache";
export const cacheKinds = ["none", "refresh", "fast-dllm", "dllm-cache"] as const satisfies readonly CacheKind[];

export interface RefreshOptions {
  kind: "refresh";
  /** Passes from one that computes everything to the next; 1 keeps nothing and is exact. */
  every: number;
  /** Of the answer's tokens: so many have changed since the last full pass that there is another one, a token that changed
   *  twice counted twice. 1 is never: only `every` counts. */
  changed: number;
  /** Where tokens may be revised, the last pass computes everything and changes nothing; one that changes something is
   *  followed by others, up to a limit. */
  certify: boolean;
}

export interface FastDllmOptions {
  kind: "fast-dllm";
  /** Passes of a block from one that computes everything to the next. */
  every: number;
}

/** Numbers of dLLM-Cache. LLaDA-V's demo uses 25, 7, 0.25; ReDiff none, for quality. */
export interface FeatureCacheOptions {
  /** Forward passes between refreshes of the prompt's features. */
  promptInterval: number;
  /** Forward passes between refreshes of the answer's features. */
  genInterval: number;
  /** Share of the answer's positions, those that changed most, computed anew in between. */
  transferRatio: number;
}

export interface DllmCacheOptions extends FeatureCacheOptions {
  kind: "dllm-cache";
}

export type CacheOptions = RefreshOptions | FastDllmOptions | DllmCacheOptions;

export const featureCacheType = z.strictObject({ promptInterval: number, genInterval: number, transferRatio: number });

export const cacheType = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("refresh"), every: number, changed: number, certify: flag }),
  z.strictObject({ kind: z.literal("fast-dllm"), every: number }),
  featureCacheType.extend({ kind: z.literal("dllm-cache") }),
]);

/** What a user says, in a library's, a command's and a request's words alike. */
export interface CacheChoice {
  cache?: CacheKind | FeatureCacheOptions | undefined;
  refreshEvery?: number | undefined;
  refreshChanged?: number | undefined;
  certify?: boolean | undefined;
}

export const REFRESH_EVERY = 8;
export const REFRESH_CHANGED = 0.25;
export const FAST_DLLM_EVERY = 32;
export const DLLM_CACHE: FeatureCacheOptions = { promptInterval: 25, genInterval: 7, transferRatio: 0.25 };

/** @throws OptionError for numbers of a cache that is not chosen */
export function chosenCache({ cache, refreshEvery, refreshChanged, certify }: CacheChoice): CacheOptions | undefined {
  const kind = typeof cache === "object" ? "dllm-cache" : (cache ?? "none");
  if (refreshEvery !== undefined && kind !== "refresh" && kind !== "fast-dllm")
    throw needs("refreshEvery", wording`${option("refreshEvery")} needs ${option("cache")} refresh or fast-dllm`);
  for (const [name, value] of Object.entries({ refreshChanged, certify }))
    if (value !== undefined && kind !== "refresh")
      throw needs(name, wording`${option(name)} needs ${option("cache")} refresh`);
  switch (kind) {
    case "none":
      return undefined;
    case "refresh":
      return {
        kind,
        every: refreshEvery ?? REFRESH_EVERY,
        changed: refreshChanged ?? REFRESH_CHANGED,
        certify: certify ?? true,
      };
    case "fast-dllm":
      return { kind, every: refreshEvery ?? FAST_DLLM_EVERY };
    case "dllm-cache":
      return { kind, ...(typeof cache === "object" ? cache : DLLM_CACHE) };
  }
}

const needs = (name: string, message: ConstructorParameters<typeof OptionError>[1]) => new OptionError(name, message);

/** @param excluded why the rules of decoding have no use for kept keys and values, if so
 *  @throws OptionError when a number is out of its range, or the cache cannot be used with the other options */
export function checkCache(cache: CacheOptions, given: { cfgScale: number; excluded: string | undefined }): void {
  const { cfgScale, excluded } = given;
  if (cache.kind !== "dllm-cache") {
    const { every } = cache;
    if (!isWholeFrom1(every))
      throw new OptionError(
        "refreshEvery",
        wording`${option("refreshEvery")} must be a whole number from 1, got ${every}`,
      );
    if (cache.kind === "refresh" && !(cache.changed >= 0 && cache.changed <= 1))
      throw new OptionError(
        "refreshChanged",
        wording`${option("refreshChanged")} must be from 0 to 1, got ${cache.changed}`,
      );
    if (excluded !== undefined && every > 1)
      throw new OptionError(
        "cache",
        excluded,
        wording`Leave one of the two out, or use ${option("cache")} dllm-cache.`,
      );
    return;
  }
  const { promptInterval, genInterval, transferRatio } = cache;
  const refuse = (what: string, wanted: string, value: number) =>
    new OptionError("cache", wording`the ${what} of ${option("cache")} must be ${wanted}, got ${value}`);
  if (!isWholeFrom1(promptInterval)) throw refuse("prompt interval", "a whole number from 1", promptInterval);
  if (!isWholeFrom1(genInterval)) throw refuse("generation interval", "a whole number from 1", genInterval);
  if (!(transferRatio >= 0 && transferRatio <= 1)) throw refuse("transfer ratio", "from 0 to 1", transferRatio);
  if (cfgScale > 0)
    throw new OptionError(
      "cache",
      wording`${option("cache")} dllm-cache cannot be used together with ${option("cfgScale")}`,
      wording`Use ${option("cache")} refresh or fast-dllm, which go with it.`,
    );
}

const isWholeFrom1 = (value: number) => Number.isInteger(value) && value >= 1;
