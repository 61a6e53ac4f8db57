/** How much happens at once, in all and for one place, so that nobody makes us flood a host or fill the threads of the system. */

interface Waiting {
  place: string;
  begin: () => void;
}

export class Turns {
  readonly #running = new Map<string, number>();
  readonly #waiting = new Set<Waiting>();
  #total = 0;

  /** @param most in all and for one place */
  constructor(private readonly most: { inAll: number; ofOne: number }) {}

  /** Waits in line; who waits for a busy place holds up nobody else.
   *  @returns what ends the turn. @throws the signal's reason */
  take(place: string, signal: AbortSignal): Promise<() => void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const waiting = { place, begin: () => {} };
      const leave = () => {
        this.#waiting.delete(waiting);
        reject(signal.reason);
      };
      waiting.begin = () => {
        signal.removeEventListener("abort", leave);
        resolve(() => this.#end(place));
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#waiting.add(waiting);
      this.#admit();
    });
  }

  #end(place: string): void {
    const left = (this.#running.get(place) ?? 1) - 1;
    if (left === 0) this.#running.delete(place);
    else this.#running.set(place, left);
    this.#total--;
    this.#admit();
  }

  #admit(): void {
    for (const next of this.#waiting) {
      if (this.#total >= this.most.inAll) return;
      const running = this.#running.get(next.place) ?? 0;
      if (running >= this.most.ofOne) continue;
      this.#waiting.delete(next);
      this.#running.set(next.place, running + 1);
      this.#total++;
      next.begin();
    }
  }
}
