/** What a run of corrections did and cost, for people. */

import { UserError } from "../../errors.js";
import { unusableAnswers } from "../../pipeline/correction/answer-kind.js";
import { type AnswerTotals, type CorrectionReport, sum } from "../../pipeline/correction/correction-report.js";
import { type FailureReason, failureReasons } from "../../pipeline/correction/failed-file.js";
import { formatDuration } from "../../units.js";
import { PartlyFailed } from "../exit-status.js";
import { dropLines } from "./reason-counts.js";

export function reportText(report: CorrectionReport): string {
  const { run, total } = report;
  const others = [
    [report.answered_before, "answered before"],
    [report.duplicates, "asked as another draft"],
    [report.empty, "without text"],
    [sum(report.failed), "failed"],
    [report.not_asked, "not asked"],
  ] as const;
  const lines = [
    `${report.output}: ${[
      `${run.answers} of ${report.drafts} drafts answered`,
      ...others.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`),
    ].join(", ")}`,
    ...(run.answers > 0 ? shareLines(run) : []),
    `  ${report.requests} requests to ${report.expert_host} in ${formatDuration(report.seconds)}${costText(run, report.unconfirmed_cost)}`,
    ...(total.answers > run.answers ? [`  in the file: ${total.answers} answers${costText(total, null)}`] : []),
    ...(report.stopped === "budget" ? ["  the next request could exceed the budget"] : []),
  ];
  return lines.join("\n");
}

function shareLines(run: AnswerTotals): string[] {
  const share = (count: number) => `${count} (${((100 * count) / run.answers).toFixed(1)}%)`;
  const { right, corrected, unusable } = run;
  return [
    `  right ${share(right)}, corrected ${share(corrected)}, unusable ${share(sum(unusable))}`,
    ...dropLines("unusable", unusable, unusableAnswers),
  ];
}

function costText(totals: AnswerTotals, unconfirmed: number | null): string {
  const money = (amount: number) => amount.toFixed(amount < 1 ? 4 : 2);
  return [
    `, ${totals.prompt_tokens} prompt and ${totals.completion_tokens} completion tokens`,
    ...(totals.without_usage > 0 ? [` (${totals.without_usage} answers did not say)`] : []),
    ...(totals.cost !== null ? [`, cost ${money(totals.cost)}`] : []),
    ...(unconfirmed ? [` and up to ${money(unconfirmed)} for requests whose answer got lost`] : []),
  ].join("");
}

/** @throws UserError when drafts failed */
export function complain({ failed, failed_file, drafts }: CorrectionReport): void {
  const count = sum(failed);
  if (count === 0) return;
  const reasons = Object.entries(failed).map(
    ([reason, number]) => `${number}: ${failureReasons[reason as FailureReason]}`,
  );
  const Failure = count < drafts ? PartlyFailed : UserError;
  throw new Failure(
    `${count} of ${drafts} drafts failed (${reasons.join("; ")}), see ${failed_file}`,
    "Run the same command again to try them again.",
  );
}
