/** The thread's side of a worker pool: does the jobs that it is given, one after the other, in the order in which they
 *  came. */
import { parentPort, type TransferListItem } from "node:worker_threads";
import { type PortableError, packError } from "./portable-error.js";

export type ThreadRequest<Job> = { type: "run"; id: number; job: Job } | { type: "abort"; id: number };
export type ThreadReply<Result> =
  | { id: number; ok: true; result: Result }
  | { id: number; ok: false; error: PortableError };

/** @param buffersOf what a result holds that is moved to the other thread, not copied */
export function answerJobs<Job, Result>(
  run: (job: Job, signal: AbortSignal) => Promise<Result>,
  buffersOf: (result: Result) => readonly TransferListItem[],
): void {
  /** Jobs not answered yet, and how to stop each. */
  const open = new Map<number, AbortController>();
  let last: Promise<void> = Promise.resolve();

  const answer = async (id: number, job: Job, signal: AbortSignal): Promise<void> => {
    try {
      signal.throwIfAborted();
      const result = await run(job, signal);
      parentPort?.postMessage({ id, ok: true, result } satisfies ThreadReply<Result>, [...buffersOf(result)]);
    } catch (cause) {
      parentPort?.postMessage({ id, ok: false, error: packError(cause) } satisfies ThreadReply<Result>);
    }
  };

  parentPort?.on("message", (request: ThreadRequest<Job>) => {
    if (request.type === "abort") {
      open.get(request.id)?.abort();
      return;
    }
    const { id, job } = request;
    const controller = new AbortController();
    open.set(id, controller);
    last = last.then(() => answer(id, job, controller.signal)).finally(() => open.delete(id));
  });
}
