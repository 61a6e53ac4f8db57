/** What the folder of a loop tells of it, while it is at work or later, and whoever made it: its rounds so far, and where the
 *  training of the newest one lies. Nothing is written, no lock is taken. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { readRegularSync } from "../../files/regular-file.js";
import { parseShallowJson } from "../../options/shallow-json.js";
import { METRICS_FILE } from "../../training/logging/metrics-log.js";
import { roundFiles } from "./loop-folders.js";
import { type Stage, stages } from "./loop-state.js";

const count = z.number();
const figure = z.number().nullable();

/** Of a round's report, what the tables show. */
const roundSchema = z.object({
  draft: z.object({ drafts: count }).optional(),
  correct: z.object({ total: z.object({ right: count, corrected: count }) }).optional(),
  select: z.object({ kept: count, pairs: z.object({ kept: count, total: count }) }).optional(),
  train: z.object({ corrections: count, extra: count, steps: count, loss: figure }).optional(),
  evaluate: z
    .object({
      measures: z.array(z.string()),
      decoding: z.array(
        z.object({
          steps: count,
          scenes: z.object({ values: z.record(z.string(), figure) }).optional(),
          expert: z.object({ right: figure, edits: figure }).optional(),
        }),
      ),
      loss: z.object({ loss: count }).optional(),
    })
    .optional(),
});

export type ShownRound = z.output<typeof roundSchema> & { round: number };

const stateSchema = z.object({ rounds: z.array(roundSchema) });

export interface LoopProgress {
  rounds: ShownRound[];
  /** Whether a process is at work in the folder: its lock was touched within a minute. */
  isAtWork: boolean;
  /** Of the newest round: what is done. */
  done: { round: number; stages: Stage[] };
  /** The folder of the newest training that has begun. */
  training: string | undefined;
}

const MOST_BYTES = 1 << 28;
/** The lock is touched every few seconds. */
const AT_WORK_MS = 60_000;
const NAME = /^round-(\d{1,6})$/;

/** undefined for a folder that is none of a loop. */
export function readLoop(folder: string): LoopProgress | undefined {
  const numbers = roundsIn(folder);
  const state = readJson(join(folder, "improve.json"), stateSchema);
  if (numbers.length === 0 && state === undefined) return undefined;
  const newest = Math.max(0, (state?.rounds.length ?? 0) - 1, ...numbers);
  const rounds: ShownRound[] = [];
  for (const round of new Set([...(state?.rounds.keys() ?? []), ...numbers])) {
    const report = state?.rounds[round] ?? readJson(roundFiles(folder, round).report, roundSchema);
    if (report !== undefined && Object.keys(report).length > 0) rounds.push({ ...report, round });
  }
  rounds.sort((a, b) => a.round - b.round);
  const report = rounds.find(({ round }) => round === newest);
  return {
    rounds,
    isAtWork: isTouched(join(folder, "improve.lock")),
    done: { round: newest, stages: stages.filter((stage) => report?.[stage] !== undefined) },
    training: [...numbers].reverse().flatMap((round) => trainingIn(folder, round))[0],
  };
}

function roundsIn(folder: string): number[] {
  try {
    return readdirSync(folder)
      .flatMap((name) => NAME.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b);
  } catch {
    return []; // no folder, or none that may be read: the caller says so
  }
}

/** Whoever learnt it, before it is averaged, or the round's model. */
function trainingIn(folder: string, round: number): string[] {
  const { trained, model } = roundFiles(folder, round);
  return [trained, model].filter((each) => existsSync(join(each, METRICS_FILE)) || existsSync(join(each, ".lock")));
}

function isTouched(lock: string): boolean {
  const touched = statSync(lock, { throwIfNoEntry: false })?.mtimeMs;
  return touched !== undefined && Date.now() - touched < AT_WORK_MS;
}

function readJson<T>(path: string, schema: z.ZodType<T>): T | undefined {
  try {
    const bytes = readRegularSync(path, { expected: "the report of a loop", most: MOST_BYTES });
    return schema.safeParse(parseShallowJson(bytes.toString("utf8"))).data;
  } catch {
    return undefined; // not there yet, or none of ours
  }
}
