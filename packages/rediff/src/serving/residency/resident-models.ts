/** Which of several models are in memory: those that fit into it together. One that is asked for and has no room takes the
 *  place of the one that has had nothing to do for the longest; where all are at work, of the one that was asked the longest
 *  ago, once that has been there for a while and has finished what it has begun. */
import { UserError } from "../../errors.js";
import { formatBytes } from "../../units.js";
import type { Engine } from "../engine/engine.js";

export interface ResidencyOptions {
  /** Bytes of all models together. */
  memory: number;
  /** Seconds without a request after which a model is ended; default never. */
  unloadAfter?: number | undefined;
  log: (line: string) => void;
}

/** A model, and the bytes that it takes. */
export interface Resident {
  id: string;
  engine: Pick<Engine, "status" | "queued" | "running" | "restedFor" | "upFor" | "unload" | "stepAside">;
  bytes: number;
}

/** Between two looks at who could go. */
const LOOK_EVERY_MS = 50;

/** A model that was loaded for somebody answers for so long at least, before it makes room for another: loading takes time,
 *  too, and models that take turns at every request would do nothing else. */
const STAY_MS = 10_000;

export class ResidentModels {
  readonly #options: ResidencyOptions;
  readonly #residents: Resident[] = [];
  /** Those that were let in, and have not gone since. */
  readonly #admitted = new Set<Resident>();
  /** One is let in after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  readonly #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: ResidencyOptions) {
    this.#options = options;
    if (options.unloadAfter !== undefined) this.#timer = setInterval(() => this.#unloadIdle(), 250).unref();
  }

  /** @param isLoaded it needs no admission */
  add(resident: Resident, { isLoaded }: { isLoaded: boolean }): void {
    this.#residents.push(resident);
    if (isLoaded) this.#admitted.add(resident);
  }

  /** Resolves when there is room for a model, which is then its own.
   *  @throws UserError when it is too large for all of the memory */
  admit(id: string): Promise<void> {
    const admitted = this.#turn.then(() => this.#makeRoom(id));
    this.#turn = admitted.catch(() => undefined);
    return admitted;
  }

  /** @throws UserError for one that is too large for all of the memory */
  assertFits(id: string, bytes: number): void {
    const { memory } = this.#options;
    if (bytes <= memory) return;
    throw new UserError(
      `${id} takes about ${formatBytes(bytes)}, and all models may have ${formatBytes(memory)}`,
      "Give them more (--models-memory), or load it in a smaller way (--dtype, --quantize).",
      { code: "not_enough_memory" },
    );
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
  }

  async #makeRoom(id: string): Promise<void> {
    const { memory, log } = this.#options;
    const wanted = this.#residents.find((each) => each.id === id);
    if (wanted === undefined) return;
    this.assertFits(id, wanted.bytes);
    while (!this.#isClosed) {
      // One that could not be loaded, or was ended, is idle again.
      for (const each of this.#admitted) if (each.engine.status === "idle") this.#admitted.delete(each);
      const others = [...this.#admitted].filter((each) => each !== wanted);
      const used = others.reduce((sum, { bytes }) => sum + bytes, 0);
      if (used + wanted.bytes <= memory) {
        this.#admitted.add(wanted);
        return;
      }
      const going = nextToGo(others);
      if (going === undefined) await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS).unref());
      else {
        log(`ending ${going.id}, whose memory ${id} needs; the next request for it loads it again`);
        await going.engine.stepAside();
        this.#admitted.delete(going);
      }
    }
  }

  #unloadIdle(): void {
    const { unloadAfter = Number.POSITIVE_INFINITY, log } = this.#options;
    for (const { id, engine } of this.#residents) {
      if (engine.status !== "ready" || engine.queued + engine.running > 0) continue;
      if (engine.restedFor < 1000 * unloadAfter) continue;
      log(`ending ${id}, which nobody has asked for ${unloadAfter} s; the next request loads it again`);
      void engine.unload();
    }
  }
}

function nextToGo(residents: readonly Resident[]): Resident | undefined {
  const ready = residents.filter(({ engine }) => engine.status === "ready");
  const longestFirst = (list: readonly Resident[]) => [...list].sort((a, b) => b.engine.restedFor - a.engine.restedFor);
  const [idle] = longestFirst(ready.filter(({ engine }) => engine.queued + engine.running === 0));
  if (idle !== undefined) return idle;
  return longestFirst(ready.filter(({ engine }) => engine.upFor >= STAY_MS))[0];
}
