/** A text that is being worked on, as far as it is. */
import type { StepHandlers } from "../server/api.js";
import type { PassProgress } from "../server/messages.js";
import { Problem } from "../server/problem.js";
import { addEvent, type Trace } from "../trace/trace.js";

export interface Live {
  trace: Trace | undefined;
  /** Of a pass that takes long. */
  progress: PassProgress | undefined;
}

/** A pass that takes so long shows how far it is. */
export const LONG_PASS_SECONDS = 5;

/** @param show gets what there is to see; not called once the signal is aborted */
export function liveHandlers(signal: AbortSignal, show: (live: Live) => void): StepHandlers {
  let trace: Trace | undefined;
  return {
    onTrace(event) {
      try {
        trace = addEvent(trace, event);
      } catch (thrown) {
        const why = thrown instanceof Error ? thrown.message : thrown;
        throw new Problem("bad-answer", `The steps do not fit together: ${why}.`);
      }
      if (!signal.aborted) show({ trace, progress: undefined });
    },
    onProgress(progress) {
      if (!signal.aborted && progress.seconds >= LONG_PASS_SECONDS) show({ trace, progress });
    },
  };
}
