/** Requests to answers: in their turns, pictures decoded beside the model, the model's process or several of them (replicas),
 *  and what happens when one dies. HTTP is not known here. */
import type { MemoryUse } from "@rediff/torch";
import type { LoadOptions } from "../../checkpoint/load-model.js";
import { UserError } from "../../errors.js";
import type { AnswerOfKind } from "../../inference/answers.js";
import type { ForwardPass } from "../../inference/batcher.js";
import { assertTexts } from "../../inference/limits/text-room.js";
import type { ModelFacts } from "../../inference/model-facts.js";
import type { RequestKind, ResolvedRequest } from "../../inference/resolve.js";
import type { KeptUse } from "../../models/llava/kept-features.js";
import { unpackError } from "../../threads/portable-error.js";
import type { Visual } from "../../vision/tiles/tiles.js";
import { type DecodingLimits, decodingLimits } from "../../vision/workers/decoding-limits.js";
import { VisionPool } from "../../vision/workers/vision-pool.js";
import { EngineError } from "./engine-error.js";
import { LIFE_LIMITS, type LifeLimits } from "./life-signs.js";
import { type Answer, type FromModel, type Job, PIECE_BYTES, type Progress, type VisualHead } from "./protocol.js";
import { devicesOf, Replica } from "./replica.js";
import { type Entry, type RoutedRequest, Turns, type VisionPools } from "./request-turns.js";
import { TextPool } from "./text-pool.js";

export interface EngineOptions {
  folder: string;
  load: LoadOptions;
  threads?: number | undefined;
  /** Processes that hold the model, each with memory and a forward pass of its own; default 1. With the device "cuda" each
   *  of several has the GPU of its number. */
  replicas?: number | undefined;
  /** Requests in one forward pass. */
  batch: number;
  /** Of pictures' features, kept for the next question about the same one. */
  keptBytes?: number | undefined;
  /** Bytes that caches may take together; default as the batcher has it. */
  cacheBytes?: number | undefined;
  /** Bytes that requests may take together beside the model; default as the batcher has it. */
  memoryBytes?: number | undefined;
  /** Requests that may wait. */
  queue: number;
  /** Processes that decode pictures, at most. */
  visionWorkers: number;
  /** For each picture, and for what is in its process. */
  decoding?: DecodingLimits | undefined;
  /** Of a model that is loaded when it is first asked for: what is known of it without its weights. */
  lazy?: ModelFacts | undefined;
  /** Resolves when there is memory for a model that is about to be loaded because somebody asks for it. */
  admit?: (() => Promise<void>) | undefined;
  onPass?: (pass: ForwardPass) => void;
  /** When the model's process counts as hanging, and is replaced; defaults in life-signs.ts. */
  life?: Partial<LifeLimits> | undefined;
  /** Told of crashes and restarts. */
  log?: (line: string) => void;
}

/** "idle": nobody has asked for this model yet, or lately, so it is not loaded. */
export type Status = "idle" | "loading" | "ready" | "restarting" | "draining";

/** Prepared requests that wait beside those in the forward pass, so that a free place is filled at once. */
const AHEAD = 2;

/** Between two looks at whether a model that makes room has finished. */
const LEAVING_LOOK_MS = 20;

/** With so many dead processes, a request has killed them; one may have been another's fault. */
const DEATHS = 2;

export class Engine {
  readonly options: EngineOptions;
  readonly #replicas: readonly Replica[];
  readonly #pools: VisionPools;
  readonly #texts: TextPool;
  readonly #turns: Turns;
  readonly #idle = new Set<() => void>();
  #status: Status;
  #facts: ModelFacts | undefined;
  #lastId = 0;
  /** What a request takes once it is its turn; a moving average, in seconds. */
  #usualSeconds = 1;
  #loaded: { resolve: (facts: ModelFacts) => void; reject: (reason: Error) => void } | undefined;
  /** When it last had something to do, and since when it takes requests; of performance.now(). */
  #workedAt = performance.now();
  #upSince = performance.now();
  /** Since when it is being loaded; of performance.now(). */
  #loadingSince = performance.now();
  #failure: UserError | undefined;
  /** It makes room for another model: nothing more is begun. */
  #isLeaving = false;

  constructor(options: EngineOptions) {
    this.options = options;
    this.#facts = options.lazy;
    this.#status = options.lazy === undefined ? "loading" : "idle";
    this.#turns = new Turns(options.queue);
    const isolation = options.decoding ?? decodingLimits({});
    this.#pools = {
      pictures: new VisionPool({ workers: options.visionWorkers, isolation }),
      videos: new VisionPool({ workers: 1, isolation }),
    };
    const { folder, load, replicas = 1 } = options;
    this.#texts = new TextPool({ folder, base: load.base, quantize: load.quantize });
    this.#replicas = devicesOf(load.device, replicas).map((device, i) =>
      this.#replica(replicas === 1 ? undefined : `replica ${i} of ${replicas}`, { ...load, ...(device && { device }) }),
    );
  }

  #replica(name: string | undefined, load: LoadOptions): Replica {
    const { folder, threads, batch, keptBytes, cacheBytes, memoryBytes, life } = this.options;
    const replica: Replica = new Replica(
      name,
      { folder, options: load, threads, batch, keptBytes, cacheBytes, memoryBytes },
      { ...LIFE_LIMITS, ...life },
      {
        ready: (facts) => this.#ready(facts),
        message: (message) => this.#hear(message),
        lost: (why) => this.#lost(replica, why),
        unloadable: (why, isFirst) => this.#unloadable(replica, why, isFirst),
        isBusy: () => this.#turns.inState("sent", replica).length + this.#turns.inState("begun", replica).length > 0,
      },
    );
    return replica;
  }

  get status(): Status {
    return this.#status;
  }

  /** Of a model that is being loaded, or waits for memory to be loaded into. */
  get loadingSeconds(): number | undefined {
    return this.#status === "loading" ? Math.round((performance.now() - this.#loadingSince) / 100) / 10 : undefined;
  }

  /** Why it could not be loaded when that was last tried. */
  get failure(): UserError | undefined {
    return this.#failure;
  }

  /** undefined until the model has been loaded for the first time, but for a lazy one. */
  get facts(): ModelFacts | undefined {
    return this.#facts;
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

  get queued(): number {
    return this.#turns.waiting;
  }

  get running(): number {
    return this.#turns.underway;
  }

  get restarts(): number {
    return this.#sum(({ restarts }) => restarts);
  }

  /** Milliseconds since it last had something to do, and since it was last loaded. */
  get restedFor(): number {
    return performance.now() - this.#workedAt;
  }
  get upFor(): number {
    return performance.now() - this.#upSince;
  }

  /** Of the model's process; of several, the first. */
  get pid(): number | undefined {
    return this.#replicas[0]?.pid;
  }

  /** Each with what it has to do. */
  get replicas(): { pid: number | undefined; isUp: boolean; running: number }[] {
    return this.#replicas.map((replica) => ({
      ...{ pid: replica.pid, isUp: replica.isUp },
      running: this.#turns.with(replica).length,
    }));
  }

  #sum(read: (replica: Replica) => number): number {
    return this.#replicas.reduce((total, replica) => total + read(replica), 0);
  }

  /** Loads the model, in all replicas; requests are taken once one is there. @throws what is wrong with it */
  start(): Promise<ModelFacts> {
    this.#status = "loading";
    return new Promise((resolve, reject) => {
      this.#loaded = { resolve, reject };
      this.#texts.warm();
      for (const replica of this.#replicas) replica.start();
    });
  }

  /** @throws EngineError when there is no place, the model is not there or was lost; UserError when the request is
   *  wrong; the signal's reason when the client has gone */
  submit<K extends RequestKind>(request: RoutedRequest & { job: Job<K> }): Promise<AnswerOfKind[K]> {
    const { signal } = request;
    if (this.#status === "draining")
      return Promise.reject(new EngineError("draining", "the server is shutting down", 5));
    if (this.#facts === undefined) return Promise.reject(new EngineError("loading", "the model is still loading", 5));
    if (signal.aborted) return Promise.reject(signal.reason);
    try {
      assertTexts(this.#facts, request.job.asked);
    } catch (error) {
      return Promise.reject(error);
    }
    return new Promise<Answer>((resolve, reject) => {
      const entry: Entry = {
        ...request,
        id: ++this.#lastId,
        state: "queued",
        replica: undefined,
        prepared: undefined,
        request: undefined,
        deaths: 0,
        takenAt: 0,
        resolve,
        reject,
      };
      const { accepted, displaced } = this.#turns.push(entry);
      displaced?.reject(this.#busy());
      if (!accepted) return reject(this.#busy());
      signal.addEventListener("abort", () => this.#abort(entry), { once: true });
      this.#workedAt = performance.now();
      if (this.#status === "idle") this.#loadLate();
      this.#pump();
    }) as Promise<AnswerOfKind[K]>; // a job has an answer of its kind
  }

  /** Ends the process of a model that has nothing to do; the next request loads it again. */
  async unload(): Promise<void> {
    if (this.#status !== "ready" || !this.#turns.isIdle) return;
    await this.#leave();
  }

  /** The same once what is under way is answered; those that wait have it loaded again. */
  async stepAside(): Promise<void> {
    this.#isLeaving = true;
    try {
      while (this.#status === "ready" && this.#turns.underway > 0)
        await new Promise((resolve) => setTimeout(resolve, LEAVING_LOOK_MS).unref());
      if (this.#status === "ready") await this.#leave();
    } finally {
      this.#isLeaving = false;
    }
    if (this.#status === "idle" && this.queued > 0) this.#loadLate();
    this.#pump();
  }

  async #leave(): Promise<void> {
    this.#status = "idle";
    await Promise.all(this.#replicas.map((replica) => replica.stop()));
  }

  /** Takes no more requests, and resolves when all are answered; those that are not after `seconds` get an error. */
  async drain(seconds: number): Promise<void> {
    this.#status = "draining";
    if (!this.#turns.isIdle) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, seconds * 1000);
      });
      await Promise.race([new Promise<void>((resolve) => this.#idle.add(resolve)), late]);
      clearTimeout(timer);
    }
    await this.close();
  }

  async close(): Promise<void> {
    this.#status = "draining";
    const gone = new EngineError("draining", "the server is shutting down", 5);
    for (const entry of this.#turns.drainWaiting()) entry.reject(gone);
    for (const entry of this.#turns.all()) this.#settle(entry, () => entry.reject(gone));
    const { pictures, videos } = this.#pools;
    const all = [...this.#replicas, pictures, videos, this.#texts];
    await Promise.all(all.map((each) => each.close()));
  }

  #busy(): EngineError {
    const together = this.options.batch * this.#replicas.length;
    const rounds = Math.ceil((this.#turns.waiting + 1) / together);
    const seconds = Math.min(600, Math.max(1, Math.ceil(rounds * this.#usualSeconds)));
    return new EngineError("busy", `the queue is full (${this.#turns.limit} requests wait)`, seconds);
  }

  /** Gives free places to those whose turn it is: the least busy replica's first. */
  #pump(): void {
    if (this.#isLeaving) return;
    const open = new Map(
      this.#replicas.filter(({ isUp }) => isUp).map((each) => [each, this.#turns.with(each).length]),
    );
    while (open.size > 0) {
      const [[replica, running]] = [...open].sort(([, a], [, b]) => a - b) as [[Replica, number]];
      const entry = running < this.options.batch + AHEAD ? this.#turns.take(replica) : undefined;
      if (entry === undefined) {
        open.delete(replica);
        continue;
      }
      open.set(replica, running + 1);
      void this.#prepare(entry, replica);
    }
  }

  async #prepare(entry: Entry, replica: Replica): Promise<void> {
    entry.state = "preparing";
    try {
      const visuals = await (entry.prepared ?? entry.visuals(this.#pools, this.#facts as ModelFacts, entry.signal));
      entry.prepared = visuals;
      const { asked, usualLength, longest } = entry.job;
      const text = { asked, usualLength, longest, visuals: visuals.map(headOf) };
      entry.request ??= await this.#texts.resolve(text, entry.signal);
    } catch (error) {
      this.#settle(entry, () => entry.reject(error));
      return;
    }
    if (!this.#turns.isUnderway(entry)) return; // aborted in the meantime
    if (!replica.isUp || this.#turns.waitsForTrials(entry, replica)) {
      this.#turns.putBack(entry);
      this.#pump();
      return;
    }
    entry.state = "sent";
    void this.#send(entry, replica, entry.request, entry.prepared);
  }

  async #send(entry: Entry, replica: Replica, request: ResolvedRequest, visuals: readonly Visual[]): Promise<void> {
    const { id, deaths } = entry;
    const { text, trace } = entry.job;
    await replica.send({ type: "add", id, job: { request, text, trace }, visuals: visuals.map(headOf) });
    for (const [visual, { pixels }] of visuals.entries())
      for (let start = 0; start < pixels.length; start += PIECE_BYTES) {
        // It has left, or is with another process by now.
        if (!this.#turns.isUnderway(entry) || entry.state !== "sent" || entry.deaths !== deaths) return;
        const piece = pixels.subarray(start, start + PIECE_BYTES);
        await replica.send({ type: "pixels", id, visual, start, pixels: piece });
      }
  }

  #ready(facts: ModelFacts): void {
    this.#facts = facts;
    this.#failure = undefined;
    this.#upSince = performance.now();
    if (this.#status !== "draining") this.#status = "ready";
    if (this.#replicas.every(({ isUp }) => isUp)) this.#loaded?.resolve(facts);
    this.#pump();
  }

  #hear(message: FromModel): void {
    switch (message.type) {
      case "begun": {
        const entry = this.#turns.find(message.id);
        if (entry === undefined) return;
        entry.state = "begun";
        entry.prepared = undefined; // megabytes that nobody needs again
        if (entry.request !== undefined) entry.onBegun?.({ ...message.beginning, request: entry.request });
        return;
      }
      case "progress":
        for (const progress of message.progress) this.#report(progress);
        return;
      case "layers":
        for (const id of message.ids) this.#turns.find(id)?.onLayers?.(message.progress);
        return;
      case "done":
        this.#answer(message.id, message.answer);
        return;
      case "failed":
        this.#fail(message.id, unpackError(message.error));
        return;
      case "passes":
        for (const pass of message.passes) this.options.onPass?.(pass);
        return;
      case "ready":
      case "unloadable":
        return; // the replica's affair
    }
  }

  #report({ id, text, trace }: Progress): void {
    const entry = this.#turns.find(id);
    if (text !== undefined) entry?.onText?.(text);
    if (trace !== undefined) entry?.onTrace?.(trace);
  }

  #answer(id: number, answer: Answer): void {
    const entry = this.#turns.find(id);
    if (entry === undefined) return;
    const seconds = (performance.now() - entry.takenAt) / 1000;
    this.#usualSeconds += 0.2 * (seconds - this.#usualSeconds);
    this.#settle(entry, () => entry.resolve(answer));
  }

  #fail(id: number, error: Error): void {
    const entry = this.#turns.find(id);
    if (entry === undefined) return;
    const reason = error instanceof UserError ? error : new EngineError("failed", error.message, undefined, error);
    this.#settle(entry, () => entry.reject(reason));
  }

  #settle(entry: Entry, tell: () => void): void {
    this.#turns.remove(entry);
    this.#workedAt = performance.now();
    tell();
    this.#pump();
    if (!this.#turns.isIdle) return;
    for (const resolve of this.#idle) resolve();
    this.#idle.clear();
  }

  #abort(entry: Entry): void {
    if (entry.state !== "queued" && !this.#turns.isUnderway(entry)) return;
    if (entry.state === "sent" || entry.state === "begun") void entry.replica?.send({ type: "cancel", id: entry.id });
    this.#settle(entry, () => entry.reject(entry.signal.reason));
  }

  #lost(replica: Replica, why: Error): void {
    this.options.log?.(`${named(replica, why.message)}; starting it again`);
    this.#restarting();
    this.#turns.tryAt(replica);
    const error = new EngineError(
      "crashed",
      `${why.message} while it worked on this request; it is being restarted`,
      5,
    );
    // Those whose pictures are being decoded are put back when that is done.
    const [sent, begun] = [this.#turns.inState("sent", replica), this.#turns.inState("begun", replica)];
    for (const entry of sent) entry.deaths++;
    // Those that it had not begun lose nothing but their place in its line, unless it dies of them again.
    const guilty = sent.filter(({ deaths }) => deaths >= DEATHS);
    for (const entry of sent) if (!guilty.includes(entry)) this.#turns.putBack(entry);
    for (const entry of [...begun, ...guilty]) this.#settle(entry, () => entry.reject(error));
    this.#pump(); // others may have places
  }

  /** The first request for a lazy model loads it, and waits for it in the queue. A model that cannot be loaded fails those
   *  that wait; the next request tries again. */
  #loadLate(): void {
    const { folder, log, admit } = this.options;
    this.#status = "loading";
    this.#loadingSince = performance.now();
    this.#failure = undefined;
    const begin = () => {
      if (this.#status === "draining") return undefined; // whoever waited has been told
      log?.(`loading ${folder}, which a request asks for`);
      return this.start();
    };
    (admit?.() ?? Promise.resolve()).then(begin).catch((why: Error) => {
      if (this.#status !== "draining") this.#status = "idle";
      this.#failure = failureOf(why);
      const error = new EngineError("failed", "the model cannot be loaded; the server's log says why", undefined, why);
      for (const entry of this.#turns.drainWaiting()) this.#settle(entry, () => entry.reject(error));
    });
  }

  #unloadable(replica: Replica, why: Error, isFirst: boolean): void {
    if (isFirst) {
      this.#loaded?.reject(atReplica(replica, why));
      return;
    }
    this.options.log?.(`${named(replica, "the model")} cannot be loaded again: ${why.message}`);
    this.#failure = failureOf(why);
    this.#restarting();
  }

  /** One of several that is away keeps nobody from asking the others. */
  #restarting(): void {
    if (this.#status !== "draining" && !this.#replicas.some(({ isUp }) => isUp)) this.#status = "restarting";
  }
}

const failureOf = (why: Error): UserError =>
  why instanceof UserError ? why : new UserError("its process failed", "The server's log says why.", { cause: why });

const named = ({ name }: Replica, text: string): string => (name === undefined ? text : `${name}: ${text}`);

/** What is wrong with one of several, where each may have a GPU of its own. */
function atReplica({ name }: Replica, why: Error): Error {
  if (name === undefined) return why;
  const hint = why instanceof UserError ? why.hint : undefined;
  const remedy = "--replicas takes memory for as many models, and with --device cuda as many GPUs.";
  return new UserError(`${name}: ${why.message}`, hint === undefined ? remedy : `${hint} ${remedy}`, { cause: why });
}

const headOf = ({ kind, tiles, tileSize, imageSize }: Visual): VisualHead => ({ kind, tiles, tileSize, imageSize });
