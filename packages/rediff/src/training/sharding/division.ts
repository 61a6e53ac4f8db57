/** How a tensor is divided among N ranks: end to end, in N pieces of equal length, the last ones shorter or empty. A tensor
 *  that has its gradient by rows (the embedding) is divided between rows.
 *
 *  Elements of several tensors travel together: in a buffer [N, S] whose row r has what belongs to rank r, padded where a
 *  tensor ends early. S elements of a rank */
import { type Device, type DType, scope, type Tensor, zeros } from "@rediff/torch";

/** What one rank has of one tensor: elements [start, end) of it, counted in row-major order. */
export interface Piece {
  start: number;
  end: number;
}

/** Elements of a piece that is whole. */
export function pieceLength(shape: readonly number[], ranks: number, byRows: boolean): number {
  const elements = shape.reduce((product, size) => product * size, 1);
  if (!byRows) return Math.ceil(elements / ranks);
  const [rows = 1] = shape;
  return Math.ceil(rows / ranks) * (rows === 0 ? 0 : elements / rows);
}

export function pieceOf(shape: readonly number[], rank: number, ranks: number, byRows: boolean): Piece {
  const elements = shape.reduce((product, size) => product * size, 1);
  const length = pieceLength(shape, ranks, byRows);
  return { start: Math.min(elements, rank * length), end: Math.min(elements, (rank + 1) * length) };
}

/** A tensor's place in a buffer. */
interface Slot {
  tensor: Tensor;
  /** Where its pieces begin in each row, and how long they are. */
  offset: number;
  length: number;
}

/** Tensors of one dtype that travel in one collective. */
export class Parcel {
  readonly #slots: readonly Slot[];
  readonly ranks: number;
  /** S */
  readonly width: number;
  readonly dtype: DType;
  readonly device: Device;

  /** @param tensors contiguous; whether each is divided between rows */
  constructor(tensors: readonly { tensor: Tensor; byRows: boolean }[], ranks: number) {
    const slots: Slot[] = [];
    let offset = 0;
    for (const { tensor, byRows } of tensors) {
      const length = pieceLength(tensor.shape, ranks, byRows);
      slots.push({ tensor, offset, length });
      offset += length;
    }
    const [first] = tensors;
    if (first === undefined) throw new Error("a parcel of nothing");
    this.#slots = slots;
    this.ranks = ranks;
    this.width = offset;
    this.dtype = first.tensor.dtype;
    this.device = first.tensor.device;
  }

  /** Whole tensors into a new buffer [N, S]; `values` stand for the tensors, in their order. */
  pack(values: readonly Tensor[] = this.#slots.map(({ tensor }) => tensor)): Tensor {
    const [first] = values;
    return scope(() => {
      const buffer_NS = zeros([this.ranks, this.width], { dtype: first?.dtype ?? this.dtype, device: this.device });
      this.#eachPart(values, buffer_NS, (inBuffer, inTensor) => void inBuffer.copy_(inTensor));
      return buffer_NS;
    });
  }

  /** A buffer [N, S] into the whole tensors. */
  unpack(buffer_NS: Tensor): void {
    const tensors = this.#slots.map(({ tensor }) => tensor);
    scope(() => this.#eachPart(tensors, buffer_NS, (inBuffer, inTensor) => void inTensor.copy_(inBuffer)));
  }

  /** Each tensor's piece in a row [S]: views of it, without the padding. In the open scope. */
  pieces(row_S: Tensor, rank: number): Tensor[] {
    return this.#slots.map(({ tensor, offset, length }) => {
      const start = Math.min(tensor.numel, rank * length);
      return row_S.narrow(0, offset, Math.min(tensor.numel, start + length) - start);
    });
  }

  /** Calls `copy` with matching parts of the buffer and of a tensor: all whole pieces at once, then what is left. */
  #eachPart(values: readonly Tensor[], buffer_NS: Tensor, copy: (inBuffer: Tensor, inTensor: Tensor) => void): void {
    for (const [i, { offset, length }] of this.#slots.entries()) {
      if (length === 0) continue;
      const flat = (values[i] as Tensor).detach().view([-1]);
      const columns = buffer_NS.narrow(1, offset, length);
      const full = Math.floor(flat.numel / length);
      const rest = flat.numel - full * length;
      if (full > 0) copy(columns.narrow(0, 0, full), flat.narrow(0, 0, full * length).view([full, length]));
      if (rest > 0)
        copy(columns.narrow(0, full, 1).narrow(1, 0, rest), flat.narrow(0, full * length, rest).unsqueeze(0));
    }
  }
}

/** Elements that are worth a collective of their own. */
const PARCEL_ELEMENTS = 2 ** 22;

/** Tensors in order, as many to a parcel as make it worth its while. */
export function parcels(
  tensors: readonly { tensor: Tensor; byRows: boolean }[],
  ranks: number,
  elements = PARCEL_ELEMENTS,
): { parcel: Parcel; first: number; count: number }[] {
  const made: { parcel: Parcel; first: number; count: number }[] = [];
  let first = 0;
  let room = elements;
  for (const [i, { tensor }] of tensors.entries()) {
    room -= tensor.numel;
    const next = tensors[i + 1];
    if (next !== undefined && room > 0 && next.tensor.dtype === tensor.dtype) continue;
    made.push({ parcel: new Parcel(tensors.slice(first, i + 1), ranks), first, count: i + 1 - first });
    first = i + 1;
    room = elements;
  }
  return made;
}
