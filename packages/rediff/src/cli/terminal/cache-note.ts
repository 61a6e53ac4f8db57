/** What is to be said of a cache: answers with one are approximate. */
import type { CacheReport } from "../../diffusion/cache/cache-budget.js";
import { noteLine } from "./lines.js";

/** On stderr, where one was asked for. */
export function noteCache(report: CacheReport | undefined): void {
  if (report !== undefined) noteLine(cacheNote(report));
}

/** On one line: "cache refresh: 3 of 12 passes computed everything; certified" */
export function cacheNote({ kind, on, fullPasses, cachedPasses, bytes, certified }: CacheReport): string {
  if (!on) return `cache ${kind}: no memory for its ${Math.ceil(bytes / 2 ** 20)} MiB, decoded without`;
  const passes = `${fullPasses} of ${fullPasses + cachedPasses} passes computed everything`;
  const end = certified === undefined ? "" : certified ? "; certified" : "; not certified";
  return `cache ${kind}: ${passes}${end}`;
}
