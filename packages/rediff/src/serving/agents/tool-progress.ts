/** Progress notifications of one call: a forward pass each, and a sign of life until the first. */
import type { RequestHandlerExtra } from "@modelcontextprotocol/sdk/shared/protocol.js";
import type { ServerNotification, ServerRequest } from "@modelcontextprotocol/sdk/types.js";
import type { RequestRecord, TraceStep } from "../../inference/trace-format.js";

export type CallExtra = RequestHandlerExtra<ServerRequest, ServerNotification>;

/** Between two notifications; passes of a small model take less time than telling of each. */
const TELL_EVERY_MS = 100;

/** Clients wait a minute or so without a word: a large model takes longer to be loaded. */
const ALIVE_EVERY_MS = 5000;

/** What such a sign adds, as progress has to grow: less than a pass. */
const ALIVE = 1e-3;

export interface ToolProgress extends Disposable {
  /** Undefined where nobody asked for progress: then the passes need not be told. */
  onTrace: ((step: TraceStep) => void) | undefined;
}

export function toolProgress({ _meta, sendNotification, signal }: CallExtra): ToolProgress {
  const progressToken = _meta?.progressToken;
  if (progressToken === undefined) return { onTrace: undefined, [Symbol.dispose]: () => undefined };
  let progress = 0;
  let total: number | undefined;
  let toldAt = Number.NEGATIVE_INFINITY;
  const tell = (message: string) => {
    if (signal.aborted) return;
    const params = { progressToken, progress, message, ...(total !== undefined && { total }) };
    // A client that has gone hears nothing.
    sendNotification({ method: "notifications/progress", params }).catch(() => undefined);
  };
  const alive = setInterval(() => {
    progress += ALIVE;
    tell(total === undefined ? "waiting for the model" : "still at it");
  }, ALIVE_EVERY_MS);
  return {
    onTrace({ step, request }) {
      if (request !== undefined) total = passesOf(request);
      progress = Math.max(progress + ALIVE, step + 1);
      if (performance.now() - toldAt < TELL_EVERY_MS) return;
      toldAt = performance.now();
      tell(total === undefined ? `forward pass ${step + 1}` : `forward pass ${step + 1} of ${total}`);
    },
    [Symbol.dispose]: () => clearInterval(alive),
  };
}

/** As many as there are at most; undefined where the rule goes by what is sure, and not by a number. */
const passesOf = ({ kind, rounds, rule, threshold, steps }: RequestRecord): number | undefined => {
  if (kind === "refine") return rounds;
  return rule === undefined && threshold === null ? steps : undefined;
};
