/** The servant's side of a worker pool, in a thread or in a process of its own: does the jobs that it is given, one after
 *  the other, in the order in which they came. */
import { parentPort, type TransferListItem } from "node:worker_threads";
import { type PortableError, packError } from "./portable-error.js";

export type JobRequest<Job> = { type: "run"; id: number; job: Job } | { type: "abort"; id: number };

export type JobReply<Result> =
  /** Its code is loaded: what it does from here on is work. */
  | { type: "ready" }
  | { id: number; ok: true; result: Result; used?: ServantUse }
  | { id: number; ok: false; error: PortableError; used?: ServantUse };

/** What a process has taken of the machine, when a job has ended. */
export interface ServantUse {
  /** Bytes that are resident. */
  readonly memory: number;
  /** Seconds of all processors since it was started. */
  readonly cpuSeconds: number;
}

/** The way to who hands out the jobs. */
interface Port {
  post(reply: JobReply<unknown>, buffers?: readonly TransferListItem[]): void;
  listen(hear: (request: JobRequest<unknown>) => void): void;
}

/** @param buffersOf what a result holds that is moved to another thread, not copied */
export function answerJobs<Job, Result>(
  run: (job: Job, signal: AbortSignal) => Promise<Result>,
  buffersOf: (result: Result) => readonly TransferListItem[],
): void {
  const port = openPort();
  /** Jobs not answered yet, and how to stop each. */
  const open = new Map<number, AbortController>();
  let last: Promise<void> = Promise.resolve();

  const answer = async (id: number, job: Job, signal: AbortSignal): Promise<void> => {
    try {
      signal.throwIfAborted();
      const result = await run(job, signal);
      port.post({ id, ok: true, result }, buffersOf(result));
    } catch (cause) {
      port.post({ id, ok: false, error: packError(cause) });
    }
  };

  port.listen((request) => {
    if (request.type === "abort") {
      open.get(request.id)?.abort();
      return;
    }
    const { id } = request;
    const job = request.job as Job; // of the pool that this module is the url of
    const controller = new AbortController();
    open.set(id, controller);
    last = last.then(() => answer(id, job, controller.signal)).finally(() => open.delete(id));
  });
  port.post({ type: "ready" });
}

function openPort(): Port {
  const port = parentPort;
  if (port !== null)
    return {
      post: (reply, buffers = []) => port.postMessage(reply, [...buffers]),
      listen: (hear) => port.on("message", hear),
    };
  // Nobody is left to work for. A plain exit would wait for native code that is under way, and leave what it has started.
  process.on("disconnect", endGroup);
  return {
    post: (reply) => process.send?.("id" in reply ? { ...reply, used: used() } : reply),
    listen: (hear) => process.on("message", hear),
  };
}

/** Ends this process and those that it has started; they are a group (`startProcess`). */
function endGroup(): void {
  try {
    process.kill(0, "SIGKILL");
  } catch {
    process.exit(1); // no groups on this system
  }
}

function used(): ServantUse {
  const { user, system } = process.cpuUsage();
  return { memory: process.memoryUsage.rss(), cpuSeconds: (user + system) / 1e6 };
}
