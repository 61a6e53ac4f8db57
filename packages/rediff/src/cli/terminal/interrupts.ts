/** Ctrl-C, and being told to end (SIGTERM), as an abort signal. */
import { Interrupted } from "./error-text.js";

/** Listens until it is disposed of. The first signal aborts with `Interrupted`; the same signal once more ends the
 *  process at once. */
export function listenForInterrupts(): Disposable & { signal: AbortSignal } {
  const interrupt = new AbortController();
  const onSignal = (signal: NodeJS.Signals) => interrupt.abort(new Interrupted(signal));
  process.once("SIGINT", onSignal).once("SIGTERM", onSignal);
  return {
    signal: interrupt.signal,
    [Symbol.dispose]: () => void process.off("SIGINT", onSignal).off("SIGTERM", onSignal),
  };
}
