/** One of the processes that hold the model, as the engine sees it: whether it takes requests, and what it has in memory.
 *  What its requests are is the engine's affair. */
import type { MemoryUse } from "@rediff/torch";
import type { KeptUse } from "../../models/llava/kept-features.js";
import type { LifeLimits } from "./life-signs.js";
import { ModelHandle } from "./model-handle.js";
import type { FromModel, LoadRequest, ServedFacts, ToModel } from "./protocol.js";

export interface ReplicaEvents {
  /** It is loaded, for the first time or again. */
  ready: (facts: ServedFacts) => void;
  message: (message: FromModel) => void;
  /** The process is gone, and another one is on its way. */
  lost: (why: Error) => void;
  /** The model cannot be loaded; `isFirst` where it never was: then nothing more is tried. */
  unloadable: (why: Error, isFirst: boolean) => void;
  isBusy: () => boolean;
}

const NOTHING_KEPT: KeptUse = { pictures: 0, bytes: 0, found: 0, encoded: 0 };
const NO_MEMORY: MemoryUse = { tensors: 0, bytes: 0, forgotten: 0 };

export class Replica {
  readonly #handle: ModelHandle;
  #isUp = false;
  #wasUp = false;
  #memory = NO_MEMORY;
  #kept = NOTHING_KEPT;
  /** What the processes before this one found and encoded. */
  #keptBefore = NOTHING_KEPT;
  #cacheBytes = 0;
  #keptGraphs = 0;

  /** @param name of one of several, for messages */
  constructor(
    readonly name: string | undefined,
    load: LoadRequest,
    limits: LifeLimits,
    events: ReplicaEvents,
  ) {
    this.#handle = new ModelHandle(load, limits, {
      isBusy: events.isBusy,
      message: (message) => {
        if (message.type === "ready") {
          this.#memory = message.memory;
          this.#isUp = true;
          this.#wasUp = true;
          events.ready(message.facts);
        } else if (message.type === "passes") {
          this.#memory = message.memory;
          this.#kept = message.kept;
          this.#cacheBytes = message.cacheBytes;
          this.#keptGraphs = message.keptGraphs;
        }
        events.message(message);
      },
      lost: (why) => {
        this.#gone();
        events.lost(why);
      },
      unloadable: (why) => {
        this.#gone();
        events.unloadable(why, !this.#wasUp);
      },
    });
  }

  /** The process takes requests. */
  get isUp(): boolean {
    return this.#isUp;
  }

  get memory(): MemoryUse {
    return this.#memory;
  }

  /** Of pictures' features; counts go on when the process is replaced. */
  get kept(): KeptUse {
    const before = this.#keptBefore;
    return { ...this.#kept, found: before.found + this.#kept.found, encoded: before.encoded + this.#kept.encoded };
  }

  /** Of requests' caches, now. */
  get cacheBytes(): number {
    return this.#cacheBytes;
  }

  /** Of captured passes, now. */
  get keptGraphs(): number {
    return this.#keptGraphs;
  }

  get restarts(): number {
    return this.#handle.restarts;
  }

  get pid(): number | undefined {
    return this.#handle.pid;
  }

  start(): void {
    this.#handle.start();
  }

  /** Resolves when it is on its way. */
  send(message: ToModel): Promise<void> {
    return this.#handle.send(message);
  }

  /** Ends the process; `start` brings another one. */
  stop(): Promise<void> {
    this.#gone();
    this.#wasUp = false;
    return this.#handle.stop();
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  #gone(): void {
    this.#isUp = false;
    this.#memory = NO_MEMORY;
    this.#keptBefore = this.kept;
    this.#kept = NOTHING_KEPT;
    this.#cacheBytes = 0;
    this.#keptGraphs = 0;
  }
}

/** The devices of so many replicas: with "cuda" each has a GPU of its own. */
export const devicesOf = <D extends string>(
  device: D | undefined,
  replicas: number,
): (D | `cuda:${number}` | undefined)[] =>
  Array.from({ length: replicas }, (_, i) => (replicas > 1 && device === "cuda" ? (`cuda:${i}` as const) : device));
