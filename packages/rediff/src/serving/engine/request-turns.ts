/** Requests on their way to their answers, and whose turn it is: clients in turns; and after a process died, those that were with
 *  it one by one. */
import type { Beginning } from "../../inference/answers.js";
import type { ModelFacts } from "../../inference/model-facts.js";
import type { ResolvedRequest } from "../../inference/resolve.js";
import type { TraceStep } from "../../inference/trace-format.js";
import type { PassProgress } from "../../models/chain.js";
import type { Visual } from "../../vision/tiles/tiles.js";
import type { VisionPool } from "../../vision/workers/vision-pool.js";
import { FairQueue } from "./fair-queue.js";
import type { Answer, Job } from "./protocol.js";
import type { Replica } from "./replica.js";

/** A video takes long: it must not keep pictures waiting. */
export interface VisionPools {
  pictures: VisionPool;
  videos: VisionPool;
}

/** A request as a route hands it in. */
export interface RoutedRequest {
  job: Job;
  /** Who asks: requests of one client wait in one line. */
  client: string;
  /** Fetches and decodes the pictures, once it is the request's turn. */
  visuals: (pools: VisionPools, facts: ModelFacts, signal: AbortSignal) => Promise<Visual[]>;
  signal: AbortSignal;
  onBegun?: (beginning: Beginning) => void;
  onText?: (text: string) => void;
  onTrace?: (step: TraceStep) => void;
  /** How far the forward pass is, twice a second where it takes long. */
  onLayers?: (progress: PassProgress) => void;
}

/** A request on its way to its answer. */
export interface Entry extends RoutedRequest {
  id: number;
  state: "queued" | "preparing" | "sent" | "begun";
  /** Who it is with, unless it is queued. */
  replica: Replica | undefined;
  prepared: Visual[] | undefined;
  /** Its texts read. */
  request: ResolvedRequest | undefined;
  /** Processes that died while it was with them, not begun yet. */
  deaths: number;
  takenAt: number;
  resolve: (answer: Answer) => void;
  reject: (reason: unknown) => void;
}

export class Turns {
  readonly #queue: FairQueue<Entry>;
  /** Taken from the queue and not answered yet. */
  readonly #underway = new Map<number, Entry>();
  /** Those that were with a process that died. One of them may be what killed it, so each is tried alone: then the next
   *  death tells, and its neighbours get their answers. */
  #suspects: Entry[] = [];
  /** Where they are tried: what died last, so that they are nobody else's trouble. */
  #trial: Replica | undefined;

  /** @param limit requests that may wait */
  constructor(limit: number) {
    this.#queue = new FairQueue(limit);
  }

  get limit(): number {
    return this.#queue.limit;
  }

  get waiting(): number {
    return this.#queue.length + this.#suspects.length;
  }

  get underway(): number {
    return this.#underway.size;
  }

  get isIdle(): boolean {
    return this.waiting + this.underway === 0;
  }

  /** @returns as FairQueue.push */
  push(entry: Entry): ReturnType<FairQueue<Entry>["push"]> {
    return this.#queue.push(entry.client, entry);
  }

  /** Whose turn it is at a replica, under way from now on; where suspects are tried, a suspect's when nothing else is under
   *  way, nobody's while one is. */
  take(replica: Replica): Entry | undefined {
    const entry = this.#next(replica);
    if (entry === undefined) return undefined;
    entry.replica = replica;
    entry.takenAt = performance.now();
    this.#underway.set(entry.id, entry);
    return entry;
  }

  #next(replica: Replica): Entry | undefined {
    if (replica !== this.#trial) return this.#queue.shift();
    if (this.#isTryingOne()) return undefined;
    if (this.#suspects.length === 0) return this.#queue.shift();
    return this.with(replica).length === 0 ? this.#suspects.shift() : undefined;
  }

  #isTryingOne(): boolean {
    return [...this.#underway.values()].some(({ deaths }) => deaths > 0);
  }

  /** Under way, and of this number. */
  find(id: number): Entry | undefined {
    return this.#underway.get(id);
  }

  isUnderway(entry: Entry): boolean {
    return this.#underway.get(entry.id) === entry;
  }

  with(replica: Replica): Entry[] {
    return [...this.#underway.values()].filter((entry) => entry.replica === replica);
  }

  inState(state: Entry["state"], replica: Replica): Entry[] {
    return this.with(replica).filter((entry) => entry.state === state);
  }

  /** Whether an entry that was taken has to wait again: it was decoding its pictures when the process died, and until the
   *  suspects are through, it waits like all others. */
  waitsForTrials({ deaths }: Entry, replica: Replica): boolean {
    return deaths === 0 && replica === this.#trial && (this.#suspects.length > 0 || this.#isTryingOne());
  }

  /** From now on suspects are tried there. */
  tryAt(replica: Replica): void {
    this.#trial = replica;
  }

  /** Before all others; one that saw a process die is a suspect. */
  putBack(entry: Entry): void {
    this.#underway.delete(entry.id);
    entry.state = "queued";
    entry.replica = undefined;
    if (entry.deaths > 0) this.#suspects.push(entry);
    else this.#queue.unshift(entry.client, entry);
  }

  /** It is answered, or will not be. */
  remove(entry: Entry): void {
    if (entry.state === "queued") {
      this.#queue.remove(entry.client, entry);
      this.#suspects = this.#suspects.filter((each) => each !== entry);
    } else this.#underway.delete(entry.id);
  }

  /** All that wait, which do no longer. */
  drainWaiting(): Entry[] {
    return [...this.#suspects.splice(0), ...this.#queue.drain()];
  }

  /** All under way, which stay so. */
  all(): Entry[] {
    return [...this.#underway.values()];
  }
}
