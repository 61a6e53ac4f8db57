// @ts-check
/** What came of the targets, as text. */

/** @typedef {import("./fuzz-runner.mjs").Outcome} Outcome */

const HEADS = ["target", "inputs", "accepted", "refused", "slowest", "memory", "coverage", "kept", "time", ""];

/** @param {Outcome} outcome */
function row({ name, report, findings, seconds }) {
  const end = findings.length === 0 ? "" : `${findings.length} found`;
  if (report === undefined) return [name, "-", "-", "-", "-", "-", "-", "-", `${seconds.toFixed(1)} s`, end];
  const share = Number.isNaN(report.coverage) ? "-" : `${Math.round(report.coverage * 100)} %`;
  return [
    name,
    String(report.inputs),
    String(report.accepted),
    String(report.refused),
    `${report.slowestMs.toFixed(report.slowestMs < 10 ? 1 : 0)} ms`,
    `${(report.peakBytes / 2 ** 20).toFixed(0)} MiB`,
    share,
    String(report.kept),
    `${seconds.toFixed(1)} s`,
    end,
  ];
}

/** @param {readonly Outcome[]} outcomes */
export function table(outcomes) {
  const rows = [HEADS, ...outcomes.map(row)];
  const widths = HEADS.map((_, i) => Math.max(...rows.map((cells) => cells[i]?.length ?? 0)));
  return rows
    .map((cells) => cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))))
    .map((cells) => cells.join("  ").trimEnd());
}

/** Findings of one target, each with the command that repeats it. @param {Outcome} outcome */
export const told = ({ name, findings }) =>
  findings.map(({ kind, what, repeat }) => `${name}: ${kind}: ${what}\n    ${repeat}`);
