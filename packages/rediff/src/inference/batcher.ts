/** Continuous batching: requests enter and leave between forward passes, up to `batch` of them in each.
 *
 *  This is the only loop that steps a decoder. The library, the command line, drafts and the server are its clients: they
 *  give it a source of work and pull it, pass by pass, so that they can end it, or wait, between any two.
 *
 *  A pass of a large model takes minutes, so the others have their turn between its layers too: signals, messages, and the
 *  client, who may leave there, or cancel a request. A pass that nobody waits for any more ends at once.
 *
 *  What requests take beside the weights is counted before they are admitted: a batch is made smaller rather than take more
 *  memory than there is, and what does not fit by itself is refused.
 *
 *  One request that fails (too long a prompt, an output that is not a number) does not fail the others. */

import { CacheBudget } from "../diffusion/cache/cache-budget.js";
import { addUse, type CacheUse } from "../diffusion/cache/decoding-cache.js";
import type { DecodeStep } from "../diffusion/decode-step.js";
import { Decoder, type Decoding, OutputError } from "../diffusion/decoder.js";
import { type GraphUse, usedSince } from "../diffusion/pass/captured-passes.js";
import type { Wording } from "../errors.js";
import type { LayersDone, PassProgress, Pieces } from "../models/chain.js";
import { Turns } from "../models/layer-turns.js";
import type { KeptFeatures } from "../models/llava/kept-features.js";
import type { Model } from "../models/llava/llava.js";
import { bytesTogether, type MemoryRoom, memoryRoom, narrowed, type RequestNeed } from "./limits/memory-room.js";
import type { BegunAnswer, Submission } from "./submission.js";

/** A request, or why there is none: "none" yet, so the others go on; the "client" wants its turn first; it is "over",
 *  nothing will come any more. */
export type Taken = Submission | "none" | "client" | "over";

/** Where work comes from, one request at a time, whenever there is room for it. */
export interface WorkSource {
  /** @param isIdle nothing is being decoded: then it may wait for as long as it likes */
  take(isIdle: boolean): Taken | Promise<Taken>;
}

/** One forward pass for all requests in it. */
export interface ForwardPass {
  /** Requests in it. */
  batch: number;
  /** Tokens written for the first time. */
  filled: number;
  revised: number;
  seconds: number;
  /** What caches did in it, and the bytes that they hold after it; nothing where no request had one. */
  cache?: CacheUse & { bytes: number };
  /** What became of it, where graphs are wanted and the device has them. */
  graphs?: GraphUse;
  /** Seconds for which requests waited for it: since the pass before, or since there was something to decode. */
  stall: number;
}

export interface BatcherOptions {
  /** Milliseconds between two passes for which those that are decoded may wait for others to be admitted, or a tenth of a
   *  pass where that is longer: then they have their step first. A picture is encoded in pieces, of which one may take
   *  longer. Default: all that there is room for is admitted, so that batches depend on the input alone. */
  patienceMs?: number;
  /** Told between two layers, of passes that take long enough for others to have their turn meanwhile. */
  onLayers?: ((progress: PassProgress) => void) | undefined;
  /** Pictures that were encoded before, by whoever owns it. Default: each is encoded when it is asked about. */
  kept?: KeptFeatures | undefined;
  /** Bytes that the caches of all requests may take together. Default half of what is free in main memory when there is
   *  something to decode; on other devices no bound. A request whose cache does not fit is decoded without. */
  cacheBytes?: number | undefined;
  /** Bytes that requests may take together beside the weights, caches included. Default what is free in main memory when
   *  there is something to decode; no bound on other devices, and for a model that was loaded without the check. */
  memoryBytes?: number | undefined;
  /** Told once, where memory has fewer requests decoded together than there is room for in the batch. */
  onNarrowed?: ((words: Wording) => void) | undefined;
}

/** A request whose pictures are being encoded. */
interface Beginning {
  submission: Submission;
  need: RequestNeed;
  pieces: Pieces<BegunAnswer>;
  started: number;
}

/** A request among those that are decoded. */
interface Active {
  submission: Submission;
  need: RequestNeed;
  answer: BegunAnswer;
  decoding: Decoding;
  /** The step that was reported last. */
  seen: DecodeStep | undefined;
  started: number;
}

export class Batcher {
  readonly #model: Model;
  readonly #batch: number;
  readonly #active = new Map<Submission, Active>();
  /** Only while there is work: it keeps tensors between steps. */
  #decoder: Decoder | undefined;
  #beginning: Beginning | undefined;
  /** Since when those that are decoded wait for a step. */
  #waitingSince = 0;
  /** Of the last pass. */
  #passSeconds = 0;
  readonly #patienceMs: number;
  readonly #onLayers: BatcherOptions["onLayers"];
  readonly #kept: KeptFeatures | undefined;
  readonly #given: Partial<MemoryRoom>;
  readonly #onNarrowed: BatcherOptions["onNarrowed"];
  #isNarrowed = false;
  /** As it was when there was nothing to decode. */
  #room: MemoryRoom | undefined;
  /** Taken from the source, and there was no memory for it beside the others. */
  #held: Submission | undefined;
  /** Those that left during a pass: it still has their tensors. */
  #left: Active[] | undefined;
  readonly #turns = new Turns();

  constructor(
    model: Model,
    batch: number,
    { patienceMs = Number.POSITIVE_INFINITY, onLayers, kept, cacheBytes, memoryBytes, onNarrowed }: BatcherOptions = {},
  ) {
    this.#model = model;
    this.#batch = batch;
    this.#patienceMs = patienceMs;
    this.#onLayers = onLayers;
    this.#kept = kept;
    this.#given = {
      ...(cacheBytes !== undefined && { caches: cacheBytes }),
      ...(memoryBytes !== undefined && { all: memoryBytes }),
    };
    this.#onNarrowed = onNarrowed;
  }

  /** Yields after every forward pass, and undefined where there was none (nothing to decode, it is the client's turn, or a
   *  pass is not done yet); ends when the source is over and all is answered. Whoever leaves it early hears no more of
   *  what is under way. */
  async *run(source: WorkSource): AsyncGenerator<ForwardPass | undefined, void> {
    try {
      for (;;) {
        const why = yield* this.#admit(source);
        const isBusy = this.#active.size > 0;
        if (why === "over" && !isBusy) return;
        const pass = isBusy && why !== "client" ? yield* this.#pass() : undefined;
        // Timers, signals and sockets have their turn between two forward passes.
        await this.#turns.give();
        yield pass;
      }
    } finally {
      this.#abandon();
      this.#held = undefined;
      for (const active of this.#active.values()) this.#leave(active);
      this.#rest();
    }
  }

  /** Frees the place before the next pass. A request that is over already is no mistake: the messages crossed. */
  cancel(submission: Submission): void {
    if (this.#beginning?.submission === submission) this.#abandon();
    if (this.#held === submission) this.#held = undefined;
    const active = this.#active.get(submission);
    if (active !== undefined) this.#leave(active);
  }

  /** @returns why no more are admitted */
  async *#admit(source: WorkSource): AsyncGenerator<undefined, Exclude<Taken, Submission> | "full" | "later"> {
    while (this.#beginning !== undefined || this.#active.size < this.#batch) {
      if (this.#beginning === undefined) {
        const isIdle = this.#active.size === 0;
        if (isIdle) this.#rest();
        const taken = this.#held ?? (await source.take(isIdle));
        if (typeof taken === "string") return taken;
        this.#held = undefined;
        const need = this.#needOf(taken);
        if (need === "refused") continue;
        if (need === "later") {
          this.#held = taken;
          return "full";
        }
        this.#beginning = {
          submission: taken,
          need,
          pieces: taken.begin(this.#model, this.#kept),
          started: performance.now(),
        };
      }
      this.#goOn(this.#beginning);
      if (this.#beginning !== undefined && this.#turns.areDue) {
        await this.#turns.give();
        yield;
      }
      const patienceMs = Math.max(this.#patienceMs, 100 * this.#passSeconds);
      if (this.#active.size > 0 && performance.now() - this.#waitingSince > patienceMs) return "later";
    }
    return "full";
  }

  /** What a request takes, if there is memory for it beside those that are decoded; "later", if there will be when some of
   *  them have left. */
  #needOf(submission: Submission): RequestNeed | "later" | "refused" {
    try {
      const need = submission.need(this.#model);
      const others = [...this.#active.values()].map((active) => active.need);
      this.#room ??= memoryRoom(this.#model, this.#given);
      const bytes = bytesTogether(this.#model, [...others, need], this.#room);
      if (bytes <= this.#room.all) return need;
      if (others.length === 0) throw submission.refusal(this.#model, need, this.#room);
      this.#tellNarrowed(others.length, bytes, this.#room);
      return "later";
    } catch (error) {
      submission.failed(error);
      return "refused";
    }
  }

  #tellNarrowed(together: number, bytes: number, room: MemoryRoom): void {
    if (this.#isNarrowed) return;
    this.#isNarrowed = true;
    this.#onNarrowed?.(narrowed(this.#model, { together, batch: this.#batch, bytes, room }));
  }

  /** The next piece of a request's pictures; after the last one it is decoded. */
  #goOn({ submission, need, pieces, started }: Beginning): void {
    let answer: BegunAnswer | undefined;
    try {
      const piece = pieces.next();
      if (!piece.done) {
        if (this.#turns.areDue) this.#tell(piece.value, started);
        return;
      }
      this.#beginning = undefined;
      answer = piece.value;
      this.#decoder ??= new Decoder(this.#model, new CacheBudget(this.#room?.caches));
      const { prompt, request, loop, beginning } = answer;
      const decoding = this.#decoder.add(prompt, request.decode, loop && { loop });
      const active: Active = { submission, need, answer, decoding, seen: undefined, started };
      if (this.#active.size === 0) this.#waitingSince = performance.now();
      this.#active.set(submission, active);
      submission.begun(beginning);
      if (decoding.result !== undefined) this.#finish(active); // nothing to decode
    } catch (error) {
      this.#beginning = undefined;
      this.cancel(submission);
      submission.failed(error);
    } finally {
      answer?.prompt.dispose();
    }
  }

  #abandon(): void {
    const beginning = this.#beginning;
    this.#beginning = undefined;
    beginning?.pieces.return(undefined as never); // frees what is encoded
  }

  /** Yields when others have had their turn between two layers. */
  async *#pass(): AsyncGenerator<undefined, ForwardPass | undefined> {
    const batch = this.#active.size;
    const started = performance.now();
    const stall = (started - this.#waitingSince) / 1000;
    const graphs = this.#decoder?.graphs && { ...this.#decoder.graphs };
    const pieces = this.#decoder?.pieces();
    this.#left = [];
    try {
      for (let piece = pieces?.next(); piece?.done === false; piece = pieces?.next()) {
        if (!this.#turns.areDue) continue;
        this.#tell(piece.value, started);
        await this.#turns.give();
        yield;
        if (this.#active.size === 0) return undefined; // nobody waits for it
      }
    } catch (error) {
      this.#blame(error);
    } finally {
      pieces?.return();
      const left = this.#left;
      this.#left = undefined;
      for (const active of left) this.#leave(active);
    }
    this.#waitingSince = performance.now();
    const seconds = (this.#waitingSince - started) / 1000;
    this.#passSeconds = seconds;
    const use = this.#decoder?.graphs;
    return { batch, ...this.#report(seconds), seconds, stall, ...(use && { graphs: usedSince(use, graphs) }) };
  }

  /** Ends the request that a failed step is due to. The others go on: those that had their turn keep it, and the rest
   *  is asked again. Where the error names nobody, it is the newest: without it, it went well (memory, for one). */
  #blame(error: unknown): void {
    const all = [...this.#active.values()];
    const isNamed = ({ decoding }: Active) => error instanceof OutputError && error.decoding === decoding;
    if (this.#left?.some(isNamed)) return; // it does not wait for its answer any more
    const named = all.find(isNamed);
    const blamed = named ?? all.at(-1);
    if (blamed === undefined) throw error;
    this.#leave(blamed);
    blamed.submission.failed(error);
  }

  /** Tells what the pass did, and answers those that are done. */
  #report(seconds: number): Pick<ForwardPass, "filled" | "revised" | "cache"> {
    const over: Active[] = [];
    let [filled, revised] = [0, 0];
    const use: CacheUse = { fullPasses: 0, cachedPasses: 0, rowsComputed: 0, rowsKept: 0 };
    let isCached = false;
    for (const active of this.#active.values()) {
      const { decoding, answer } = active;
      if (decoding.step === active.seen) continue;
      active.seen = decoding.step;
      if (decoding.cache !== undefined) {
        isCached = true;
        addUse(use, decoding.cache.lastUse);
      }
      filled += decoding.step?.filled.length ?? 0;
      revised += decoding.step?.revised.length ?? 0;
      const isOver = answer.watch(decoding, seconds);
      if (isOver || decoding.result !== undefined) over.push(active);
    }
    for (const active of over) this.#finish(active);
    return { filled, revised, ...(isCached && { cache: { ...use, bytes: this.cacheBytes } }) };
  }

  #finish(active: Active): void {
    const { answer, decoding, started } = active;
    try {
      answer.finish(decoding, (performance.now() - started) / 1000);
    } finally {
      this.#leave(active);
    }
  }

  #leave(active: Active): void {
    const { submission, decoding } = active;
    this.#active.delete(submission);
    if (this.#left !== undefined) return void this.#left.push(active);
    this.#decoder?.remove(decoding);
    decoding[Symbol.dispose]();
  }

  #tell(layers: LayersDone, started: number): void {
    this.#onLayers?.({ ...layers, seconds: (performance.now() - started) / 1000 });
  }

  #rest(): void {
    this.#decoder?.[Symbol.dispose]();
    this.#decoder = undefined;
    this.#room = undefined;
  }

  /** Bytes that caches hold now. */
  get cacheBytes(): number {
    return this.#decoder?.cacheBytes ?? 0;
  }

  /** Graphs that are kept now. */
  get keptGraphs(): number {
    return this.#decoder?.keptGraphs ?? 0;
  }
}
