/** Threads that start one after the other, and behind what everybody waits for: loading its modules is a thread's longest
 *  work. Node opens all modules of a thread at the same time, a hundred files and more: where descriptors are few, several
 *  threads that start at once would find some of their modules missing.
 *
 *  A thread's module imports this one alone, and everything else by it. */
import { getEnvironmentData, isMainThread, setEnvironmentData } from "node:worker_threads";
import { stepBack } from "./step-back.js";

const KEY = "rediff: threads start in turn";

/** A thread that was ended while it started does not give its turn on. */
const LONGEST_MS = 5000;

const FREE = 0;
const TAKEN = 1;

if (isMainThread && getEnvironmentData(KEY) === undefined) setEnvironmentData(KEY, new SharedArrayBuffer(4));

/** Lowers the thread's priority, and waits until no other thread loads its modules, as long as that takes but for a few seconds. The thread has nothing else
 *  to do meanwhile. */
export async function startInTurn(load: () => Promise<unknown>): Promise<void> {
  stepBack();
  const shared = getEnvironmentData(KEY);
  const turn = shared instanceof SharedArrayBuffer ? new Int32Array(shared) : new Int32Array(1);
  const until = performance.now() + LONGEST_MS;
  while (Atomics.compareExchange(turn, 0, FREE, TAKEN) !== FREE) {
    const left = until - performance.now();
    if (left <= 0) break;
    Atomics.wait(turn, 0, TAKEN, left);
  }
  try {
    await load();
  } finally {
    Atomics.store(turn, 0, FREE);
    Atomics.notify(turn, 0, 1);
  }
}
