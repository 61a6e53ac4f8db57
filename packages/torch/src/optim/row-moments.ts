/** Adam's moments of a parameter of which a step touches a few rows: those of rows that ever had a gradient.
 *
 *  Exactly what moments of the whole would do: a row that never had a gradient has moments of zero, and an update of
 *  zero. Weight decay alone reaches every row. Rows keep the order in which they came, so that a resumed run repeats the
 *  same arithmetic. n rows so far, D width. */
import { fromBuffer, tensor, zeros } from "../create.js";
import type { Device } from "../device.js";
import type { DType } from "../dtype.js";
import { _fusedAdamw_, cat } from "../generated/ops.generated.js";
import { scope } from "../scope.js";
import type { Tensor } from "../tensor.js";

export interface AdamSettings {
  learningRate: number;
  weightDecay: number;
  betas: readonly [number, number];
  eps: number;
}

/** Some rows' moments, in tensors that are never resized: [BLOCK, D], of which the first rows are in use. */
interface Block {
  rows: number[];
  /** `rows` as a tensor, for each number of them made anew. */
  index: Tensor | undefined;
  expAvg: Tensor;
  expAvgSq: Tensor;
}

const BLOCK = 4096;

export class RowMoments {
  readonly #width: number;
  readonly #place: { dtype: DType; device: Device };
  /** Makes a tensor that lives as long as the optimizer. */
  readonly #own: (make: () => Tensor) => Tensor;
  readonly #slots = new Map<number, number>();
  readonly #blocks: Block[] = [];

  constructor(width: number, place: { dtype: DType; device: Device }, own: (make: () => Tensor) => Tensor) {
    this.#width = width;
    this.#place = place;
    this.#own = own;
  }

  get bytes(): number {
    return this.#blocks.length * 2 * BLOCK * this.#width * (this.#place.dtype === "float64" ? 8 : 4);
  }

  /** One update. `source` [V, D] holds the weights as they are kept; `written` sees the rows that were updated and their
   *  new values. */
  update(
    source: Tensor,
    gradient: { rows: readonly number[]; values: Tensor },
    steps: number,
    settings: AdamSettings,
    written: (index: Tensor, values: Tensor) => void,
  ): void {
    const { learningRate, weightDecay } = settings;
    if (weightDecay !== 0 && learningRate !== 0) source.mul_(1 - learningRate * weightDecay);
    const changes = this.#assign(gradient.rows);
    for (const [b, block] of this.#blocks.entries())
      scope(() => {
        const used = block.rows.length;
        block.index ??= this.#own(() => idTensor(block.rows, this.#place.device));
        const index = block.index.to({ device: source.device });
        const weights = source.indexSelect(0, index).to(this.#place);
        const own = weights.zerosLike();
        const { slots, places } = changes.get(b) ?? { slots: [], places: [] };
        if (slots.length > 0) {
          const values = gradient.values.indexSelect(0, idTensor(places, gradient.values.device)).to(this.#place);
          own.indexCopy_(0, idTensor(slots, this.#place.device), values);
        }
        _fusedAdamw_(
          [weights],
          [own],
          [block.expAvg.narrow(0, 0, used)],
          [block.expAvgSq.narrow(0, 0, used)],
          [],
          [tensor(steps, { dtype: "float32", device: this.#place.device })],
          {
            lr: learningRate,
            beta1: settings.betas[0],
            beta2: settings.betas[1],
            weightDecay: 0,
            eps: settings.eps,
            amsgrad: false,
            maximize: false,
          },
        );
        source.indexCopy_(0, index, weights.to({ dtype: source.dtype, device: source.device }));
        written(index, weights);
      });
  }

  /** Where the gradient's rows go: for each block the places in it, and those in the gradient. New rows get one. */
  #assign(rows: readonly number[]): Map<number, { slots: number[]; places: number[] }> {
    const changes = new Map<number, { slots: number[]; places: number[] }>();
    for (const [place, row] of rows.entries()) {
      const slot = this.#slots.get(row) ?? this.#add(row);
      const block = Math.floor(slot / BLOCK);
      const entry = changes.get(block) ?? { slots: [], places: [] };
      entry.slots.push(slot % BLOCK);
      entry.places.push(place);
      changes.set(block, entry);
    }
    return changes;
  }

  #add(row: number): number {
    const slot = this.#slots.size;
    this.#slots.set(row, slot);
    if (slot % BLOCK === 0) {
      const empty = () => this.#own(() => zeros([BLOCK, this.#width], this.#place));
      this.#blocks.push({ rows: [], index: undefined, expAvg: empty(), expAvgSq: empty() });
    }
    const block = this.#blocks.at(-1) as Block;
    block.rows.push(row);
    block.index?.dispose();
    block.index = undefined;
    return slot;
  }

  /** Rows [n], and their moments [n, D], in one order; in the open scope. */
  export(): { rows: Tensor; expAvg: Tensor; expAvgSq: Tensor } {
    const join = (moment: "expAvg" | "expAvgSq") =>
      cat(
        [
          zeros([0, this.#width], this.#place),
          ...this.#blocks.map((block) => block[moment].narrow(0, 0, block.rows.length)),
        ],
        0,
      );
    return { rows: idTensor([...this.#slots.keys()], "cpu"), expAvg: join("expAvg"), expAvgSq: join("expAvgSq") };
  }

  /** Takes over what `export` gave, into moments that are still empty. */
  import(rows: readonly number[], expAvg: Tensor, expAvgSq: Tensor): void {
    for (const row of rows) this.#add(row);
    for (const [b, block] of this.#blocks.entries()) {
      const { length } = block.rows;
      block.expAvg.narrow(0, 0, length).copy_(expAvg.narrow(0, b * BLOCK, length));
      block.expAvgSq.narrow(0, 0, length).copy_(expAvgSq.narrow(0, b * BLOCK, length));
    }
  }
}

/** int64 [n] on a device */
function idTensor(ids: readonly number[], device: Device): Tensor {
  const host = (): Tensor => fromBuffer(BigInt64Array.from(ids, BigInt), [ids.length]);
  return device === "cpu" ? host() : scope(() => host().to({ device }));
}
