/** Lets requests out one after the other: never faster than the rate, and none while the server asks for a pause.
 *  The pause is for all of them: where one is refused for being too many, the others would be as well. */
import { setTimeout as sleep } from "node:timers/promises";

/** A timer that is set to more runs at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class RateLimit {
  readonly #intervalMs: number;
  #queue: Promise<void> = Promise.resolve();
  #nextAt = 0;
  #pausedUntil = 0;

  /** @param perMinute requests, evenly spaced; undefined for no bound */
  constructor(perMinute?: number) {
    this.#intervalMs = perMinute === undefined ? 0 : 60_000 / perMinute;
  }

  pause(ms: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, performance.now() + ms);
  }

  /** Resolves when a request may go out. @throws the signal's reason */
  wait(signal: AbortSignal): Promise<void> {
    const permission = this.#queue.then(() => this.#pass(signal));
    this.#queue = permission.catch(() => undefined);
    return permission;
  }

  async #pass(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    for (let waitMs = this.#waitMs(); waitMs > 0; waitMs = this.#waitMs())
      await sleep(Math.min(waitMs, LONGEST_TIMER_MS), undefined, { signal }).catch(() => signal.throwIfAborted());
    this.#nextAt = performance.now() + this.#intervalMs;
  }

  #waitMs = (): number => Math.max(this.#nextAt, this.#pausedUntil) - performance.now();
}
