/** Continuous batching: requests enter and leave between forward passes, up to `batch` of them in each.
 *
 *  This is the only loop that steps a decoder. The library, the command line, drafts and the server are its clients: they
 *  give it a source of work and pull it, pass by pass, so that they can end it, or wait, between any two.
 *
 *  One request that fails (too long a prompt, an output that is not a number) does not fail the others. */

import type { DecodeStep } from "../diffusion/decode-step.js";
import { Decoder, type Decoding, OutputError } from "../diffusion/decoder.js";
import type { Model } from "../models/llava/llava.js";
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
}

/** A request among those that are decoded. */
interface Active {
  submission: Submission;
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

  constructor(model: Model, batch: number) {
    this.#model = model;
    this.#batch = batch;
  }

  /** Yields after every forward pass, and undefined where there was none (nothing to decode, or it is the client's turn);
   *  ends when the source is over and all is answered. Whoever leaves it early hears no more of what is under way. */
  async *run(source: WorkSource): AsyncGenerator<ForwardPass | undefined, void> {
    try {
      for (;;) {
        const why = await this.#admit(source);
        const isBusy = this.#active.size > 0;
        if (why === "over" && !isBusy) return;
        const pass = isBusy && why !== "client" ? this.#pass() : undefined;
        // Timers, signals and sockets have their turn between two forward passes.
        await new Promise((resolve) => setImmediate(resolve));
        yield pass;
      }
    } finally {
      for (const active of this.#active.values()) this.#leave(active);
      this.#rest();
    }
  }

  /** Frees the place before the next pass. A request that is over already is no mistake: the messages crossed. */
  cancel(submission: Submission): void {
    const active = this.#active.get(submission);
    if (active !== undefined) this.#leave(active);
  }

  /** @returns why no more are admitted */
  async #admit(source: WorkSource): Promise<Exclude<Taken, Submission> | "full"> {
    while (this.#active.size < this.#batch) {
      const isIdle = this.#active.size === 0;
      if (isIdle) this.#rest();
      const taken = await source.take(isIdle);
      if (typeof taken === "string") return taken;
      this.#begin(taken);
    }
    return "full";
  }

  #begin(submission: Submission): void {
    const started = performance.now();
    let answer: BegunAnswer | undefined;
    try {
      answer = submission.begin(this.#model);
      this.#decoder ??= new Decoder(this.#model);
      const { prompt, request, loop, beginning } = answer;
      const decoding = this.#decoder.add(prompt, request.decode, loop && { loop });
      const active: Active = { submission, answer, decoding, seen: undefined, started };
      this.#active.set(submission, active);
      submission.begun(beginning);
      if (decoding.result !== undefined) this.#finish(active); // nothing to decode
    } catch (error) {
      this.cancel(submission);
      submission.failed(error);
    } finally {
      answer?.prompt.dispose();
    }
  }

  #pass(): ForwardPass {
    const batch = this.#active.size;
    const started = performance.now();
    try {
      this.#decoder?.step();
    } catch (error) {
      this.#blame(error);
    }
    const seconds = (performance.now() - started) / 1000;
    return { batch, ...this.#report(seconds), seconds };
  }

  /** Ends the request that a failed step is due to. The others go on: those that had their turn keep it, and the rest
   *  is asked again. Where the error names nobody, it is the newest: without it, it went well (memory, for one). */
  #blame(error: unknown): void {
    const all = [...this.#active.values()];
    const named = all.find(({ decoding }) => error instanceof OutputError && error.decoding === decoding);
    const blamed = named ?? all.at(-1);
    if (blamed === undefined) throw error;
    this.#leave(blamed);
    blamed.submission.failed(error);
  }

  /** Tells what the pass did, and answers those that are done. */
  #report(seconds: number): Pick<ForwardPass, "filled" | "revised"> {
    const over: Active[] = [];
    let [filled, revised] = [0, 0];
    for (const active of this.#active.values()) {
      const { decoding, answer } = active;
      if (decoding.step === active.seen) continue;
      active.seen = decoding.step;
      filled += decoding.step?.filled.length ?? 0;
      revised += decoding.step?.revised.length ?? 0;
      const isOver = answer.watch(decoding, seconds);
      if (isOver || decoding.result !== undefined) over.push(active);
    }
    for (const active of over) this.#finish(active);
    return { filled, revised };
  }

  #finish(active: Active): void {
    const { answer, decoding, started } = active;
    try {
      answer.finish(decoding, (performance.now() - started) / 1000);
    } finally {
      this.#leave(active);
    }
  }

  #leave({ submission, decoding }: Active): void {
    this.#active.delete(submission);
    this.#decoder?.remove(decoding);
    decoding[Symbol.dispose]();
  }

  #rest(): void {
    this.#decoder?.[Symbol.dispose]();
    this.#decoder = undefined;
  }
}
