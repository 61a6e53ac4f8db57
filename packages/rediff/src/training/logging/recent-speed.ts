/** How fast a run is now: over its last seconds, which follow a change, and not over one step, which jumps. */
import type { StepReport } from "../run/run-report.js";

const WINDOW_SECONDS = 30;

export interface Speed {
  tokensPerSecond: number;
  samplesPerSecond: number;
  secondsPerStep: number;
  /** What was used for waiting for data, in [0, 1]. */
  waiting: number;
}

type Part = Pick<StepReport, "tokens" | "samples" | "seconds" | "waitSeconds">;

/** Remembers the steps of the last half minute, and always the last one. */
export class SpeedWindow {
  #steps: Part[] = [];

  /** Takes in a step, and gives the speed with it. */
  add(step: Part): Speed {
    this.#steps.push(step);
    while (this.#steps.length > 1 && this.#sum("seconds") - (this.#steps[0]?.seconds ?? 0) >= WINDOW_SECONDS)
      this.#steps.shift();
    const seconds = Math.max(this.#sum("seconds"), 1e-9);
    return {
      tokensPerSecond: this.#sum("tokens") / seconds,
      samplesPerSecond: this.#sum("samples") / seconds,
      secondsPerStep: seconds / this.#steps.length,
      waiting: this.#sum("waitSeconds") / seconds,
    };
  }

  #sum(key: keyof Part): number {
    return this.#steps.reduce((sum, step) => sum + step[key], 0);
  }
}
