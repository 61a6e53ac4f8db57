/** Sequences of different lengths that lie end to end, and attend in one call.
 *  S sequences, R rows that ask, L positions that are seen, N query heads, K key-value heads, H head width. */
import { type Device, detachFromScope, fromBuffer, scope, type Tensor, upload } from "@rediff/torch";
import { flashAttention, type Starts } from "./measured/flash-attention.js";

/** Where the sequences of one pass begin, on the device: uploaded once for all layers. */
export class PackedLengths implements Disposable {
  readonly #device: Device;
  readonly #starts = new Map<string, Starts>();
  readonly #uploads: Tensor[] = [];

  /** @param known lengths of the sequences as rows and as positions, in as many lists as there are; one upload for all.
   *  Others are uploaded when they are asked for */
  constructor(device: Device, known: readonly (readonly number[])[]) {
    this.#device = device;
    const distinct = new Map(known.map((lengths) => [lengths.join(), lengths]));
    this.#add([...distinct.values()]);
  }

  /** Those of sequences of these lengths. */
  of(lengths: readonly number[]): Starts {
    const key = lengths.join();
    if (!this.#starts.has(key)) this.#add([lengths]);
    return this.#starts.get(key) as Starts;
  }

  #add(lists: readonly (readonly number[])[]): void {
    const size = 1 + (lists[0]?.length ?? 0);
    const flat = new Int32Array(lists.length * size);
    for (const [i, lengths] of lists.entries())
      for (const [s, length] of lengths.entries()) flat[i * size + s + 1] = (flat[i * size + s] as number) + length;
    const rows = scope(() => upload(fromBuffer(flat, [lists.length, size]), this.#device).unbind(0));
    for (const [i, lengths] of lists.entries()) {
      const cumulative = detachFromScope(rows[i] as Tensor);
      this.#uploads.push(cumulative);
      this.#starts.set(lengths.join(), { cumulative, longest: Math.max(...lengths) });
    }
  }

  [Symbol.dispose](): void {
    for (const cumulative of this.#uploads) cumulative.dispose();
  }
}

/** Whether the kernel takes these: grouped heads of sequences that ask with a row each may stand in the place of rows, so
 *  none may ask with no row. */
export const isPackable = (queries: readonly number[]): boolean => queries.every((count) => count > 0);

/** softmax(q k^T / sqrt(H)) v within each sequence: [1, N, R, H], [1, K, L, H] -> [1, N, R, H]
 *  @param queries rows of each sequence
 *  @param seen positions of each */
export function attendPacked(
  q_1NRH: Tensor,
  [k_1KLH, v_1KLH]: readonly [Tensor, Tensor],
  { lengths, queries, seen }: { lengths: PackedLengths; queries: readonly number[]; seen: readonly number[] },
): Tensor {
  return scope(() => {
    const rows = (x_1NRH: Tensor): Tensor => x_1NRH.squeezeDim(0).transpose(0, 1); // a view, as heads were split
    const attended_RNH = flashAttention(
      ...([rows(q_1NRH), rows(k_1KLH), rows(v_1KLH)] as const),
      lengths.of(queries),
      lengths.of(seen),
    );
    return attended_RNH.transpose(0, 1).unsqueeze(0);
  });
}
