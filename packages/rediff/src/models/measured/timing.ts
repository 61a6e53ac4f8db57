/** How long calls take beside each other, on a machine that may be busy.
 *
 *  Candidates take turns, forwards and backwards, and the least time of each counts: others' work only ever adds. By
 *  default time is the processor's and not the clock's, with one thread, so that what others take is not counted at all. */
import { getThreads, setThreads } from "@rediff/torch";

export interface TimingOptions {
  /** At least two. */
  rounds?: number;
  /** No round begins after that many milliseconds by the clock, but for the second. */
  budgetMs?: number;
  /** Milliseconds. */
  now?: () => number;
}

/** Least milliseconds of each candidate. The first call of each is not counted: kernels are compiled then. */
export function leastTimes<K extends string>(
  candidates: Readonly<Record<K, () => void>>,
  { rounds = 7, budgetMs = 400, now = processorTime }: TimingOptions = {},
): Record<K, number> {
  const names = Object.keys(candidates) as K[];
  const least = Object.fromEntries(names.map((name) => [name, Number.POSITIVE_INFINITY])) as Record<K, number>;
  const began = performance.now();
  for (const name of names) candidates[name]();
  for (let round = 0; round < rounds; round++) {
    if (round >= 2 && performance.now() - began > budgetMs) break;
    for (const name of round % 2 === 0 ? names : [...names].reverse()) {
      const start = now();
      candidates[name]();
      // A clock that does not move would make everything equally good, and nothing divisible by it.
      least[name] = Math.min(least[name], Math.max(now() - start, 1e-3));
    }
  }
  return least;
}

/** The one that is to be used: the usual one, unless another is faster by more than noise explains. */
export function fasterThan<K extends string>(usual: K, times: Readonly<Record<K, number>>, margin = 1.08): K {
  let best = usual;
  for (const name of Object.keys(times) as K[])
    if (times[name] * margin < times[usual] && times[name] < times[best]) best = name;
  return best;
}

/** Runs with one thread, the caller's. */
export function withOneThread<T>(body: () => T): T {
  const before = getThreads();
  setThreads(1);
  try {
    return body();
  } finally {
    setThreads(before);
  }
}

/** Of this process, in milliseconds. With one thread at work it is that thread's. */
function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
