/** The processes that hold a model, taken together: what they have in memory, which of them take requests, and how one of several
 *  is called in messages. */
import type { MemoryUse } from "@rediff/torch";
import { UserError } from "../../errors.js";
import type { KeptUse } from "../../models/llava/kept-features.js";
import type { EngineOptions } from "./engine-options.js";
import { LIFE_LIMITS } from "./life-signs.js";
import { devicesOf, Replica, type ReplicaEvents } from "./replica.js";

/** Of each replica. */
export type EventsOf = (replica: () => Replica) => ReplicaEvents;

export class Replicas {
  readonly all: readonly Replica[];

  constructor(options: EngineOptions, eventsOf: EventsOf) {
    const { folder, load, threads, batch, keptBytes, cacheBytes, memoryBytes, life, replicas = 1 } = options;
    this.all = devicesOf(load.device, replicas).map((device, i) => {
      const replica: Replica = new Replica(
        replicas === 1 ? undefined : `replica ${i} of ${replicas}`,
        { folder, options: { ...load, ...(device && { device }) }, threads, batch, keptBytes, cacheBytes, memoryBytes },
        { ...LIFE_LIMITS, ...life },
        eventsOf(() => replica),
      );
      return replica;
    });
  }

  /** Those that take requests. */
  get up(): Replica[] {
    return this.all.filter(({ isUp }) => isUp);
  }

  /** Of pictures' features; counts go on when a process is replaced. */
  get kept(): KeptUse {
    const sum = (read: (kept: KeptUse) => number) => this.#sum(({ kept }) => read(kept));
    return {
      pictures: sum(({ pictures }) => pictures),
      bytes: sum(({ bytes }) => bytes),
      found: sum(({ found }) => found),
      encoded: sum(({ encoded }) => encoded),
    };
  }

  /** Of requests' caches, now. */
  get cacheBytes(): number {
    return this.#sum((replica) => replica.cacheBytes);
  }

  /** Of captured passes, now. */
  get keptGraphs(): number {
    return this.#sum((replica) => replica.keptGraphs);
  }

  get memory(): MemoryUse {
    return {
      tensors: this.#sum(({ memory }) => memory.tensors),
      bytes: this.#sum(({ memory }) => memory.bytes),
      forgotten: this.#sum(({ memory }) => memory.forgotten),
    };
  }

  get restarts(): number {
    return this.#sum(({ restarts }) => restarts);
  }

  #sum(read: (replica: Replica) => number): number {
    return this.all.reduce((total, replica) => total + read(replica), 0);
  }

  start(): void {
    for (const replica of this.all) replica.start();
  }

  /** Ends the processes; `start` brings others. */
  async stop(): Promise<void> {
    await Promise.all(this.all.map((replica) => replica.stop()));
  }

  async close(): Promise<void> {
    await Promise.all(this.all.map((replica) => replica.close()));
  }
}

export const named = ({ name }: Replica, text: string): string => (name === undefined ? text : `${name}: ${text}`);

/** What is wrong with one of several, where each may have a GPU of its own. */
export function atReplica({ name }: Replica, why: Error): Error {
  if (name === undefined) return why;
  const hint = why instanceof UserError ? why.hint : undefined;
  const remedy = "--replicas takes memory for as many models, and with --device cuda as many GPUs.";
  return new UserError(`${name}: ${why.message}`, hint === undefined ? remedy : `${hint} ${remedy}`, { cause: why });
}
