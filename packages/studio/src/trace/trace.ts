/** A run as the server tells it (`diffusion_trace`), and what can be seen of it after any number of steps.
 *
 *  Everything is derived from the list of steps: the canvas at a step, the history of a token, the figures. So watching
 *  live, scrubbing and opening a saved file are the same thing. */
import type * as format from "../../../rediff/src/inference/trace-format.js";
import { isSpecialToken } from "../../../rediff/src/inference/trace-replay.js";

/** A token that a pass wrote. */
export type Change = Readonly<format.TraceChange>;

/** One forward pass, as far as it is shown. */
export interface TraceStep extends Readonly<Pick<format.TraceStep, "step" | "block" | "seconds">> {
  readonly changes: readonly Change[];
}

export type TraceStart = Omit<format.TraceStart, "type" | "given"> & {
  /** Tokens that are there from the start: of a template, or of a draft. */
  given?: readonly Readonly<format.GivenToken>[] | undefined;
};

export type TraceEnd = Omit<format.TraceEnd, "type">;

export interface Trace {
  start: TraceStart;
  steps: readonly TraceStep[];
  /** Absent while it runs, and of runs that broke off. */
  end?: TraceEnd | undefined;
}

export type TraceEvent =
  | (Pick<format.TraceStart, "type"> & TraceStart)
  | (Pick<format.TraceStep, "type"> & TraceStep)
  | (Pick<format.TraceEnd, "type"> & TraceEnd);

/** A position of the answer. */
export interface Cell {
  position: number;
  kind: "mask" | "given" | "fill" | "revise";
  /** Empty for a mask. */
  token: string;
  confidence: number;
  /** Index of the pass that wrote it, -1 for a mask and for what was there from the start. */
  writtenAt: number;
}

/** @throws Error when an event comes out of turn */
export function addEvent(trace: Trace | undefined, event: TraceEvent): Trace {
  if (event.type === "start") {
    if (trace !== undefined) throw new Error("a second start in one run");
    const { gen_length, steps, mask, image_tokens, given } = event;
    return { start: { gen_length, steps, mask, image_tokens, ...(given && { given }) }, steps: [] };
  }
  if (trace === undefined) throw new Error(`a run that begins with "${event.type}"`);
  if (trace.end !== undefined) throw new Error(`"${event.type}" after the end of the run`);
  if (event.type === "end") {
    const { text, steps, tokens, edits, seconds, stopped, approximate } = event;
    const end = { text, steps, tokens, edits, seconds, stopped, ...(approximate && { approximate }) };
    return { ...trace, end };
  }
  const outside = event.changes.find(({ position }) => position >= trace.start.gen_length);
  if (outside !== undefined) {
    throw new Error(`a change at position ${outside.position} of an answer of ${trace.start.gen_length} tokens`);
  }
  const { step, block, changes, seconds } = event;
  return { ...trace, steps: [...trace.steps, { step, block, changes, seconds }] };
}

/** The canvas after the first `passes` steps: 0 is all masks, more than there are is the end. */
export function cellsAt(trace: Trace, passes: number): Cell[] {
  const cells = Array.from({ length: trace.start.gen_length }, (_, position) => masked(position));
  for (const { position, token } of trace.start.given ?? []) {
    if (position < cells.length) cells[position] = { position, kind: "given", token, confidence: 1, writtenAt: -1 };
  }
  for (const [index, step] of trace.steps.slice(0, Math.max(0, passes)).entries()) {
    for (const { position, token, confidence, kind } of step.changes) {
      if (position < cells.length) cells[position] = { position, kind, token, confidence, writtenAt: index };
    }
  }
  return cells;
}

function masked(position: number): Cell {
  return { position, kind: "mask", token: "", confidence: 0, writtenAt: -1 };
}

export interface HistoryEntry extends Change {
  /** Counted from 1, as the player shows them. */
  pass: number;
}

/** Every value that a position had within the first `passes` steps, oldest first. */
export function historyOf(trace: Trace, position: number, passes = trace.steps.length): HistoryEntry[] {
  return trace.steps
    .slice(0, Math.max(0, passes))
    .flatMap(({ changes }, index) =>
      changes.filter((change) => change.position === position).map((change) => ({ ...change, pass: index + 1 })),
    );
}

export interface PassBar {
  fills: number;
  revisions: number;
}

/** What each pass did, for the timeline. Revisions behind the text's end are left out: nobody reads them. */
export function passBars(trace: Trace): PassBar[] {
  const end = endAt(trace, trace.steps.length);
  return trace.steps.map(({ changes }) => ({
    fills: changes.filter(({ kind }) => kind === "fill").length,
    revisions: changes.filter(({ kind, position }) => kind === "revise" && position <= end).length,
  }));
}

/** Position of the token that ends the text after so many steps; behind all where there is none. */
function endAt(trace: Trace, passes: number): number {
  const end = cellsAt(trace, passes).findIndex(({ kind, token }) => kind !== "mask" && isSpecial(token));
  return end < 0 ? trace.start.gen_length : end;
}

export interface Figures {
  passes: number;
  filled: number;
  /** Of the text as it stands: what is written over behind its end is no edit of it. */
  revisions: number;
  seconds: number;
  /** Of the answer's tokens, all of them; undefined before any time has passed. */
  tokensPerSecond: number | undefined;
  tokensPerPass: number | undefined;
}

/** Of the first `passes` steps; of the whole run the server's own time. */
export function figuresAt(trace: Trace, passes: number): Figures {
  const steps = trace.steps.slice(0, Math.max(0, passes));
  const changes = steps.flatMap((step) => step.changes);
  const end = endAt(trace, passes);
  const revisions = changes.filter(({ kind, position }) => kind === "revise" && position <= end).length;
  const filled = changes.filter(({ kind }) => kind === "fill").length;
  const whole = steps.length === trace.steps.length ? trace.end?.seconds : undefined;
  const seconds = whole ?? steps.reduce((sum, step) => sum + step.seconds, 0);
  return {
    passes: steps.length,
    filled,
    revisions,
    seconds,
    tokensPerSecond: seconds > 0 ? filled / seconds : undefined,
    tokensPerPass: steps.length > 0 ? filled / steps.length : undefined,
  };
}

export const isSpecial = isSpecialToken;

/** What stands on the canvas, up to the end-of-text token; masks are left out. */
export function textAt(trace: Trace, passes: number): string {
  if (trace.end !== undefined && passes >= trace.steps.length) return trace.end.text;
  const cells = cellsAt(trace, passes);
  const end = cells.findIndex(({ token }) => isSpecial(token));
  return cells
    .slice(0, end < 0 ? cells.length : end)
    .map(({ token }) => token)
    .join("")
    .trim();
}
