/** What is to be said of an answer that is approximate, and of the cache that it had. */
import type { CacheReport } from "../../diffusion/cache/cache-budget.js";
import type { Approximated } from "../../inference/answers.js";
import { noteLine } from "./lines.js";

/** On stderr, where weights are rounded, or a cache or `--fast` was asked for. */
export function noteApproximate(answer: Approximated): void {
  for (const line of approximateNotes(answer)) noteLine(line);
}

/** "fast: quantize int8, cache refresh, rule threshold", or "approximate: quantize int8" of rounded weights, which may be the
 *  folder's and nobody's choice here; then what became of the cache. */
export function approximateNotes({ approximate = [], cache }: Approximated): string[] {
  const [first, ...others] = approximate;
  const isRounded = approximate.some((name) => name.startsWith("quantize "));
  const named = approximate.filter((name) => name !== `cache ${cache?.kind}`); // it has a line of its own
  return [
    ...(first === "fast" ? [`fast: ${others.join(", ")}`] : isRounded ? [`approximate: ${named.join(", ")}`] : []),
    ...(cache === undefined ? [] : [cacheNote(cache)]),
  ];
}

/** On one line: "cache refresh: 3 of 12 passes computed everything; certified" */
export function cacheNote({ kind, on, fullPasses, cachedPasses, bytes, certified }: CacheReport): string {
  if (!on) return `cache ${kind}: no memory for its ${Math.ceil(bytes / 2 ** 20)} MiB, decoded without`;
  const passes = `${fullPasses} of ${fullPasses + cachedPasses} passes computed everything`;
  const end = certified === undefined ? "" : certified ? "; certified" : "; not certified";
  return `cache ${kind}: ${passes}${end}`;
}
