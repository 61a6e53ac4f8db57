/** Waiting between tries: the delay doubles, with some chance in it so that many machines do not return at once. */
import { setTimeout as sleep } from "node:timers/promises";
import { TransientError } from "./transient-error.js";

export interface RetryPolicy {
  /** Tries in a row without progress before giving up. */
  tries: number;
  /** Wait after the first failure; the k-th waits 2^(k-1) times as long. */
  firstWaitMs: number;
  /** Longest wait that a server may ask for, and that doubling comes to. */
  longestWaitMs: number;
}

export interface Retry {
  reason: string;
  waitMs: number;
  failures: number;
  tries: number;
}

export class Backoff {
  #failures = 0;

  constructor(
    private readonly policy: RetryPolicy,
    private readonly onRetry: (retry: Retry) => void,
    private readonly signal?: AbortSignal,
  ) {}

  /** Progress was made: the patience is whole again. */
  reset(): void {
    this.#failures = 0;
  }

  /** Waits, or throws `error` when it is not worth another try. */
  async after(error: unknown): Promise<void> {
    if (!(error instanceof TransientError)) throw error;
    this.#failures++;
    const asked = error.waitMs;
    if (this.#failures >= this.policy.tries || (asked ?? 0) > this.policy.longestWaitMs) throw error;
    const { firstWaitMs, longestWaitMs } = this.policy;
    const own = firstWaitMs * 2 ** (this.#failures - 1) * (0.75 + Math.random() / 2);
    // The bound is for our own waits too: after many failures they would be years, which timers take for none at all.
    const waitMs = Math.min(Math.max(own, asked ?? 0), Math.max(firstWaitMs, longestWaitMs));
    this.onRetry({ reason: error.message, waitMs, failures: this.#failures, tries: this.policy.tries });
    await sleep(waitMs, undefined, this.signal ? { signal: this.signal } : {}).catch(() =>
      this.signal?.throwIfAborted(),
    );
  }
}

/** Runs `attempt` until it succeeds or patience ends. */
export async function retrying<T>(backoff: Backoff, attempt: () => Promise<T>): Promise<T> {
  while (true) {
    try {
      return await attempt();
    } catch (error) {
      await backoff.after(error);
    }
  }
}
