/** Features of sequences that lie end to end in one forward pass, of which some keep features and others do not.
 *  R rows of all segments, D width. */
import { arange, cat, type Tensor } from "@rediff/torch";
import type { Positions } from "../../models/llada/attend.js";
import type { BlockOutput, FeatureSource, KeyValues } from "../../models/llada/llada.js";

/** Of one sequence in one layer: what `FeatureSource` is for all. Rows are counted from its first one in the pass. */
export interface SegmentFeatures {
  readonly keepsOutputs: boolean;
  /** All of the sequence is computed in this pass. */
  readonly isWhole: boolean;
  /** int64 [R]; undefined is all of its rows. */
  due(h_1RD: Tensor, w: Parameters<FeatureSource["due"]>[1]): Tensor | undefined;
  /** Of all positions, by those of the due rows; keeps them. */
  seen(due: KeyValues): KeyValues;
  /** Of all rows, by those that are due; undefined when none are. Keeps a copy. Only where outputs are kept. */
  output(name: BlockOutput, due_1RD: Tensor | undefined): Tensor;
}

export interface PackedSegment {
  /** In this pass. */
  rows: number;
  features: SegmentFeatures | undefined;
}

/** One layer of a packed pass. */
export class PackedFeatures implements FeatureSource {
  readonly keepsOutputs: boolean;
  readonly #segments: readonly PackedSegment[];
  /** Rows that are due in each segment. */
  #counts: readonly number[];
  #isAllDue = true;

  constructor(segments: readonly PackedSegment[]) {
    this.#segments = segments;
    this.#counts = segments.map(({ rows }) => rows);
    this.keepsOutputs = segments.some(({ features }) => features?.keepsOutputs);
  }

  due(h_1RD: Tensor, w: Parameters<FeatureSource["due"]>[1]): Positions | undefined {
    let start = 0;
    const parts = this.#segments.map(({ rows, features }) => {
      const own = features?.due(h_1RD.narrow(1, start, rows), w);
      start += rows;
      return { start: start - rows, rows, own };
    });
    this.#isAllDue = parts.every(({ own }) => own === undefined);
    this.#counts = parts.map(({ rows, own }) => own?.size(0) ?? rows);
    if (this.#isAllDue) return undefined;
    const { device } = h_1RD;
    const places = parts.map(({ start: first, rows, own }) =>
      own === undefined ? arange(first, first + rows, 1, { device }) : own.add(first),
    );
    return { index: cat(places, 0), perSegment: this.#counts };
  }

  seen({ keys, values }: KeyValues): readonly KeyValues[] | undefined {
    const [k, v] = [keys.splitWithSizes(this.#counts, 2), values.splitWithSizes(this.#counts, 2)];
    const seen = this.#segments.map(({ features }, i) => {
      const own = { keys: k[i] as Tensor, values: v[i] as Tensor };
      return features?.seen(own) ?? own;
    });
    const isWhole = this.#segments.every(({ features }) => features?.isWhole ?? true);
    return isWhole ? undefined : seen;
  }

  output(name: BlockOutput, compute: () => Tensor): Tensor {
    if (!this.keepsOutputs) return compute();
    const due = this.#counts.some((count) => count > 0) ? compute() : undefined;
    const parts = due?.splitWithSizes(this.#counts, 1);
    const all = this.#segments.map(({ features }, i) => {
      const own = (this.#counts[i] ?? 0) > 0 ? parts?.[i] : undefined;
      return features?.keepsOutputs ? features.output(name, own) : own;
    });
    return this.#isAllDue ? (due as Tensor) : cat(all as Tensor[], 1);
  }
}
