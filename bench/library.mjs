// What an application feels of a model that it uses: the longest gap of its event loop, and seconds for an answer, with the
// model in this process (loadModel) and in one of its own (startModel). A timer asks for its turn every millisecond.

import { join } from "node:path";
import { getThreads, setThreads } from "@rediff/torch";
import { embeddedModelFolder } from "../packages/rediff/dist/embedded.js";
import { loadModel } from "../packages/rediff/dist/inference/vision-language-model.js";
import { startModel } from "../packages/rediff/dist/serving/started/model-start.js";
import { conditions, median, table } from "./report.mjs";

const TICK_MS = 1;

/**
 * @param {{ model?: string, threads?: number, repeats: number, genLength: number, log: (line: string) => void }} options
 * @returns {Promise<{ name: string, title: string, text: string, ok: boolean }>}
 */
export async function benchLibrary({ model = embeddedModelFolder(), threads, repeats, genLength, log }) {
  if (threads !== undefined) setThreads(threads);
  const ways = [
    { name: "in this process (loadModel)", open: () => loadModel(model) },
    { name: "in its own (startModel)", open: () => startModel(model, { threads: threads ?? getThreads() }) },
  ];
  const rows = [["", "longest gap while loading, ms", "longest gap while answering, ms", "seconds for an answer"]];
  for (const { name, open } of ways) {
    let opened;
    const loading = await longestGap(async () => {
      opened = await open();
    });
    const picture = join(import.meta.dirname, "../examples/cat.jpg");
    await opened.describe(picture, { genLength: 2 }); // compiles operators
    const seconds = [];
    let gap = 0;
    for (let repeat = 0; repeat < repeats; repeat++) {
      const began = performance.now();
      gap = Math.max(gap, await longestGap(() => opened.describe(picture, { genLength, seed: repeat })));
      seconds.push((performance.now() - began) / 1000);
      log(`  ${repeat + 1}/${repeats} ${name}: ${gap.toFixed(1)} ms`);
    }
    await opened.close();
    rows.push([name, loading.toFixed(0), gap.toFixed(1), median(seconds).toFixed(3)]);
  }
  const text = `${table(rows)}\n\n${conditions([], [`${threads ?? getThreads()} threads`, `${repeats} answers of ${genLength} tokens`])}`;
  return { name: "library", title: "The event loop of an application", text, ok: true };
}

/** Milliseconds between two turns of a timer, at most, while something is done. */
async function longestGap(work) {
  let longest = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }, TICK_MS);
  try {
    await work();
    longest = Math.max(longest, performance.now() - last);
  } finally {
    clearInterval(timer);
  }
  return longest;
}
