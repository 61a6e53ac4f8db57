/** Ctrl-C, and being told to end (SIGTERM), as an abort signal. */
import { endAtSecondSignal } from "@rediff/torch/host-memory";
import { Interrupted } from "./error-text.js";

/** Listens until it is disposed of. The first signal aborts with `Interrupted`, which is heard between two layers of a
 *  forward pass; another one ends the process at once, in the middle of a layer too. */
export function listenForInterrupts(): Disposable & { signal: AbortSignal } {
  const interrupt = new AbortController();
  const onSignal = (signal: NodeJS.Signals) => interrupt.abort(new Interrupted(signal));
  process.once("SIGINT", onSignal).once("SIGTERM", onSignal);
  endAtSecondSignal();
  return {
    signal: interrupt.signal,
    [Symbol.dispose]: () => void process.off("SIGINT", onSignal).off("SIGTERM", onSignal),
  };
}
