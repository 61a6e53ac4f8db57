/** Sequences of a micro-batch to one length.
 *
 *  Ids and labels are both padded with the end-of-text token, not with -100, as in the reference: padding inside a batch
 *  is a training target, which is how the model learns to end. A micro-batch of one has no padding and teaches none. */
import type { Labelled } from "./labels.js";

/** `revise` marks the positions to be corrected; absent means none. */
export type Sequence = Labelled & { revise?: boolean[] };
export type Batch = { ids: number[][]; labels: number[][]; revise: boolean[][] };

/** Cuts each sequence to `maxLength` tokens (pictures count as one here), then pads on the right. */
export function collate(sequences: readonly Sequence[], options: { pad: number; maxLength: number }): Batch {
  const length = Math.min(options.maxLength, Math.max(0, ...sequences.map(({ ids }) => ids.length)));
  return {
    ids: sequences.map(({ ids }) => fit(ids, length, options.pad)),
    labels: sequences.map(({ labels }) => fit(labels, length, options.pad)),
    revise: sequences.map(({ revise }) => fit(revise ?? [], length, false)),
  };
}

function fit<Value>(values: readonly Value[], length: number, pad: Value): Value[] {
  return [...values.slice(0, length), ...new Array<Value>(Math.max(0, length - values.length)).fill(pad)];
}
