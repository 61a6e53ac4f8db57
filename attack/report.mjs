// What a battery has shown, as tables and as a list of what did not hold.

import { conditions, table } from "../bench/report.mjs";
import { growth } from "./battery.mjs";

/** @typedef {import("./battery.mjs").Outcome} Outcome */

/** What is promised, in milliseconds; `margin` times as much on a machine that does other things too. */
const HEALTH_MS = 50;
const STALL_MS = 250;
const MEMORY = 1.05;

/** @param {readonly number[]} values @param {number} share */
function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/** What a machine that does other things too may add: as often as the margin says, what it takes for nothing at all. With no
 *  margin, nothing. @param {Outcome["rows"][number]["seen"]} seen @param {number} margin @param {number} share */
const noise = ({ late }, margin, share) => (margin - 1) * Math.max(0, percentile([0, ...late], share));

/** A step's time when nobody attacks. @param {Outcome} outcome */
const usualStep = ({ alone }) => percentile(alone.gaps, 0.5);

/** The longest step of a neighbour's answer, beyond what one takes when nobody attacks.
 *  @param {Outcome} outcome @param {Outcome["rows"][number]["seen"]} seen */
const stallOf = (outcome, { gaps }) => Math.max(0, Math.max(0, ...gaps) - usualStep(outcome));

/**
 * What did not hold, each with how to have it again.
 * @param {Outcome} outcome
 * @param {{ margin: number, seed: number }} options
 */
export function violations(outcome, { margin, seed }) {
  const { rows, memory, tensors, restarts, alone, hasSettled, hasEnded, said } = outcome;
  /** @type {{ what: string, repeat: string }[]} */
  const found = [];
  const add = (/** @type {string} */ what, name = "") =>
    found.push({ what: name === "" ? what : `${name}: ${what}`, repeat: `--seed ${seed}${name && ` --only ${name}`}` });
  if (hasEnded) add("the server's process has ended");
  for (const { kind, tally, seen } of rows) {
    for (const what of tally.told) add(what, kind.name);
    if (tally.wrong > tally.told.length) add(`${tally.wrong - tally.told.length} more`, kind.name);
    if (tally.answered < (kind.leastAnswered ?? 0) * tally.tried)
      add(
        `${tally.answered} of ${tally.tried} were answered, fewer than ${(kind.leastAnswered ?? 0) * 100} %`,
        kind.name,
      );
    for (const failure of new Set(seen.failures.slice(0, 5))) add(`a neighbour's ${failure}`, kind.name);
    const health = percentile(seen.health, 0.99);
    const healthLimit = margin * HEALTH_MS + noise(seen, margin, 0.99);
    if (health > healthLimit)
      add(`/health took ${health.toFixed(0)} ms (p99), more than ${healthLimit.toFixed(0)}`, kind.name);
    const stall = stallOf(outcome, seen);
    const stallLimit = margin * STALL_MS + noise(seen, margin, 1);
    if (stall > stallLimit)
      add(`a neighbour's step took ${stall.toFixed(0)} ms more than usual, over ${stallLimit.toFixed(0)}`, kind.name);
  }
  for (const failure of new Set(alone.failures)) add(`before any attack: ${failure}`);
  if (restarts.done !== restarts.asked)
    add(`the model was restarted ${restarts.done} times, ${restarts.asked} were asked for`);
  if (tensors.end.tensors !== tensors.start.tensors)
    add(`${tensors.end.tensors} tensors live at the end, ${tensors.start.tensors} at the start`);
  if (tensors.end.forgotten !== 0) add(`${tensors.end.forgotten} tensors were freed by the garbage collector alone`);
  if (!hasSettled && !hasEnded) add("the server did not become idle and ready at the end");
  const most = 1 + margin * (MEMORY - 1);
  if (growth(memory.end, memory.start) > most)
    add(`memory grew to ${(100 * growth(memory.end, memory.start)).toFixed(0)} %, more than ${Math.round(100 * most)}`);
  for (const line of new Set(said.slice(0, 3))) add(`the server's log has "${line.trim()}"`);
  return found;
}

const ms = (/** @type {number} */ value) => (Number.isNaN(value) ? "-" : value.toFixed(value < 10 ? 1 : 0));
const mib = (/** @type {number} */ bytes) => (bytes / 2 ** 20).toFixed(0);

/**
 * Two tables in Markdown.
 * @param {Outcome} outcome
 * @param {{ seconds: number, seed: number }} options
 */
export function reportText(outcome, { seconds, seed }) {
  const { rows, memory, tensors, restarts, alone } = outcome;
  const line = (/** @type {Outcome["alone"]} */ seen) => [
    ms(percentile(seen.health, 0.99)),
    ms(stallOf(outcome, seen)),
    ms(percentile(seen.late, 0.99)),
    seen.away.length === 0 ? "-" : ms(Math.max(...seen.away)),
    String(seen.captions),
  ];
  const kinds = [
    [
      "kind",
      "tried",
      "refused",
      "answered",
      "left",
      "wrong",
      "/health p99, ms",
      "worst stall, ms",
      "idle thread p99, ms",
      "no model for, ms",
      "captions",
    ],
    ["nobody attacks", "", "", "", "", "", ...line(alone)],
    ...rows.map(({ kind, tally, seen }) => [
      `${kind.name}: ${kind.title}`,
      ...[tally.tried, tally.refused, tally.answered, tally.gone, tally.wrong].map(String),
      ...line(seen),
    ]),
  ];
  const totals = [
    ["", "start", "middle", "end"],
    ["server, MiB resident", ...[memory.start, memory.middle, memory.end].map(({ server }) => mib(server))],
    ["model's process, MiB resident", ...[memory.start, memory.middle, memory.end].map(({ model }) => mib(model))],
    ["live tensors", String(tensors.start.tensors), "", String(tensors.end.tensors)],
    ["restarts asked for, and not", "", "", `${restarts.asked}, ${restarts.done - restarts.asked}`],
  ];
  return `${table(kinds)}\n\n${table(totals)}\n\n${conditions([], [`${seconds} seconds, seed ${seed}, the embedded model`])}.`;
}
