/** Garbage of what is over. V8 collects when more memory is asked for, so what a burst of requests has left would lie
 *  there until the next one. */
import { performance } from "node:perf_hooks";
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

export interface IdleGarbageOptions {
  everyMs?: number;
  /** Share of its time for which an idle thread may be busy. */
  busy?: number;
  /** Bytes by which the heap has to have grown since the last collection. */
  growth?: number;
}

/** Has this thread collect its garbage whenever it has nothing to do: it takes some tens of milliseconds for each hundred
 *  megabytes. Keeps nothing alive. @returns what ends it */
export function collectWhenIdle({ everyMs = 2000, busy = 0.1, growth = 4 << 20 }: IdleGarbageOptions = {}): () => void {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  let before = performance.eventLoopUtilization();
  let kept = getHeapStatistics().total_physical_size;
  const timer = setInterval(() => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    if (utilization > busy || getHeapStatistics().total_physical_size < kept + growth) return;
    collect();
    kept = getHeapStatistics().total_physical_size;
    before = performance.eventLoopUtilization(); // this was no work
  }, everyMs).unref();
  return () => clearInterval(timer);
}
