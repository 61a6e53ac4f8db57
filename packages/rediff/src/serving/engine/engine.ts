/** Requests to answers: in their turns, pictures decoded beside the model, the model's process or several of them (replicas),
 *  and what happens when one dies. HTTP is not known here. */
import type { MemoryUse } from "@rediff/torch";
import { UserError } from "../../errors.js";
import type { AnswerOfKind } from "../../inference/answers.js";
import { assertTexts } from "../../inference/limits/text-room.js";
import type { ModelFacts } from "../../inference/model-facts.js";
import type { RequestKind } from "../../inference/resolve.js";
import type { KeptUse } from "../../models/llava/kept-features.js";
import { unpackError } from "../../threads/portable-error.js";
import { EngineError } from "./engine-error.js";
import type { EngineOptions } from "./engine-options.js";
import { ModelLife, type Status } from "./model-life.js";
import type { Answer, FromModel, Job } from "./protocol.js";
import type { Replica } from "./replica.js";
import { atReplica, named, Replicas } from "./replicas.js";
import { type Entry, type RoutedRequest, Turns } from "./request-turns.js";
import { Preparation, sendRequest, tellProgress } from "./request-way.js";

/** Prepared requests that wait beside those in the forward pass, so that a free place is filled at once. */
const AHEAD = 2;

/** Between two looks at whether a model that makes room has finished. */
const LEAVING_LOOK_MS = 20;

/** With so many dead processes, a request has killed them; one may have been another's fault. */
const DEATHS = 2;

export class Engine {
  readonly options: EngineOptions;
  readonly #replicas: Replicas;
  readonly #preparation: Preparation;
  readonly #turns: Turns;
  readonly #life: ModelLife;
  readonly #idle = new Set<() => void>();
  #lastId = 0;
  /** What a request takes once it is its turn; a moving average, in seconds. */
  #usualSeconds = 1;
  /** When it last had something to do; of performance.now(). */
  #workedAt = performance.now();
  /** It makes room for another model: nothing more is begun. */
  #isLeaving = false;

  constructor(options: EngineOptions) {
    this.options = options;
    this.#life = new ModelLife(options.lazy);
    this.#turns = new Turns(options.queue);
    this.#preparation = new Preparation(options);
    this.#replicas = new Replicas(options, (replica) => ({
      ready: (facts) => this.#ready(facts),
      message: (message) => this.#hear(message),
      lost: (why) => this.#lost(replica(), why),
      unloadable: (why, isFirst) => this.#unloadable(replica(), why, isFirst),
      isBusy: () => this.#turns.with(replica()).some(({ state }) => state === "sent" || state === "begun"),
    }));
  }

  get status(): Status {
    return this.#life.status;
  }

  /** Of a model that is being loaded, or waits for memory to be loaded into. */
  get loadingSeconds(): number | undefined {
    return this.#life.loadingSeconds;
  }

  /** Why it could not be loaded when that was last tried. */
  get failure(): UserError | undefined {
    return this.#life.failure;
  }

  /** undefined until the model has been loaded for the first time, but for a lazy one. */
  get facts(): ModelFacts | undefined {
    return this.#life.facts;
  }

  /** Of pictures' features; counts go on when a process is replaced. */
  get kept(): KeptUse {
    return this.#replicas.kept;
  }

  /** Of requests' caches, now. */
  get cacheBytes(): number {
    return this.#replicas.cacheBytes;
  }

  /** Of captured passes, now. */
  get keptGraphs(): number {
    return this.#replicas.keptGraphs;
  }

  get memory(): MemoryUse {
    return this.#replicas.memory;
  }

  get queued(): number {
    return this.#turns.waiting;
  }

  get running(): number {
    return this.#turns.underway;
  }

  get restarts(): number {
    return this.#replicas.restarts;
  }

  /** Milliseconds since it last had something to do, and since it was last loaded. */
  get restedFor(): number {
    return performance.now() - this.#workedAt;
  }
  get upFor(): number {
    return this.#life.upFor;
  }

  /** Of the model's process; of several, the first. */
  get pid(): number | undefined {
    return this.#replicas.all[0]?.pid;
  }

  /** Each with what it has to do. */
  get replicas(): { pid: number | undefined; isUp: boolean; running: number }[] {
    return this.#replicas.all.map((replica) => ({
      ...{ pid: replica.pid, isUp: replica.isUp },
      running: this.#turns.with(replica).length,
    }));
  }

  /** Loads the model, in all replicas; requests are taken once one is there. @throws what is wrong with it */
  start(): Promise<ModelFacts> {
    const loaded = this.#life.load();
    this.#preparation.warm();
    this.#replicas.start();
    return loaded;
  }

  /** @throws EngineError when there is no place, the model is not there or was lost; UserError when the request is
   *  wrong; the signal's reason when the client has gone */
  submit<K extends RequestKind>(request: RoutedRequest & { job: Job<K> }): Promise<AnswerOfKind[K]> {
    const { signal } = request;
    if (this.status === "draining")
      return Promise.reject(new EngineError("draining", "the server is shutting down", 5));
    if (this.facts === undefined) return Promise.reject(new EngineError("loading", "the model is still loading", 5));
    if (signal.aborted) return Promise.reject(signal.reason);
    try {
      assertTexts(this.facts, request.job.asked);
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
      if (this.status === "idle") this.#loadLate();
      this.#pump();
    }) as Promise<AnswerOfKind[K]>; // a job has an answer of its kind
  }

  /** Ends the process of a model that has nothing to do; the next request loads it again. */
  async unload(): Promise<void> {
    if (this.status !== "ready" || !this.#turns.isIdle) return;
    await this.#leave();
  }

  /** The same once what is under way is answered; those that wait have it loaded again. */
  async stepAside(): Promise<void> {
    this.#isLeaving = true;
    try {
      while (this.status === "ready" && this.#turns.underway > 0)
        await new Promise((resolve) => setTimeout(resolve, LEAVING_LOOK_MS).unref());
      if (this.status === "ready") await this.#leave();
    } finally {
      this.#isLeaving = false;
    }
    if (this.status === "idle" && this.queued > 0) this.#loadLate();
    this.#pump();
  }

  async #leave(): Promise<void> {
    this.#life.rest();
    await this.#replicas.stop();
  }

  /** Takes no more requests, and resolves when all are answered; those that are not after `seconds` get an error. */
  async drain(seconds: number): Promise<void> {
    this.#life.drain();
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
    this.#life.drain();
    const gone = new EngineError("draining", "the server is shutting down", 5);
    for (const entry of this.#turns.drainWaiting()) entry.reject(gone);
    for (const entry of this.#turns.all()) this.#settle(entry, () => entry.reject(gone));
    await Promise.all([this.#replicas.close(), this.#preparation.close()]);
  }

  #busy(): EngineError {
    const together = this.options.batch * this.#replicas.all.length;
    const rounds = Math.ceil((this.#turns.waiting + 1) / together);
    const seconds = Math.min(600, Math.max(1, Math.ceil(rounds * this.#usualSeconds)));
    return new EngineError("busy", `the queue is full (${this.#turns.limit} requests wait)`, seconds);
  }

  /** Gives free places to those whose turn it is: the least busy replica's first. */
  #pump(): void {
    if (this.#isLeaving) return;
    const open = new Map(this.#replicas.up.map((each) => [each, this.#turns.with(each).length]));
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
      await this.#preparation.prepare(entry, this.facts as ModelFacts);
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
    void sendRequest(entry, replica, this.#turns);
  }

  #ready(facts: ModelFacts): void {
    this.#life.arrived(facts, this.#replicas.up.length === this.#replicas.all.length);
    this.#pump();
  }

  #hear(message: FromModel): void {
    switch (message.type) {
      case "begun":
      case "progress":
      case "layers":
        tellProgress(message, (id) => this.#turns.find(id));
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
    this.#life.ask();
    const begin = () => {
      if (this.status === "draining") return undefined; // whoever waited has been told
      log?.(`loading ${folder}, which a request asks for`);
      return this.start();
    };
    (admit?.() ?? Promise.resolve()).then(begin).catch((why: Error) => {
      this.#life.rest();
      this.#life.fail(why);
      const error = new EngineError("failed", "the model cannot be loaded; the server's log says why", undefined, why);
      for (const entry of this.#turns.drainWaiting()) this.#settle(entry, () => entry.reject(error));
    });
  }

  #unloadable(replica: Replica, why: Error, isFirst: boolean): void {
    if (isFirst) {
      this.#life.refuse(atReplica(replica, why));
      return;
    }
    this.options.log?.(`${named(replica, "the model")} cannot be loaded again: ${why.message}`);
    this.#life.fail(why);
    this.#restarting();
  }

  /** One of several that is away keeps nobody from asking the others. */
  #restarting(): void {
    if (this.#replicas.up.length === 0) this.#life.restart();
  }
}
