/** What signals ask of a training run. */
import type { RunRequests } from "../../training/run/run-parts.js";
import { Interrupted } from "./error-text.js";
import { noteLine } from "./lines.js";

export interface TrainSignals {
  requests: RunRequests;
  signal: AbortSignal;
  /** Of those that end a run, the last that came. */
  received(): NodeJS.Signals | undefined;
  /** The first step is about to be taken: from now on there is something to save. */
  started(): void;
  close(): void;
}

/** Listens until it is closed. SIGINT and SIGTERM end a run after its step, with a checkpoint; a second one ends it at
 *  once (between two layers of the pass under way; a third does not wait for that), and so does the first while data is still being read. SIGUSR1 saves.
 *  @param note shows a line; below a progress line that is drawn now, if it is not told otherwise */
export function trainSignals(note: (line: string) => void = (line) => noteLine(`\n${line}`)): TrainSignals {
  const requests: RunRequests = { save: false, stop: false };
  const abort = new AbortController();
  let received: NodeJS.Signals | undefined;
  let isStarted = false;
  const save = () => {
    requests.save = true;
  };
  const end = (signal: NodeJS.Signals) => {
    if (requests.stop || !isStarted) {
      abort.abort(new Interrupted(signal));
      for (const name of ["SIGINT", "SIGTERM"]) process.off(name, end);
    } else note(`${signal}: saving a checkpoint after this step; once more ends the run at once`);
    requests.stop = true;
    received = signal;
  };
  const handlers = [
    ["SIGINT", end],
    ["SIGTERM", end],
    ["SIGUSR1", save],
  ] as const;
  for (const [signal, handler] of handlers) process.on(signal, handler);
  return {
    requests,
    signal: abort.signal,
    received: () => received,
    started() {
      isStarted = true;
    },
    close() {
      for (const [signal, handler] of handlers) process.off(signal, handler);
    },
  };
}
