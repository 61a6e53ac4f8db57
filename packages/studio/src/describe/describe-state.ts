/** The Describe tab: settings, the two runs that are compared, and the player over them. */
import type { Facts } from "../../../rediff/src/scenes/world/facts.js";
import type { Model, PassProgress } from "../server/messages.js";
import type { Problem } from "../server/problem.js";
import type { Span } from "../text/spans.js";
import type { Trace } from "../trace/trace.js";
import type { Player } from "./player.js";
import type { Settings } from "./settings.js";

/** Where a word that is written stays, and where it may be revised. */
export type RunKind = "plain" | "revising";
export const runKinds: readonly RunKind[] = ["plain", "revising"];

export interface Run {
  status: "running" | "done" | "stopped" | "failed";
  trace: Trace | undefined;
  problem: Problem | undefined;
  /** Words of the question that the model cannot read. */
  unread?: readonly Span[] | undefined;
  /** Of the pass under way, where it takes long. */
  progress?: PassProgress | undefined;
}

/** Who answers on a side. */
export interface Side {
  /** Id of the model in the API. */
  model: string;
  /** For people; says whether it may revise where both sides have one model. */
  title: string;
  note: string;
}
export type Sides = Readonly<Record<RunKind, Side>>;

export interface Comparison {
  /** Of this one alone: what still comes of an older one's requests is not put into it. */
  id: symbol;
  created: string;
  sides: Sides;
  prompt: string;
  /** As they were sent, except `revise`. */
  settings: Readonly<Record<string, string | number | boolean>>;
  /** As the page had them; unknown of a file's. */
  asked?: Settings | undefined;
  picture: { name: string; url: string } | undefined;
  /** Tells the picture from others that are chosen later; undefined of a file's. */
  pictureKey: string | undefined;
  /** What is true of a composed scene, where the model knows such scenes. */
  facts: Facts | undefined;
  runs: Readonly<Record<RunKind, Run>>;
  /** Name of the file it was opened from. */
  file: string | undefined;
}

export interface DescribeState {
  settings: Settings;
  /** Id of the model on the left; undefined for the usual one. */
  baseline: string | undefined;
  comparison: Comparison | undefined;
  player: Player;
  problem: Problem | undefined;
}

export function isRunning(comparison: Comparison | undefined): boolean {
  return comparison !== undefined && runKinds.some((kind) => comparison.runs[kind].status === "running");
}

/** Words of the question that the answering model cannot read, or else the one that it is compared with; each once. */
export function unreadWords({ runs }: Comparison): string[] {
  const spans = runs.revising.unread ?? runs.plain.unread ?? [];
  return [...new Set(spans.map(({ text }) => text))];
}

/** Passes of the longer run. */
export function lengthOf(comparison: Comparison | undefined): number {
  if (comparison === undefined) return 0;
  return Math.max(...runKinds.map((kind) => comparison.runs[kind].trace?.steps.length ?? 0));
}

/** The models that the answering one can be compared with: the others, then itself without revising. */
export function baselinesOf(models: readonly Model[], own: Model | undefined): readonly Model[] {
  return own === undefined ? [] : [...models.filter((model) => model !== own), own];
}

/** Left the chosen model, which may not revise; right the one that answers, which may. */
export function sidesOf(
  models: readonly Model[],
  own: Model | undefined,
  baseline: string | undefined,
): Sides | undefined {
  const candidates = baselinesOf(models, own);
  const left = candidates.find(({ id }) => id === baseline) ?? candidates[0];
  if (own === undefined || left === undefined) return undefined;
  return {
    plain:
      left === own
        ? {
            model: own.id,
            title: `${own.rediff.title}, not revising`,
            note: "The same model as on the right, which may not revise here",
          }
        : {
            model: left.id,
            title: left.rediff.title,
            note: left.rediff.revises
              ? "Another model, which may not revise here"
              : "Not trained to revise: a word that is written stays",
          },
    revising: {
      model: own.id,
      title: `${own.rediff.title}, revising`,
      note: own.rediff.revises
        ? "Trained to revise what it wrote"
        : "Written words may be revised; it was not trained to",
    },
  };
}
