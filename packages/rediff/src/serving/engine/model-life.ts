/** Whether a model is there: loaded as the server starts or when a request first asks, away and back again; and what is known of it
 *  meanwhile. */
import { UserError } from "../../errors.js";
import type { ModelFacts } from "../../inference/model-facts.js";

/** "idle": nobody has asked for this model yet, or lately, so it is not loaded. */
export type Status = "idle" | "loading" | "ready" | "restarting" | "draining";

export class ModelLife {
  #status: Status;
  #facts: ModelFacts | undefined;
  #failure: UserError | undefined;
  #loaded: { resolve: (facts: ModelFacts) => void; reject: (reason: Error) => void } | undefined;
  /** Since when it takes requests, and since when it is being loaded; of performance.now(). */
  #upSince = performance.now();
  #loadingSince = performance.now();

  /** @param lazy of a model that is loaded when it is first asked for */
  constructor(lazy: ModelFacts | undefined) {
    this.#facts = lazy;
    this.#status = lazy === undefined ? "loading" : "idle";
  }

  get status(): Status {
    return this.#status;
  }

  /** undefined until the model has been loaded for the first time, but for a lazy one. */
  get facts(): ModelFacts | undefined {
    return this.#facts;
  }

  /** Why it could not be loaded when that was last tried. */
  get failure(): UserError | undefined {
    return this.#failure;
  }

  /** Of a model that is being loaded, or waits for memory to be loaded into. */
  get loadingSeconds(): number | undefined {
    return this.#status === "loading" ? Math.round((performance.now() - this.#loadingSince) / 100) / 10 : undefined;
  }

  /** Milliseconds since it was last loaded. */
  get upFor(): number {
    return performance.now() - this.#upSince;
  }

  /** It is to be loaded, once there is memory for it. */
  ask(): void {
    this.#status = "loading";
    this.#loadingSince = performance.now();
    this.#failure = undefined;
  }

  /** It is being loaded. Resolves when all of its processes have it; rejects with what is wrong with it. */
  load(): Promise<ModelFacts> {
    this.#status = "loading";
    return new Promise((resolve, reject) => {
      this.#loaded = { resolve, reject };
    });
  }

  /** A process has it. @param isWhole all of them have */
  arrived(facts: ModelFacts, isWhole: boolean): void {
    this.#facts = facts;
    this.#failure = undefined;
    this.#upSince = performance.now();
    if (this.#status !== "draining") this.#status = "ready";
    if (isWhole) this.#loaded?.resolve(facts);
  }

  /** It cannot be loaded, and never was. */
  refuse(why: Error): void {
    this.#loaded?.reject(why);
  }

  /** It cannot be loaded now. */
  fail(why: Error): void {
    this.#failure = failureOf(why);
  }

  /** None of its processes takes requests; they are on their way. */
  restart(): void {
    if (this.#status !== "draining") this.#status = "restarting";
  }

  /** It is not loaded, until a request asks. */
  rest(): void {
    if (this.#status !== "draining") this.#status = "idle";
  }

  /** No more requests, for good. */
  drain(): void {
    this.#status = "draining";
  }
}

const failureOf = (why: Error): UserError =>
  why instanceof UserError ? why : new UserError("its process failed", "The server's log says why.", { cause: why });
