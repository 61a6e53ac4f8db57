/** The threads that prepare samples for training, and that check data before it. */
import { WorkerPool } from "../../threads/worker-pool.js";
import { existingWorkerUrl } from "../../threads/worker-url.js";
import { describeJob, type LoaderJob, type LoaderResult, type LoaderSetup } from "./loader-job.js";

export type LoaderThreads = WorkerPool<LoaderJob, LoaderResult>;

/** Enough for the micro-batches of a step, which keeps the main thread busy for its whole length, and few enough to be
 *  shared evenly. */
const HANDED_OUT = 64;

/** Owns its threads: `close()` it. @param url another worker; for tests */
export function loaderThreads(setup: LoaderSetup, workers: number, url?: URL): LoaderThreads {
  return new WorkerPool({
    url: url ?? existingWorkerUrl("./loader-worker.js", import.meta.url),
    workers,
    workerData: setup,
    name: "loader",
    describe: describeJob,
    onDeath: "end",
    handedOut: HANDED_OUT,
  });
}
