/** Features of sequences that lie end to end in one forward pass, of which some keep features and others do not.
 *  R rows of all segments, D width. */
import { arange, cat, type Tensor } from "@rediff/torch";
import type { KeyValues, Positions, SeenKeyValues } from "../../models/llada/attend.js";
import type { BlockOutput, FeatureSource } from "../../models/llada/llada.js";
import { type KeptPart, KeptTogether } from "./kept-together.js";

/** Of one sequence in one layer: what `FeatureSource` is for all. Rows are counted from its first one in the pass. */
export interface SegmentFeatures {
  readonly keepsOutputs: boolean;
  /** All of the sequence is computed in this pass. */
  readonly isWhole: boolean;
  /** int64 [R]; undefined is all of its rows. */
  due(h_1RD: Tensor, w: Parameters<FeatureSource["due"]>[1]): Tensor | undefined;
  /** Of all positions, by those of the due rows; keeps them. */
  seen(due: KeyValues): KeyValues;
  /** The keys and values that it keeps, which may lie with those of other sequences. */
  readonly part: KeptPart;
  /** Of all rows, by those that are due; undefined when none are. Keeps a copy. Only where outputs are kept. */
  output(name: BlockOutput, due_1RD: Tensor | undefined): Tensor;
}

export interface PackedSegment {
  /** In this pass. */
  rows: number;
  features: SegmentFeatures | undefined;
}

/** How the sequences lie where they keep together what all of them keep. */
export interface Together {
  /** Positions of each sequence. */
  lengths: readonly number[];
  /** Where the pass's rows are among the positions of all: int64 [R], undefined is everywhere. */
  places: Tensor | undefined;
}

/** One layer of a packed pass. */
export class PackedFeatures implements FeatureSource {
  readonly keepsOutputs: boolean;
  readonly #segments: readonly PackedSegment[];
  /** Rows that are due in each segment. */
  #counts: readonly number[];
  #due: Tensor | undefined; // among the rows of the pass, undefined is all
  readonly #together: (Together & { parts: readonly KeptPart[] }) | undefined;

  /** @param together where the device attends to all sequences in one call */
  constructor(segments: readonly PackedSegment[], together?: Together) {
    this.#segments = segments;
    const parts = segments.flatMap(({ features }) => features?.part ?? []);
    this.#together = together && parts.length === segments.length ? { ...together, parts } : undefined;
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
    this.#counts = parts.map(({ rows, own }) => own?.size(0) ?? rows);
    this.#due = undefined;
    if (parts.every(({ own }) => own === undefined)) return undefined;
    const { device } = h_1RD;
    const places = parts.map(({ start: first, rows, own }) =>
      own === undefined ? arange(first, first + rows, 1, { device }) : own.add(first),
    );
    this.#due = cat(places, 0);
    return { index: this.#due, perSegment: this.#counts };
  }

  seen({ keys, values }: KeyValues): SeenKeyValues | undefined {
    if (this.#together !== undefined) {
      const { parts, lengths } = this.#together;
      const places = this.#placesOfDue(this.#together.places);
      const home = KeptTogether.of(parts, lengths, { keys, values });
      home.write({ keys, values }, places);
      return places && { together: home.all, lengths };
    }
    const [k, v] = [keys.splitWithSizes(this.#counts, 2), values.splitWithSizes(this.#counts, 2)];
    const seen = this.#segments.map(({ features }, i) => {
      const own = { keys: k[i] as Tensor, values: v[i] as Tensor };
      return features?.seen(own) ?? own;
    });
    const isWhole = this.#segments.every(({ features }) => features?.isWhole ?? true);
    return isWhole ? undefined : { each: seen };
  }

  /** Where the due rows are among the positions of all sequences; undefined is everywhere. */
  #placesOfDue(ofRows: Tensor | undefined): Tensor | undefined {
    if (this.#due === undefined || ofRows === undefined) return this.#due ?? ofRows;
    return ofRows.indexSelect(0, this.#due);
  }

  output(name: BlockOutput, compute: () => Tensor): Tensor {
    if (!this.keepsOutputs) return compute();
    const due = this.#counts.some((count) => count > 0) ? compute() : undefined;
    const parts = due?.splitWithSizes(this.#counts, 1);
    const all = this.#segments.map(({ features }, i) => {
      const own = (this.#counts[i] ?? 0) > 0 ? parts?.[i] : undefined;
      return features?.keepsOutputs ? features.output(name, own) : own;
    });
    return this.#due === undefined ? (due as Tensor) : cat(all as Tensor[], 1);
  }
}
