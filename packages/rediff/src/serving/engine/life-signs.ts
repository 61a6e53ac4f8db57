/** Whether the model's process still works: judged by its signs, once a second.
 *
 *  A thread of it that does nothing else gives a beat each second, so a process that was stopped, or swapped out for
 *  good, is silent. One that spins or waits for a lock inside a step goes on beating; then nothing is heard of its steps.
 *  A step of a large model may rightly take minutes, so the two have limits of their own. Seconds are counted by the
 *  judge's own ticks: a computer that slept has not lost a process. */

export interface LifeLimits {
  /** Seconds without a beat. */
  heartbeatTimeout: number;
  /** Seconds without a word about a step, while there is something to do. */
  stepTimeout: number;
}

export const LIFE_LIMITS: LifeLimits = { heartbeatTimeout: 30, stepTimeout: 600 };

/** Between two ticks of the judge, and two beats of the process. */
export const TICK_MS = 1000;

/** Seconds until the first beat, at least: on a busy machine loading the code takes a while. */
const STARTING = 60;

export class LifeSigns {
  readonly #limits: LifeLimits;
  #hasBeaten = false;
  #withoutBeat = 0;
  #withoutWord = 0;

  constructor(limits: LifeLimits) {
    this.#limits = limits;
  }

  beat(): void {
    this.#hasBeaten = true;
    this.#withoutBeat = 0;
  }

  /** It said something: a step is done, a request begun or ended. */
  word(): void {
    this.#withoutWord = 0;
  }

  /** Another process, or the first one. */
  reset(): void {
    this.#hasBeaten = false;
    this.#withoutBeat = 0;
    this.#withoutWord = 0;
  }

  /** A second has passed.
   *  @param isBusy it has something to do
   *  @returns why the process counts as hanging, when it does */
  tick(isBusy: boolean): string | undefined {
    const { heartbeatTimeout, stepTimeout } = this.#limits;
    this.#withoutBeat++;
    this.#withoutWord = isBusy ? this.#withoutWord + 1 : 0;
    const silence = this.#hasBeaten ? heartbeatTimeout : Math.max(heartbeatTimeout, STARTING);
    if (this.#withoutBeat > silence) return `has given no sign of life for ${silence} s`;
    if (this.#withoutWord > stepTimeout) return `has worked on one step for ${stepTimeout} s`;
    return undefined;
  }
}
