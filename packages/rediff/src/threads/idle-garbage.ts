/** What is over, and its memory: V8 collects garbage when more memory is asked for, and the C library keeps what was freed
 *  among what is in use, so what a burst of requests has left would lie there until the next one. */
import { performance } from "node:perf_hooks";
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { returnFreedMemory } from "@rediff/torch/host-memory";

export interface IdleGarbageOptions {
  everyMs?: number;
  /** Share of its time for which an idle thread may be busy. */
  busy?: number;
  /** Bytes by which its memory has to have grown since the last time. */
  growth?: number;
  /** Whether nobody waits for this process now, where its time does not say: an answer under way takes little of a server's,
   *  and would wait for all of this. */
  isIdle?: () => boolean;
  /** Gives back what the whole process has freed, too: for one thread of each. */
  process?: boolean;
}

/** Has this thread collect its garbage whenever it has nothing to do: it takes some tens of milliseconds for each hundred
 *  megabytes. Keeps nothing alive. @returns what ends it */
export function collectWhenIdle(options: IdleGarbageOptions = {}): () => void {
  const { everyMs = 2000, busy = 0.1, growth = 4 << 20, isIdle = () => true } = options;
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const tasks = [new Task(heapBytes, collect, growth)];
  if (options.process) tasks.push(new Task(process.memoryUsage.rss, returnFreedMemory, growth));
  let before = performance.eventLoopUtilization();
  let turnsDue = 0;
  const timer = setInterval(() => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    if (utilization > busy || !isIdle()) turnsDue = TURNS_AFTER_WORK;
    else {
      for (const task of tasks) task.run(turnsDue > 0);
      turnsDue = Math.max(0, turnsDue - 1);
    }
    before = performance.eventLoopUtilization(); // this was no work
  }, everyMs).unref();
  return () => clearInterval(timer);
}

/** What other threads still had when the work was over is given up in the seconds after it. */
const TURNS_AFTER_WORK = 4;

const heapBytes = (): number => getHeapStatistics().total_physical_size;

class Task {
  readonly #bytes: () => number;
  readonly #run: () => unknown;
  readonly #growth: number;
  #kept: number;

  constructor(bytes: () => number, run: () => unknown, growth: number) {
    [this.#bytes, this.#run, this.#growth, this.#kept] = [bytes, run, growth, bytes()];
  }

  /** Where it is not due, only if memory has grown. */
  run(isDue: boolean): void {
    if (!isDue && this.#bytes() < this.#kept + this.#growth) return;
    this.#run();
    this.#kept = this.#bytes();
  }
}
