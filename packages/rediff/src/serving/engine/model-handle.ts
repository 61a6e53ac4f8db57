/** The model's process as the server sees it: started, told things, started again when it dies. */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { unpackError } from "../../threads/portable-error.js";
import { existingWorkerUrl } from "../../threads/worker-url.js";
import type { FromModel, LoadRequest, ToModel } from "./protocol.js";

export interface ModelEvents {
  message: (message: FromModel) => void;
  /** The process is gone and, unless it was closed, another one is on its way. */
  lost: (why: Error) => void;
  /** The model cannot be loaded. The first time nothing more is tried; later it is, after a while. */
  unloadable: (why: Error) => void;
}

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 30_000;

export class ModelHandle {
  readonly #load: LoadRequest;
  readonly #events: ModelEvents;
  #child: ChildProcess | undefined;
  #delayMs = FIRST_DELAY_MS;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  #wasReady = false;
  /** Processes that were started after the first. */
  restarts = 0;

  constructor(load: LoadRequest, events: ModelEvents) {
    this.#load = load;
    this.#events = events;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  start(): void {
    // Standard output belongs to the command that runs the server.
    const child = fork(fileURLToPath(existingWorkerUrl("./model-process.js", import.meta.url)), [], {
      serialization: "advanced",
      execArgv: [],
      stdio: ["ignore", 2, 2, "ipc"],
    });
    this.#child = child;
    child.on("message", (message: FromModel) => {
      if (child !== this.#child) return;
      if (message.type === "unloadable") this.#unloadable(child, unpackError(message.error));
      else this.#hear(message);
    });
    child.on("error", (error) => this.#lose(child, error));
    child.on("exit", (code, signal) => {
      this.#lose(child, new Error(`the model's process ended (${signal ?? `status ${code}`})`));
    });
    this.send({ type: "load", load: this.#load });
  }

  send(message: ToModel): void {
    // What cannot be sent because the process has just died is told by its exit.
    if (this.#child?.connected) this.#child.send(message, () => undefined);
  }

  /** Ends the process. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL"); // nothing of it is worth keeping, and a long step would let us wait
    await ended;
  }

  #hear(message: FromModel): void {
    if (message.type === "ready") this.#wasReady = true;
    // It did some work: the next restart need not wait.
    if (message.type === "done") this.#delayMs = FIRST_DELAY_MS;
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
    this.#delayMs = Math.min(2 * this.#delayMs, LONGEST_DELAY_MS);
  }
}
