/** What is to be said of a cache: answers with one are approximate. */
import type { CacheReport } from "../../diffusion/cache/cache-budget.js";
import type { Approximated } from "../../inference/answers.js";
import { noteLine } from "./lines.js";

/** On stderr, where a cache or `--fast` was asked for. */
export function noteApproximate({ approximate = [], cache }: Approximated): void {
  const [first, ...others] = approximate;
  if (first === "fast") noteLine(`fast: ${others.join(", ")}`);
  if (cache !== undefined) noteLine(cacheNote(cache));
}

/** On one line: "cache refresh: 3 of 12 passes computed everything; certified" */
export function cacheNote({ kind, on, fullPasses, cachedPasses, bytes, certified }: CacheReport): string {
  if (!on) return `cache ${kind}: no memory for its ${Math.ceil(bytes / 2 ** 20)} MiB, decoded without`;
  const passes = `${fullPasses} of ${fullPasses + cachedPasses} passes computed everything`;
  const end = certified === undefined ? "" : certified ? "; certified" : "; not certified";
  return `cache ${kind}: ${passes}${end}`;
}
