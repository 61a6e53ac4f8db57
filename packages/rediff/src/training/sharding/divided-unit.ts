/** Weights that are needed together (a block, the head), of which each of N ranks has a piece, and now and then the whole.
 *
 *  The model keeps its tensors: while the weights are elsewhere each of them is a stand-in (checkpoint/late-weights.ts).
 *  S elements of a rank (division.ts) */
import {
  detachFromScope,
  type distributed,
  elementSize,
  empty,
  exchangeTensors,
  noGrad,
  optim,
  scope,
  type Tensor,
  zeros,
} from "@rediff/torch";
import { standIn } from "../../checkpoint/late-weights.js";
import { openGradient } from "../backward/accumulate.js";
import type { Parameter } from "../backward/parameters.js";
import { Parcel, type Piece, pieceOf } from "./division.js";

/** A tensor of the model, and what is trained of it. */
export interface UnitTensor {
  name: string;
  tensor: Tensor;
  parameter: Parameter | undefined;
}

/** Something under way between ranks, with the buffer that it fills. */
interface Sending {
  work: distributed.Work;
  buffer: Tensor;
}

/** What a rank has of a tensor. */
interface Own {
  source: UnitTensor;
  piece: Piece;
  /** A view of the unit's row; undefined where the tensor has fewer elements than there are ranks. */
  view: Tensor | undefined;
}

export class DividedUnit implements Disposable {
  readonly name: string;
  readonly owns: readonly Own[];
  /** The pieces of what is trained, under its names: what this rank updates. */
  readonly parameters: readonly Parameter[];
  readonly #group: distributed.ProcessGroup;
  readonly #parcel: Parcel;
  /** Of the gradients that have a place for every element; undefined where there are none. */
  readonly #gradients: { parcel: Parcel; of: readonly { whole: Parameter; own: Parameter | undefined }[] } | undefined;
  readonly #row_S: Tensor;
  #coming: Sending | undefined;
  #summing: (Sending & { row_S: Tensor }) | undefined;
  #isWhole = true;

  /** Keeps this rank's piece of every tensor and gives the rest up. */
  constructor(name: string, sources: readonly UnitTensor[], group: distributed.ProcessGroup) {
    const { rank, size } = group;
    this.name = name;
    this.#group = group;
    const loads = sources.map(({ tensor, parameter }) => ({ tensor, byRows: parameter?.rowwise === true }));
    this.#parcel = new Parcel(loads, size);
    this.#row_S = detachFromScope(
      noGrad(() => scope(() => this.#parcel.pack().narrow(0, rank, 1).view([this.#parcel.width]).clone())),
    );
    const views = noGrad(() => scope(() => this.#parcel.pieces(this.#row_S, rank).map(detachFromScope)));
    this.owns = sources.map((source, i) => {
      const view = views[i] as Tensor;
      const piece = pieceOf(source.tensor.shape, rank, size, source.parameter?.rowwise === true);
      if (piece.end > piece.start) return { source, piece, view: rowsOf(view, source) };
      view.dispose();
      return { source, piece, view: undefined };
    });
    const trained = this.owns.flatMap(({ source: { parameter }, view }) =>
      parameter === undefined ? [] : [{ whole: parameter, own: view && ownParameter(parameter, view) }],
    );
    this.parameters = trained.flatMap(({ own }) => (own === undefined ? [] : [own]));
    const dense = trained.filter(({ whole }) => whole.rowwise !== true);
    if (dense.length > 0)
      this.#gradients = {
        parcel: new Parcel(
          dense.map(({ whole }) => ({ tensor: whole.weight, byRows: false })),
          size,
        ),
        of: dense,
      };
    this.release();
  }

  /** Has the others' pieces come. Several calls are one. */
  request(): void {
    if (this.#isWhole || this.#coming !== undefined) return;
    const { width, dtype, device } = this.#parcel;
    const buffer = detachFromScope(empty([this.#group.size, width], { dtype, device }));
    this.#coming = { work: this.#group.allGather(buffer, this.#row_S), buffer };
  }

  /** The model's tensors are whole from now on. */
  async gather(): Promise<void> {
    if (this.#isWhole) return;
    this.request();
    const { work, buffer } = this.#coming as Sending;
    try {
      await work.wait();
      this.#isWhole = true;
      noGrad(() =>
        scope(() => {
          for (const { source } of this.owns) {
            const { shape, dtype, device } = source.tensor;
            exchangeTensors(source.tensor, empty(shape, { dtype, device }));
          }
          this.#parcel.unpack(buffer);
        }),
      );
    } finally {
      buffer.dispose();
      this.#coming = undefined;
    }
  }

  /** Gives the others' pieces up; recordings that were made meanwhile keep what they need. */
  release(): void {
    if (!this.#isWhole) return;
    this.#isWhole = false;
    noGrad(() =>
      scope(() => {
        for (const { source } of this.owns) {
          const { shape, dtype, device } = source.tensor;
          exchangeTensors(source.tensor, standIn(shape, dtype, device));
        }
      }),
    );
  }

  /** Begins to sum all ranks' gradients, of which each rank gets its piece; those of rows are summed by sumRows. */
  sumGradients(): void {
    if (this.#gradients === undefined) return;
    const { parcel, of } = this.#gradients;
    noGrad(() => {
      const buffer = scope(() => parcel.pack(of.map(({ whole }) => openGradient(whole))));
      const { dtype, device } = buffer;
      const row_S = detachFromScope(zeros([parcel.width], { dtype, device }));
      this.#summing = { work: this.#group.reduceScatter(row_S, detachFromScope(buffer)), buffer, row_S };
    });
    for (const { whole } of of) optim.freeGradient(whole);
  }

  /** The sums are those of `parameters` from now on. */
  async takeGradients(): Promise<void> {
    if (this.#summing === undefined || this.#gradients === undefined) return;
    const { work, buffer, row_S } = this.#summing;
    const { parcel, of } = this.#gradients;
    this.#summing = undefined;
    try {
      await work.wait();
      const pieces = noGrad(() => scope(() => parcel.pieces(row_S, this.#group.rank).map(detachFromScope)));
      for (const [i, { own }] of of.entries()) {
        if (own === undefined) pieces[i]?.dispose();
        else own.gradient = pieces[i];
      }
    } finally {
      buffer.dispose();
      row_S.dispose();
    }
  }

  /** Bytes that this rank sends of the weights, to have them whole on all ranks. */
  get gatherBytes(): number {
    return this.#parcel.width * (this.#group.size - 1) * elementSize(this.#row_S.dtype);
  }

  [Symbol.dispose](): void {
    for (const parameter of this.parameters) optim.freeGradient(parameter);
    for (const { view } of this.owns) view?.dispose();
    for (const sending of [this.#coming, this.#summing]) sending?.buffer.dispose();
    this.#summing?.row_S.dispose();
    this.#row_S.dispose();
  }
}

function rowsOf(view: Tensor, { tensor, parameter }: UnitTensor): Tensor {
  if (parameter?.rowwise !== true) return view;
  const width = tensor.size(1);
  const rows = detachFromScope(scope(() => view.view([view.numel / width, width])));
  view.dispose();
  return rows;
}

function ownParameter({ name, part, decays, rowwise }: Parameter, weight: Tensor): Parameter {
  return { name, weight, part, decays, ...(rowwise !== undefined && { rowwise }), gradient: undefined };
}
