/** A comparison as it is kept, in files and in this browser, and back. */
import type { SavedComparison } from "../trace/file.js";
import type { Trace } from "../trace/trace.js";
import { type Comparison, type Run, runKinds } from "./describe-state.js";

export function savedOf(comparison: Comparison): SavedComparison {
  const { created, sides, prompt, settings, picture, facts, runs } = comparison;
  const traces = Object.fromEntries(
    runKinds.flatMap((kind) => (runs[kind].trace === undefined ? [] : [[kind, runs[kind].trace]])),
  );
  return {
    created,
    model: sides.revising.model,
    sides,
    prompt,
    settings: { ...settings },
    ...(picture && { picture }),
    ...(facts && { facts }),
    runs: traces,
  };
}

/** A run that had not ended is one that was stopped.
 *  @param from where it comes from: a file's name, the key of its picture */
export function comparisonOf(
  { runs, created, model, sides, prompt, settings, picture, facts }: SavedComparison,
  from: Pick<Comparison, "file" | "pictureKey">,
): Comparison {
  const opened = (trace: Trace | undefined): Run => ({
    status: trace?.end === undefined ? "stopped" : "done",
    trace,
    problem: undefined,
  });
  return {
    id: Symbol("comparison"),
    ...{ created, sides: sides ?? sidesOfFile(model), prompt, settings, picture, facts },
    ...from,
    runs: { plain: opened(runs.plain), revising: opened(runs.revising) },
  };
}

/** Of a file that does not say: one model on both sides. */
function sidesOfFile(model: string): Comparison["sides"] {
  return {
    plain: { model, title: "Not revising", note: "A word that is written stays" },
    revising: { model, title: "Revising", note: "Written words may be revised" },
  };
}
