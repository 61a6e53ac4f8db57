/** The model's process as the server sees it: started, told things, started again when it dies or hangs. */
import { type ChildProcess, fork } from "node:child_process";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { unpackError } from "../../threads/portable-error.js";
import { existingWorkerUrl } from "../../threads/worker-url.js";
import { type LifeLimits, LifeSigns, TICK_MS } from "./life-signs.js";
import type { FromModel, LoadRequest, ToModel } from "./protocol.js";

export interface ModelEvents {
  message: (message: FromModel) => void;
  /** The process is gone and, unless it was closed, another one is on its way. */
  lost: (why: Error) => void;
  /** The model cannot be loaded. The first time nothing more is tried; later it is, after a while. */
  unloadable: (why: Error) => void;
  /** It has been given something to do that it has not ended. */
  isBusy: () => boolean;
}

/** Before a process is started in the place of one that did some work, none: everybody waits for it. */
const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 30_000;

/** Shapes of operators that oneDNN, and libtorch in front of it, keep compiled. A request has a dozen or two, as long as its
 *  batch stays the same; a thousand, their own choice, are hundreds of megabytes that requests of other lengths leave. */
const COMPILED_SHAPES = "64";

export class ModelHandle {
  readonly #load: LoadRequest;
  readonly #events: ModelEvents;
  readonly #signs: LifeSigns;
  #child: ChildProcess | undefined;
  #delayMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #judge: NodeJS.Timeout | undefined;
  #closed = false;
  #wasReady = false;
  /** Processes that were started after the first. */
  restarts = 0;

  constructor(load: LoadRequest, limits: LifeLimits, events: ModelEvents) {
    this.#load = load;
    this.#events = events;
    this.#signs = new LifeSigns(limits);
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  start(): void {
    // Standard output belongs to the command that runs the server.
    const child = fork(fileURLToPath(existingWorkerUrl("./model-process.js", import.meta.url)), [], {
      serialization: "advanced",
      execArgv: [],
      env: { ONEDNN_PRIMITIVE_CACHE_CAPACITY: COMPILED_SHAPES, LRU_CACHE_CAPACITY: COMPILED_SHAPES, ...process.env },
      stdio: ["ignore", 2, 2, "ipc", "pipe"], // the last is HEARTBEAT_DESCRIPTOR
    });
    this.#child = child;
    this.#signs.reset();
    this.#judge ??= setInterval(() => this.#judgeLife(), TICK_MS).unref();
    const heartbeat = child.stdio[4] as Readable | null | undefined; // null where the process could not be started
    heartbeat?.on("data", () => child === this.#child && this.#signs.beat()).on("error", () => undefined);
    child.on("message", (message: FromModel) => {
      if (child !== this.#child) return;
      if (message.type === "unloadable") this.#unloadable(child, unpackError(message.error));
      else this.#hear(message);
    });
    child.on("error", (error) => this.#lose(child, error));
    child.on("exit", (code, signal) => {
      this.#lose(child, new Error(`the model's process ended (${signal ?? `status ${code}`})`));
    });
    void this.send({ type: "load", load: this.#load });
  }

  /** Resolves when it is on its way. */
  send(message: ToModel): Promise<void> {
    return new Promise((resolve) => {
      // What cannot be sent because the process has just died is told by its exit.
      if (this.#child?.connected) this.#child.send(message, () => resolve());
      else resolve();
    });
  }

  /** Ends the process, for good. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.stop();
  }

  /** Ends the process; `start` makes another one, as if it were the first. */
  async stop(): Promise<void> {
    this.#wasReady = false;
    clearTimeout(this.#timer);
    clearInterval(this.#judge);
    this.#judge = undefined;
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL"); // nothing of it is worth keeping, and a long step would let us wait
    await ended;
  }

  #judgeLife(): void {
    if (this.#child === undefined) return;
    const why = this.#signs.tick(this.#wasReady && this.#events.isBusy());
    if (why !== undefined) this.#lose(this.#child, new Error(`the model's process ${why}`));
  }

  #hear(message: FromModel): void {
    this.#signs.word();
    if (message.type === "ready") this.#wasReady = true;
    if (message.type === "done") this.#delayMs = 0;
    this.#events.message(message);
  }

  #unloadable(child: ChildProcess, why: Error): void {
    this.#child = undefined;
    child.kill("SIGKILL");
    this.#events.unloadable(why);
    if (this.#wasReady) this.#again();
  }

  #lose(child: ChildProcess, why: Error): void {
    if (child !== this.#child) return;
    this.#child = undefined;
    child.kill("SIGKILL"); // lost is not always dead, and there must not be two of them
    if (this.#closed) return;
    if (this.#wasReady) {
      this.#events.lost(why);
      this.#again();
    } else this.#events.unloadable(why);
  }

  #again(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      this.restarts++;
      this.start();
    }, this.#delayMs);
    this.#delayMs = Math.min(Math.max(FIRST_DELAY_MS, 2 * this.#delayMs), LONGEST_DELAY_MS);
  }
}
