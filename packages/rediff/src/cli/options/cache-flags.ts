/** The options about what is kept of earlier forward passes. */
import { type Command, InvalidArgumentError } from "commander";
import { type CacheKind, cacheKinds, type FeatureCacheOptions } from "../../diffusion/cache/cache-options.js";
import type { DescribeOptions } from "../../inference/request.js";
import { decimal, given, whole } from "./parse-values.js";

export interface CacheFlags {
  cache?: CacheKind | FeatureCacheOptions;
  refreshEvery?: number;
  refreshChanged?: number;
  /** Has a flag that takes it away. */
  certify?: boolean;
  fast?: true;
}

export function addCacheOptions(command: Command): Command {
  return command
    .option(
      "--cache <KIND>",
      "keep keys and values of earlier passes, approximate and faster: none, refresh, fast-dllm, dllm-cache or its KP,KR,RHO (default none)",
      cacheKind,
    )
    .option(
      "--refresh-every <K>",
      "passes from one that computes everything to the next (default 8; fast-dllm 32)",
      whole(1),
    )
    .option(
      "--refresh-changed <F>",
      "or when this share of the answer's tokens has changed, 0 to 1 (default 0.25; 1 is never)",
      decimal,
    )
    .option(
      "--fast",
      "approximate options that go together: --cache refresh, where masks are filled --threshold 0.7, on the CPU --quantize int8 (docs/speed.md)",
    )
    .option("--no-certify", "with --cache refresh: leave out the pass without it that ends what is revised");
}

/** A kind, or dLLM-Cache's three numbers. */
function cacheKind(text: string): CacheKind | FeatureCacheOptions {
  const kind = cacheKinds.find((name) => name === text);
  if (kind !== undefined) return kind;
  const [promptInterval, genInterval, transferRatio, ...more] = text.split(",").map(Number);
  if (promptInterval === undefined || genInterval === undefined || transferRatio === undefined || more.length > 0)
    throw new InvalidArgumentError(`It must be ${cacheKinds.join(", ")} or KP,KR,RHO, such as 25,7,0.25.`);
  return { promptInterval, genInterval, transferRatio };
}

export function cacheOptions({ cache, refreshEvery, refreshChanged, certify, fast }: CacheFlags): DescribeOptions {
  return { ...given({ cache, refreshEvery, refreshChanged, fast }), ...(certify === false && { certify }) };
}
