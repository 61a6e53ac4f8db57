/** Work of which nobody knows beforehand how long it takes, above all the regular expressions of strangers: one of a few
 *  letters can take longer than a life. V8 stops a script that runs out of time, expressions and all that it calls
 *  included. */
import { createContext, Script } from "node:vm";
import { threadMilliseconds } from "./thread-time.js";

const place: { work?: () => unknown } = {};
const context = createContext(place);
const script = new Script("work()");

/** For a thread that was stopped for a while, or that others keep from running. */
const MOST_TRIES = 12;
/** Such a thread had less of the time than this. */
const STARVED = 1 / 2;

/** Runs `work` here and now. It may be stopped anywhere and begun anew, so it should change nothing. A tenth of a
 *  millisecond dearer than a plain call.
 *  @throws what `late` makes, when it takes more than `ms` milliseconds */
export function withinTime<T>(ms: number, work: () => T, late: () => Error): T {
  for (let tries = 1; ; tries++) {
    const before = threadMilliseconds();
    // `work` may come here, too.
    place.work = work;
    try {
      return script.runInContext(context, { timeout: ms }) as T;
    } catch (error) {
      // It is an error of the context's own class.
      const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
      if (code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
      const isStarved = threadMilliseconds() - before < ms * STARVED;
      if (!isStarved || tries === MOST_TRIES) throw late();
    }
  }
}
