/** `rediff caption` as one of several processes. */
import type { DescribeOptions } from "../../inference/request.js";
import type { VisionLanguageModel } from "../../inference/vision-language-model.js";
import type { ResultOrigin } from "../../pipeline/drafts/result-origin.js";
import type { Place } from "../../ranks/place.js";
import { rankFile } from "../../ranks/rank-files.js";
import { countsSchema, pieceOf } from "../../ranks/shared-work.js";
import { statusOfInputs } from "../exit-status.js";
import type { ModelFlags } from "../options/describe-options.js";
import { openModel } from "../options/load-engine.js";
import { captionAll } from "../output/caption-many.js";
import { mergeResults } from "../output/rank-results.js";
import { ResultsFile } from "../output/results-file.js";
import { listenForInterrupts } from "../terminal/interrupts.js";
import { noteLine } from "../terminal/lines.js";
import { flagsOfRank, joinWork } from "./join-work.js";

interface Asked {
  flags: ModelFlags & { output?: string; batch: number; verbose?: true };
  options: Omit<DescribeOptions, "onTrace">;
  origin: () => Promise<ResultOrigin>;
}

/** Captions what falls to this process; rank 0 puts all results together. */
export async function captionTogether(place: Place, paths: readonly string[], asked: Asked): Promise<void> {
  const { flags, options } = asked;
  const { output = "" } = flags;
  await joinWork(place, async (work) => {
    const origin = await asked.origin();
    await work.begin(() => mergeResults(output, paths, origin));
    const before = await ResultsFile.open(output, origin);
    const own = await ResultsFile.open(rankFile(output, work), origin);
    const isFirst = work.rank === 0;
    const missing = paths.filter((path) => !before.done.has(path)).length;
    if (isFirst && missing < paths.length)
      noteLine(`${paths.length - missing} of ${paths.length} are in ${output} already`);

    const { length, readAhead } = pieceOf(flags.batch);
    const round = work.round("captions", length);
    const todo = [...paths.entries()].filter(([, path]) => !before.done.has(path) && !own.done.has(path));
    using interrupt = listenForInterrupts();
    const { signal } = interrupt;
    let failed = 0;
    let model: VisionLanguageModel | undefined;
    try {
      // Who gets nothing of it loads no model.
      const first = await firstOf(todo, ([place]) => round.isOurs(place));
      if (first !== undefined) {
        model = await openModel(flagsOfRank(flags, place), { pictures: true });
        const groups = todo.slice(first).map(([, path]) => [path]);
        failed = await captionAll(model, groups, {
          options: { ...options, signal, batch: flags.batch, readAhead },
          flags,
          results: { file: own, origin },
          isOurs: (nth) => round.isOurs(todo[first + nth]?.[0] ?? 0),
        });
      }
    } finally {
      model?.[Symbol.dispose]();
      await own.close();
    }
    const reports = await round.end({ failed }, countsSchema, signal);
    if (reports === undefined) return;
    await mergeResults(output, paths, origin);
    const failures = reports.reduce((sum, report) => sum + (report.failed ?? 0), 0);
    if (failures === 0) return;
    process.exitCode = statusOfInputs(failures, paths.length);
    noteLine(`rediff: ${failures} of ${missing} failed`);
  });
}

async function firstOf<T>(items: readonly T[], isWanted: (item: T) => Promise<boolean>): Promise<number | undefined> {
  for (const [i, item] of items.entries()) if (await isWanted(item)) return i;
  return undefined;
}
