/** Counts samples that were left out, each record once, and ends the run when they are too many. */
import { UserError } from "../../errors.js";
import { describeSkip, type ProblemKind, problemTitles, type Skip } from "../samples/sample-error.js";

export interface SkipOptions {
  /** Bad samples that a run bears: a number of records, or below 1 a share of them. Default 0.01. */
  limit?: number;
  onSkip?: (skip: Skip) => void;
}

/** A sample whose revise pairs are of no use is nobody's damage: it is counted, but not against the limit. */
const countsAsBad = ({ kind }: Skip) => kind !== "revise";

export class SkipCounter {
  readonly #records: number;
  readonly #limit: number;
  readonly #onSkip: ((skip: Skip) => void) | undefined;
  readonly #seen = new Set<number>();
  readonly #counts = new Map<ProblemKind, number>();
  #bad = 0;
  #first: Skip | undefined;

  constructor(records: number, { limit = 0.01, onSkip }: SkipOptions = {}) {
    if (!(limit >= 0) || (limit >= 1 && !Number.isInteger(limit))) {
      throw new UserError(`skip_limit is ${limit}; expected a whole number, or a share below 1`);
    }
    this.#records = records;
    this.#limit = limit;
    this.#onSkip = onSkip;
  }

  /** @throws UserError when this one is too many */
  add(record: number, skip: Skip): void {
    if (this.#seen.has(record)) return;
    this.#seen.add(record);
    this.#counts.set(skip.kind, (this.#counts.get(skip.kind) ?? 0) + 1);
    this.#onSkip?.(skip);
    if (!countsAsBad(skip)) return;
    this.#bad++;
    this.#first ??= skip;
    const allowed = this.#limit < 1 ? Math.floor(this.#limit * this.#records) : this.#limit;
    if (this.#bad <= allowed) return;
    const limit = this.#limit < 1 && this.#limit > 0 ? `${this.#limit}, ${allowed} of ${this.#records}` : `${allowed}`;
    throw new UserError(
      `${this.#bad} samples cannot be used, more than skip_limit (${limit}). The first: ${describeSkip(this.#first)}`,
      "Look at all of them with `rediff data check`, or raise skip_limit",
    );
  }

  /** Distinct records so far. */
  get total(): number {
    return this.#seen.size;
  }

  get byKind(): ReadonlyMap<ProblemKind, number> {
    return this.#counts;
  }

  /** "3 skipped: pictures or videos that are missing 2, broken JSON 1"; empty when there is none. */
  summary(): string {
    if (this.total === 0) return "";
    const kinds = [...this.#counts].sort(([, a], [, b]) => b - a);
    return `${this.total} skipped: ${kinds.map(([kind, count]) => `${problemTitles[kind]} ${count}`).join(", ")}`;
  }
}
