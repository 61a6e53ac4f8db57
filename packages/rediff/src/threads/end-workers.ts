/** Ends worker threads. Idle ones do not keep the process alive (`unref`), and nor does waiting for their end: without
 *  something that does, Node would leave in the middle of an `await` (exit status 13). */
import type { Worker } from "node:worker_threads";

export async function endWorkers(workers: readonly Worker[]): Promise<void> {
  const alive = setInterval(() => undefined, 1_000);
  try {
    await Promise.all(workers.map((worker) => worker.terminate()));
  } finally {
    clearInterval(alive);
  }
}
