/** The Describe tab: settings, the two runs that are compared, and the player over them. */
import type { Problem } from "../server/problem.js";
import type { Trace } from "../trace/trace.js";
import type { Player } from "./player.js";
import type { Settings } from "./settings.js";

/** Without revising, as LLaDA-V decodes; and with, as ReDiff does. */
export type RunKind = "plain" | "revising";
export const runKinds: readonly RunKind[] = ["plain", "revising"];

export interface Run {
  status: "running" | "done" | "stopped" | "failed";
  trace: Trace | undefined;
  problem: Problem | undefined;
}

export interface Comparison {
  /** Of this one alone: what still comes of an older one's requests is not put into it. */
  id: symbol;
  created: string;
  model: string;
  prompt: string;
  /** As they were sent, except `revise`. */
  settings: Readonly<Record<string, string | number | boolean>>;
  picture: { name: string; url: string } | undefined;
  runs: Readonly<Record<RunKind, Run>>;
  /** Name of the file it was opened from. */
  file: string | undefined;
}

export interface DescribeState {
  settings: Settings;
  comparison: Comparison | undefined;
  player: Player;
  problem: Problem | undefined;
}

export function isRunning(comparison: Comparison | undefined): boolean {
  return comparison !== undefined && runKinds.some((kind) => comparison.runs[kind].status === "running");
}

/** Passes of the longer run. */
export function lengthOf(comparison: Comparison | undefined): number {
  if (comparison === undefined) return 0;
  return Math.max(...runKinds.map((kind) => comparison.runs[kind].trace?.steps.length ?? 0));
}
