/** Who does the jobs of a pool. A thread is started in milliseconds and hands over its results without a copy. A process
 *  takes a third of a second and copies, and whatever happens in it, a crash in native code or want of memory, ends it
 *  alone: for what strangers send. */
import { type ChildProcess, fork } from "node:child_process";
import type { Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { type TransferListItem, Worker } from "node:worker_threads";
// sharp has to be loaded in the main thread before any worker does: its libraries must outlive every thread.
import "sharp";
import type { JobReply, JobRequest } from "./answer-jobs.js";
import { endWorkers } from "./end-workers.js";
import { type KernelLimits, underLimits } from "./limited-process.js";

export interface Servant<Job> {
  /** @param moved what a thread gets in place of a copy */
  post(request: JobRequest<Job>, moved?: readonly TransferListItem[]): void;
  /** Whether it keeps this process alive. At first it does not. */
  keepsAlive(does: boolean): void;
  /** At once. What it has started ends with it. */
  end(): Promise<void>;
}

export interface ServantEvents<Result> {
  replied(reply: JobReply<Result>): void;
  /** It has ended, of itself or by another's hand; may be told more than once. */
  lost(death: Death): void;
}

export interface Death {
  /** "ended with status 1" */
  readonly what: string;
  readonly signal?: NodeJS.Signals | undefined;
  /** The end of what a process wrote to its standard error. */
  readonly said?: string;
}

export interface ThreadSettings {
  readonly workerData?: unknown;
  /** Megabytes of its heap; a job that needs more dies with its thread. Default Node's. */
  readonly heapMb?: number | undefined;
}

/** @param url a module that calls `answerJobs` */
export function startThread<Job, Result>(
  url: URL,
  { workerData, heapMb }: ThreadSettings,
  { replied, lost }: ServantEvents<Result>,
): Servant<Job> {
  const worker = new Worker(url, {
    workerData,
    ...(heapMb !== undefined && { resourceLimits: { maxOldGenerationSizeMb: heapMb } }),
  });
  worker.unref();
  worker.on("message", replied);
  worker.on("error", (error) => lost({ what: `died of ${error instanceof Error ? error.message : error}` }));
  worker.on("exit", (status) => lost({ what: `ended with status ${status}` }));
  return {
    post: (request, moved = []) => worker.postMessage(request, [...moved]),
    keepsAlive: (does) => (does ? worker.ref() : worker.unref()),
    end: () => endWorkers([worker]),
  };
}

/** A tenth of what the model's process gets of a core that both want: its steps wait for the slowest of their threads. When
 *  it has nothing to do because its pictures are not there yet, a servant gets all. */
const NICENESS = 10;

/** Characters of what a process said last. */
const MOST_SAID = 4096;

/** @param url a module that calls `answerJobs` */
export function startProcess<Job, Result>(
  url: URL,
  limits: KernelLimits,
  { replied, lost }: ServantEvents<Result>,
): Servant<Job> {
  const { command, args } = underLimits(process.execPath, [], { ...limits, niceness: NICENESS });
  let child: ChildProcess;
  try {
    child = fork(fileURLToPath(url), [], {
      serialization: "advanced",
      execPath: command,
      execArgv: args,
      detached: true, // a group of its own, with all that it starts
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
  } catch (cause) {
    setImmediate(() => lost({ what: notStarted(cause) }));
    return { post: () => undefined, keepsAlive: () => undefined, end: async () => undefined };
  }
  let said = "";
  // Neither this nor the channel is there when the system had no descriptors for them.
  const stderr = child.stderr as Socket | null;
  stderr?.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-MOST_SAID);
  });
  const keepsAlive = (does: boolean) => {
    for (const handle of [child, child.channel, stderr]) {
      if (does) handle?.ref();
      else handle?.unref();
    }
  };
  keepsAlive(false);
  child.on("message", replied);
  child.on("error", (error) => lost({ what: notStarted(error) }));
  child.on("exit", () => killGroup(child));
  // Later than "exit": by then what it said last has been read.
  child.on("close", (status, signal) => {
    if (signal === null) lost({ what: `ended with status ${status}`, said });
    else lost({ what: `died of ${signal}`, signal, said });
  });
  return {
    post: (request) => {
      // What cannot be sent because the process has just died is told by its exit.
      if (child.connected) child.send(request, () => undefined);
    },
    keepsAlive,
    end: () => endProcess(child),
  };
}

const notStarted = (cause: unknown): string =>
  `could not be started (${cause instanceof Error ? cause.message : String(cause)})`;

async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  child.ref(); // so that this process is still there when it has ended
  const ended = new Promise((resolve) => child.once("exit", resolve));
  killGroup(child);
  await ended;
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    child.kill("SIGKILL"); // no groups on this system, or nobody is left
  }
}
