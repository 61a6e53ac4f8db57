/** What one prompt keeps over its forward passes, of whatever kind: planned before anything is kept, used pass by pass, and
 *  counted. With guidance there are two sequences, the one without its prompt beside it. */
import { type DType, elementSize, type Tensor } from "@rediff/torch";
import type { LladaConfig } from "../../models/llada/llada-config.js";
import type { Query } from "../decode-step.js";
import type { CacheOptions } from "./cache-options.js";
import { FeatureCache } from "./feature-cache.js";
import { KeyValueCache } from "./key-value-cache.js";
import type { SegmentFeatures } from "./packed-features.js";
import { fastDllm, type PassPlan, type PassPlanner, refreshing } from "./pass-plan.js";

export interface CachedSequence {
  promptLength: number;
  /** Tokens of the answer. */
  genLength: number;
  /** Positions in all. */
  length: number;
  /** With guidance. */
  isTwofold: boolean;
}

/** Bytes that a cache takes once a first pass has filled it. */
export function plannedBytes(
  { kind }: CacheOptions,
  { length, isTwofold }: Pick<CachedSequence, "length" | "isTwofold">,
  { layers, kvHeads, headDim, hiddenSize }: LladaConfig,
  dtype: DType,
): number {
  const row = 2 * kvHeads * headDim + (kind === "dllm-cache" ? 2 * hiddenSize : 0);
  return (isTwofold ? 2 : 1) * length * layers * row * elementSize(dtype);
}

/** What a cache did. */
export interface CacheUse {
  /** Passes that computed everything anew, and those that did not. */
  fullPasses: number;
  cachedPasses: number;
  /** Rows that passes computed, and rows that they took as they were. */
  rowsComputed: number;
  rowsKept: number;
}

export class DecodingCache implements Disposable {
  readonly options: CacheOptions;
  /** Planned, and held from the first pass on. */
  readonly bytes: number;
  /** So far. */
  readonly use: CacheUse = { fullPasses: 0, cachedPasses: 0, rowsComputed: 0, rowsKept: 0 };
  /** Of the last pass. */
  lastUse: CacheUse = { ...this.use };
  readonly #sequence: CachedSequence;
  readonly #kept: readonly (KeyValueCache | FeatureCache)[];
  readonly #planner: PassPlanner;
  #pass: PassPlan | undefined;

  constructor(options: CacheOptions, sequence: CachedSequence, config: LladaConfig, dtype: DType) {
    this.options = options;
    this.#sequence = sequence;
    this.bytes = plannedBytes(options, sequence, config, dtype);
    const { layers } = config;
    if (options.kind === "dllm-cache") {
      const features = new FeatureCache(options, { ...sequence, layers });
      [this.#kept, this.#planner] = [[features], features];
      return;
    }
    const one = () => new KeyValueCache(layers);
    this.#kept = sequence.isTwofold ? [one(), one()] : [one()];
    this.#planner = options.kind === "refresh" ? refreshing(options, sequence) : fastDllm(options, sequence);
  }

  /** These positions have other tokens than in the pass before. */
  wrote(positions: readonly number[]): void {
    this.#planner.wrote(positions);
  }

  /** Begins a pass, again if the one before was not done. */
  begin(query: Query): PassPlan {
    this.#pass = this.#planner.plan(query);
    return this.#pass;
  }

  /** Where the layers find the features of a sequence in the pass that is begun.
   *  @param sequence 0, or 1 for the one without its prompt
   *  @param rows those of the pass, int64; must live until it is over */
  features(sequence: number, rows: Tensor | undefined): readonly SegmentFeatures[] {
    const kept = this.#kept[sequence] as KeyValueCache | FeatureCache;
    kept.begin(rows);
    return kept.layers;
  }

  /** What comes of the pass under way has to be certified. */
  get isStale(): boolean {
    return this.#pass?.isFull === false && this.options.kind === "refresh" && this.options.certify;
  }

  /** The pass is over. */
  done(query: Query): void {
    if (this.#pass === undefined) return;
    const { isFull, computed } = this.#pass;
    this.#planner.done(this.#pass, query);
    this.#pass = undefined;
    const sequences = this.#kept.length;
    this.lastUse = {
      fullPasses: isFull ? 1 : 0,
      cachedPasses: isFull ? 0 : 1,
      rowsComputed: sequences * computed,
      rowsKept: sequences * (this.#sequence.length - computed),
    };
    addUse(this.use, this.lastUse);
  }

  [Symbol.dispose](): void {
    for (const kept of this.#kept) kept[Symbol.dispose]();
  }
}

export function addUse(sum: CacheUse, use: CacheUse): void {
  for (const key of ["fullPasses", "cachedPasses", "rowsComputed", "rowsKept"] as const) sum[key] += use[key];
}
