// @ts-check
/** Which blocks of the packages' code ran, by V8's own counters: what finds something new is worth changing further. */
import { Session } from "node:inspector";

/** @typedef {import("node:inspector").Profiler.FunctionCoverage} FunctionCoverage */

/** In this process, from here on. Code that was loaded before is seen as well. */
export function startCoverage() {
  const session = new Session();
  session.connect();
  session.post("Profiler.enable");
  session.post("Profiler.startPreciseCoverage", { callCount: false, detailed: true });
  /** @type {Set<string>} */
  const seen = new Set();
  /** By script: each character that ran. @type {Map<string, Uint8Array>} */
  const scripts = new Map();

  /** @param {string} url @param {FunctionCoverage} fn */
  const paint = (url, { ranges }) => {
    const end = ranges[0]?.endOffset ?? 0;
    let ran = scripts.get(url);
    if (ran === undefined || ran.length < end) {
      const longer = new Uint8Array(end);
      if (ran !== undefined) longer.set(ran);
      ran = longer;
      scripts.set(url, ran);
    }
    // Ranges lie in each other, the outer one first: what a later one does not take back has run.
    const now = new Uint8Array(end);
    for (const { startOffset, endOffset, count } of ranges) now.fill(count > 0 ? 1 : 0, startOffset, endOffset);
    for (let i = ranges[0]?.startOffset ?? 0; i < end; i++) ran[i] = (ran[i] ?? 0) | (now[i] ?? 0);
  };

  return {
    /** Since the last call. @returns {boolean} whether something ran in a way that was not seen before */
    take() {
      let isNew = false;
      session.post("Profiler.takePreciseCoverage", (_error, { result }) => {
        for (const { url, functions } of result) {
          if (!url.startsWith("file:") || !url.includes("/packages/")) continue;
          for (const fn of functions) {
            if (fn.ranges[0]?.count === 0) continue;
            const key = `${url} ${fn.ranges.map((r) => `${r.startOffset}${r.count > 0 ? "+" : "-"}`).join("")}`;
            if (seen.has(key)) continue;
            seen.add(key);
            isNew = true;
            paint(url, fn);
          }
        }
      });
      return isNew;
    },
    /** How much of the files has run, by characters; NaN where none of them was loaded.
     *  @param {readonly string[]} files ends of paths */
    share(files) {
      let [ran, all] = [0, 0];
      for (const [url, painted] of scripts) {
        if (!files.some((file) => url.endsWith(file))) continue;
        all += painted.length;
        ran += painted.reduce((sum, one) => sum + one, 0);
      }
      return ran / all;
    },
  };
}
