// What an evaluation costs beside plain captions: the same scenes, the same model, the same batch, in turns.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { conditions, median, table } from "./report.mjs";

/** Slower than captions by no more than this. */
const MOST = 1.05;
const BATCH = 8;

/**
 * @param {{ model?: string, scenes: number, repeats: number, threads: number, work: string, log: (line: string) => void }} options
 * @returns {Promise<{ name: string, title: string, text: string, ok: boolean }>}
 */
export async function benchEvaluate({ model, scenes, repeats, threads, work, log }) {
  const program = join(import.meta.dirname, "../packages/rediff/bin/rediff.mjs");
  const folder = mkdtempSync(join(work, "rediff-bench-evaluate-"));
  const run = (/** @type {string[]} */ ...args) => {
    const started = performance.now();
    execFileSync(process.execPath, [program, ...args], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
    return (performance.now() - started) / 1000;
  };
  const asking = [...(model === undefined ? [] : ["--model", model]), "--batch", String(BATCH)];
  const threaded = threads > 0 ? ["--threads", String(threads)] : [];
  try {
    run("scenes", "generate", "--count", String(scenes), "--seed", "9001", "--output", "scenes");
    /** @type {{ caption: number[], evaluate: number[] }} */
    const seconds = { caption: [], evaluate: [] };
    for (let i = 0; i < repeats; i++) {
      const paths = ["scenes/pictures", ...asking, ...threaded];
      seconds.caption.push(run("caption", ...paths, "--output", `captions-${i}.jsonl`));
      const data = ["--data", "scenes/scenes.jsonl", "--output", `run-${i}`];
      seconds.evaluate.push(run("evaluate", "scenes_caption", ...data, ...asking, ...threaded));
      log(`run ${i + 1}: caption ${seconds.caption[i]?.toFixed(1)} s, evaluate ${seconds.evaluate[i]?.toFixed(1)} s`);
    }
    const [caption, evaluate] = [median(seconds.caption), median(seconds.evaluate)];
    const ratio = evaluate / caption;
    const rows = [
      ["command", "seconds", "ms a picture"],
      ["caption", caption.toFixed(1), ((caption / scenes) * 1000).toFixed(1)],
      ["evaluate, with scores and report", evaluate.toFixed(1), ((evaluate / scenes) * 1000).toFixed(1)],
    ];
    return {
      name: "evaluate",
      title: "Evaluation",
      text: [
        `${scenes} scenes, batch ${BATCH}, whole processes, median of ${repeats} runs in turns. Ratio ${ratio.toFixed(3)}.`,
        "",
        table(rows),
        "",
        conditions([]),
      ].join("\n"),
      ok: ratio <= MOST,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
