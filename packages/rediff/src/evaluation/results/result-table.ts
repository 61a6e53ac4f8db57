/** Results for people in a terminal. */

import type { EvaluationResult } from "../running/evaluation-result.js";
import type { Counts } from "../task-scores.js";
import type { ComparedTask } from "./compare-runs.js";

/** @returns rows in columns that stand below each other */
export function columns(rows: readonly (readonly string[])[], right: ReadonlySet<number> = new Set()): string {
  const widths = rows.reduce<number[]>((most, row) => row.map((cell, i) => Math.max(cell.length, most[i] ?? 0)), []);
  return rows
    .map((row) =>
      row.map((cell, i) => (right.has(i) ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0))).join("  "),
    )
    .map((line) => line.trimEnd())
    .join("\n");
}

const DIGITS = 4;
export const shownNumber = (value: number | null | undefined): string =>
  value === null || value === undefined || !Number.isFinite(value)
    ? "-"
    : value.toFixed(Math.abs(value) >= 100 ? 1 : DIGITS);

const words: Readonly<Record<keyof Counts, string>> = {
  answers: "answers",
  unreadable: "unreadable",
  random: "drawn by chance",
  judged: "judged",
  judge_failed: "without the judge's reply",
  failed: "failed, counted as wrong",
};

/** "50 answers, 2 unreadable" */
export function countsText(counts: Readonly<Record<string, number>>): string {
  return Object.entries(words)
    .filter(([key]) => key === "answers" || (counts[key] ?? 0) > 0)
    .map(([key, word]) => `${counts[key] ?? 0} ${word}`)
    .join(", ");
}

/** One line a metric, and below it what the number does not say. */
export function resultTable(results: readonly EvaluationResult[]): string {
  const head = ["task", "protocol", "metric", "value", "stderr"];
  const rows = results.flatMap(({ task, protocol, scores, lowerIsBetter, clustered }) => {
    const metrics = Object.entries(scores?.metrics ?? {});
    if (metrics.length === 0)
      return [[task, protocol, scores === undefined ? "(not scored)" : "(a server scores it)", "-", "-"]];
    return metrics.map(([metric, value], i) => [
      i === 0 ? task : "",
      i === 0 ? protocol : "",
      `${metric}${lowerIsBetter.includes(metric) ? " (less is better)" : ""}`,
      shownNumber(value),
      shownNumber(clustered[metric] ?? scores?.stderr[metric] ?? scores?.drawnStderr?.[metric]),
    ]);
  });
  const table = columns([head, ...rows], new Set([3, 4]));
  return [table, "", ...results.flatMap(remarks)].join("\n").trimEnd();
}

function remarks(result: EvaluationResult): string[] {
  const { task, scores, samples, metric, withoutFailed, withoutLuck } = result;
  const how = approximateText(result);
  if (scores === undefined) return [`${task}: ${samples.filter(({ reply }) => reply !== null).length} answers`, ...how];
  const beside = [
    ...(withoutFailed === undefined ? [] : [`without those that failed ${shownNumber(withoutFailed.metrics[metric])}`]),
    ...(withoutLuck === undefined ? [] : [`with drawn letters as wrong ${shownNumber(withoutLuck.metrics[metric])}`]),
  ];
  const parts = Object.entries(scores.subScores).map(([facet, values]) => {
    const listed = Object.entries(values).map(
      ([value, { score, count }]) => `${value} ${shownNumber(score)} (${count})`,
    );
    return `  ${facet}: ${listed.slice(0, 12).join(", ")}${listed.length > 12 ? `, and ${listed.length - 12} more` : ""}`;
  });
  return [`${task}: ${[countsText(scores.counts), ...beside].join("; ")}`, ...how, ...parts];
}

/** "  approximate: fast, cache refresh, rule threshold; cache refresh: 48 of 50 answers certified, 1 decoded without" */
function approximateText({ approximate, samples }: Pick<EvaluationResult, "approximate" | "samples">): string[] {
  const caches = samples.flatMap(({ cache }) => cache ?? []);
  const [first] = caches;
  if (approximate === undefined && first === undefined) return [];
  const judged = caches.filter(({ certified }) => certified !== undefined);
  const without = caches.filter(({ on }) => !on).length;
  const parts = [
    ...(judged.length > 0
      ? [`${judged.filter(({ certified }) => certified).length} of ${judged.length} answers certified`]
      : []),
    ...(without > 0 ? [`no memory for it in ${without} of ${caches.length} answers, decoded without`] : []),
  ];
  const cache = first !== undefined && parts.length > 0 ? [`cache ${first.kind}: ${parts.join(", ")}`] : [];
  const names = approximate === undefined ? [] : [`approximate: ${approximate.join(", ")}`];
  return names.length + cache.length === 0 ? [] : [`  ${[...names, ...cache].join("; ")}`];
}

/** Second less first, with what chance in the choice of documents may do; and the documents that differ most plainly. */
export function comparisonTable(tasks: readonly ComparedTask[], shown = 5): string {
  const head = ["task", "metric", "first", "second", "difference", "95 %"];
  const rows = tasks.flatMap(({ task, metrics }) =>
    metrics.map(({ metric, first, second, difference, interval }, i) => [
      i === 0 ? task : "",
      metric,
      ...[first, second, difference].map(shownNumber),
      interval === null ? "-" : `${shownNumber(interval[0])} to ${shownNumber(interval[1])}`,
    ]),
  );
  const remarks = tasks.flatMap(({ task, documents, unpaired, better, worse, different }) => [
    `${task}: ${documents} documents of both runs, the second is better in ${better}, worse in ${worse}${unpaired > 0 ? `; ${unpaired} are in one run only` : ""}`,
    ...different
      .slice(0, shown)
      .map(
        ({ index, target, replies: [one, other], scores: [a, b] }) =>
          `  document ${index}: ${oneLine(one)} (${shownNumber(a)}) -> ${oneLine(other)} (${shownNumber(b)}); truth: ${oneLine(target)}`,
      ),
    ...(different.length > shown ? [`  and ${different.length - shown} more that differ (--json lists them)`] : []),
  ]);
  return [columns([head, ...rows], new Set([2, 3, 4, 5])), "", ...remarks].join("\n");
}

const oneLine = (text: string | null): string => {
  const line = (text ?? "no answer").replace(/\s+/g, " ").trim();
  return JSON.stringify(line.length > 60 ? `${line.slice(0, 57)}...` : line);
};
