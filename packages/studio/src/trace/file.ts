/** Comparisons as files: what was asked, and both runs step by step. Whoever opens one needs no server. */
import * as z from "zod/mini";
import { allPositions, type Facts, type Position } from "../../../rediff/src/scenes/world/facts.js";
import { findName } from "../../../rediff/src/scenes/world/object-names.js";
import type { Sides } from "../describe/describe-state.js";
import { parse, parseJson, traceSchema } from "../server/messages.js";
import { Problem } from "../server/problem.js";
import { addEvent, type Trace } from "./trace.js";

const side = z.object({ model: z.string(), title: z.string(), note: z.string() });

export const factsSchema: z.ZodMiniType<Facts> = z.object({
  objects: z.array(
    z.object({
      name: z.string().check(z.refine((name) => findName(name) !== undefined, "no name of the scene world")),
      count: z.int().check(z.minimum(1), z.maximum(4)),
      position: z.enum(allPositions as [Position, ...Position[]]),
      size: z.optional(z.enum(["small", "large"])),
    }),
  ),
  background: z.string(),
});

export const comparisonSchema: z.ZodMiniType<ReturnType<typeof fileOf>> = z.object({
  format: z.literal("rediff-comparison"),
  version: z.literal(1),
  created: z.string(),
  model: z.string(),
  sides: z.optional(z.object({ plain: side, revising: side })),
  prompt: z.string(),
  settings: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  picture: z.optional(z.object({ name: z.string(), url: z.string().check(z.regex(/^data:image\/[a-z+.-]+;base64,/)) })),
  /** What is true of a composed scene. */
  facts: z.optional(factsSchema),
  runs: z.object({ plain: z.optional(traceSchema), revising: z.optional(traceSchema) }),
});

export interface SavedComparison {
  /** ISO date. */
  created: string;
  /** The one that revises. */
  model: string;
  /** Absent in files of earlier versions, where one model ran on both sides. */
  sides?: Sides | undefined;
  prompt: string;
  /** As they were sent. */
  settings: Readonly<Record<string, string | number | boolean>>;
  picture?: { name: string; url: string } | undefined;
  facts?: Facts | undefined;
  runs: { plain?: Trace | undefined; revising?: Trace | undefined };
}

export function fileOf(saved: SavedComparison) {
  return { format: "rediff-comparison" as const, version: 1 as const, ...saved };
}

export function writeComparison(saved: SavedComparison): string {
  return `${JSON.stringify(fileOf(saved), undefined, 1)}\n`;
}

/** @throws Problem that says what is wrong with the file */
export function readComparison(text: string): SavedComparison {
  const value = parseJson(text);
  if (value === undefined) throw new Problem("bad-file", "It is not JSON. Choose a file saved with Save trace.");
  const file = parse(comparisonSchema, value);
  if (!file.ok) {
    throw new Problem(
      "bad-file",
      `It is not a trace of the studio: ${file.problem}. Choose a file saved with Save trace.`,
    );
  }
  assertRuns(file.value);
  return file.value;
}

/** @throws Problem when a run's steps do not fit together */
export function assertRuns({ runs }: Pick<SavedComparison, "runs">): void {
  for (const trace of Object.values(runs)) if (trace !== undefined) replay(trace);
}

/** The same checks as of a stream: a file may hold anything. */
function replay({ start, steps, end }: Trace): void {
  try {
    let trace = addEvent(undefined, { type: "start", ...start });
    for (const step of steps) trace = addEvent(trace, { type: "step", ...step });
    if (end !== undefined) addEvent(trace, { type: "end", ...end });
  } catch (thrown) {
    throw new Problem(
      "bad-file",
      `Its steps do not fit together: ${thrown instanceof Error ? thrown.message : thrown}.`,
    );
  }
}
