/** A check's findings as text for people. */
import type { CheckReport } from "./check-data.js";

const BAR_WIDTH = 30;

export function formatCheckReport(report: CheckReport): string {
  const { records, checked, bad, modalities, pictures, forms, pairs, rows, maxLength, cut } = report;
  const lines = [
    checked === records ? `${count(records, "record")}` : `${checked} of ${count(records, "record")} looked at`,
    ...fileLines(report),
    "",
    `${modalities.image} with pictures (${count(pictures, "picture")}), ${modalities.video} with a video, ${modalities.text} text-only`,
  ];
  if (forms > 0) lines.push(`${count(forms, "form")} with blanks: only these are learnt`);
  const pairCount = pairs.found + pairs.length_differs + pairs.not_found;
  if (pairCount > 0) {
    lines.push(
      `${count(pairCount, "revise pair")}: ${pairs.found} found, ${pairs.not_found} not found, ${pairs.length_differs} of unequal token counts`,
    );
  }
  if (rows.histogram.length > 0) {
    lines.push("", `positions per sample, pictures included: median ${rows.median}, largest ${rows.largest}`);
    lines.push(...barLines(rows.histogram));
    if (cut > 0) lines.push(`${cut} longer than max_length ${maxLength}, which lose their end`);
  }
  for (const { title, count: found, examples } of [...report.notes, ...report.problems]) {
    lines.push("", `${title}: ${found}`, ...examples.map((example) => `  ${example}`));
    if (found > examples.length) lines.push(`  and ${found - examples.length} more`);
  }
  lines.push("", bad === 0 ? "no record has a fault" : `${count(bad, "record")} would be skipped in training`);
  return lines.join("\n");
}

/** Of thousands of shards, only those with faults are worth a line. */
function fileLines({ sources }: CheckReport): string[] {
  const many = sources.length > 20;
  const shown = many ? sources.filter(({ bad }) => bad > 0).slice(0, 20) : sources;
  const lines = shown.map(
    ({ file, records, bad }) => `  ${file}: ${records}${bad > 0 ? `, ${count(bad, "record")} with faults` : ""}`,
  );
  return many ? [`  in ${sources.length} files`, ...lines] : lines;
}

function barLines(bins: readonly { upTo: number; count: number }[]): string[] {
  const most = Math.max(...bins.map((bin) => bin.count));
  const width = String(bins.at(-1)?.upTo ?? 0).length;
  return bins.map(({ upTo, count: found }) => {
    const bar = "#".repeat(Math.ceil((found / most) * BAR_WIDTH)).padEnd(BAR_WIDTH);
    return `  to ${String(upTo).padStart(width)}  ${bar}  ${found}`;
  });
}

const count = (amount: number, noun: string): string => `${amount} ${noun}${amount === 1 ? "" : "s"}`;
