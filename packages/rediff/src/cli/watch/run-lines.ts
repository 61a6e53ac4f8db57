/** What is told of one run, in lines. */
import { figure } from "../../training/curves/loss-chart.js";
import type { HeldOut, RunSummary } from "../../training/watch/run-summary.js";
import { formatDuration, formatRate } from "../../units.js";
import type { PaintedLine } from "./painted-line.js";

/** @param paint the run's colour; none where there is one run only
 *  @param now milliseconds since 1970 */
export function runLines(run: RunSummary, paint: number | undefined, now: number): PaintedLine[] {
  const rows: (readonly [string, string])[] = [["loss", lossText(run)]];
  const terms = termsText(run.terms);
  if (terms !== "") rows.push(["terms", terms]);
  if (run.learning_rate !== null) rows.push(["rate", rateText(run)]);
  if (run.held_out !== null) rows.push(["held out", heldOutText(run.held_out, run.best_held_out)]);
  if (run.checkpoint !== null && run.state !== "finished") rows.push(["saved", run.checkpoint]);
  for (const note of notes(run)) rows.push(["note", note]);
  return [
    [{ text: run.folder, paint }, { text: `: ${stateText(run, now)}` }],
    ...rows.map(([name, text]): PaintedLine => [{ text: `  ${name.padEnd(8)}  `, paint: "faint" }, { text }]),
  ];
}

function stateText({ state, step, total_steps: total, process, seconds_left: left, updated }: RunSummary, now: number) {
  const parts: string[] = [process === null || state === "finished" ? state : `${state} (process ${process.pid})`];
  if (step !== null) parts.push(`step ${step}${total === null ? "" : ` of ${total}${percent(step, total)}`}`);
  if (left !== null && left > 0) parts.push(`${formatDuration(left)} left`);
  if (updated !== null) parts.push(`last line ${agoText(updated, now)}`);
  return parts.join(", ");
}

const percent = (step: number, total: number): string => (total > 0 ? ` (${Math.floor((100 * step) / total)}%)` : "");

/** Clocks of two machines differ a little. */
export function agoText(time: string, now: number): string {
  const seconds = Math.max(0, (now - Date.parse(time)) / 1000);
  const days = Math.floor(seconds / 86_400);
  return `${days >= 2 ? `${days} days` : formatDuration(Math.floor(seconds))} ago`;
}

function lossText({ loss, loss_smoothed: mean, step }: RunSummary): string {
  if (step === null) return "no step is logged yet";
  const last = loss === null ? "not finite" : figure(loss);
  return `${mean === null ? "" : `${figure(mean)} smoothed, `}${last} in the last step`;
}

function rateText(run: RunSummary): string {
  const parts = [formatRate(run.learning_rate ?? 0)];
  if (run.gradient_norm !== null) parts.push(`gradient norm ${run.gradient_norm.toPrecision(3)}`);
  if (run.samples_per_second !== null) parts.push(`${run.samples_per_second.toPrecision(3)} samples/s`);
  if (run.tokens_per_second !== null) parts.push(`${Math.round(run.tokens_per_second)} tokens/s`);
  if (run.epoch !== null) parts.push(`epoch ${run.epoch.toFixed(2)}`);
  return parts.join(", ");
}

function heldOutText(last: HeldOut, best: HeldOut | null): string {
  const loss = last.loss === null ? "not finite" : figure(last.loss);
  const samples = last.samples === null ? "" : `, ${last.samples} samples`;
  const better =
    best === null || best.loss === null || best.step === last.step
      ? ""
      : `, the least ${figure(best.loss)} after step ${best.step}`;
  const terms = termsText(last.terms);
  return `${loss} after step ${last.step}${better}${samples}${terms === "" ? "" : ` (${terms})`}`;
}

/** Where there are several, which add up to the loss. */
function termsText(terms: RunSummary["terms"]): string {
  const shown = Object.entries(terms);
  return shown.length < 2 ? "" : shown.map(([name, value]) => `${name} ${value.toFixed(3)}`).join(", ");
}

function notes({ not_finite, unreadable_lines }: RunSummary): string[] {
  return [
    ...(not_finite > 0 ? [`the loss of ${counted(not_finite, "step")} was no finite number`] : []),
    ...(unreadable_lines > 0 ? [`${counted(unreadable_lines, "line")} of metrics.jsonl could not be read`] : []),
  ];
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`;
