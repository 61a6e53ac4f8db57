/** How several processes make one update of their gradients, once for all micro-batches of a step.
 *
 *  - `alone`: one process; nothing to exchange.
 *  - `wholeExchange` (sharding none): gradients are summed, and every rank makes the same update. Sends
 *    2 (N - 1) / N times the gradients.
 *  - `dividedExchange` (sharding optimizer; ZeRO's first stage, arXiv 1910.02054): each rank gets the sum of its piece of
 *    every gradient, updates that piece of the weights with moments that only it has, and gives it to the others. Sends
 *    (N - 1) / N times the gradients and as much of the weights.
 *  - `fullExchange` (sharding full; full-exchange.ts): the weights are divided as well.
 *
 *  Pieces are flat stretches of a tensor (division.ts); whether an update is made of a tensor or of a piece of it is all
 *  the same to Adam. */
import { detachFromScope, type distributed, noGrad, optim, scope, type Tensor, tensor, zeros } from "@rediff/torch";
import { fillGradients } from "../backward/micro-batch.js";
import type { Parameter } from "../backward/parameters.js";
import { type Piece, parcels, pieceOf } from "./division.js";
import type { Lockstep } from "./lockstep.js";
import { sumRows } from "./row-union.js";

export interface Exchange extends Disposable {
  /** All that is trained. */
  readonly parameters: readonly Parameter[];
  /** What this rank updates: the parameters, or its pieces of them under the same names. */
  readonly own: readonly Parameter[];
  /** Where they are in their tensors; undefined where they are the whole tensors. */
  pieceOf(name: string): Piece | undefined;
  /** The sums of all ranks' gradients, as those of `own`. */
  sumGradients(): Promise<void>;
  /** The norm of all gradients from that of `own`. */
  norm(own: number): Promise<number>;
  /** Gives what this rank has updated to the others. */
  spreadWeights(): Promise<void>;
  /** Where the weights themselves are divided: the way through them, */
  readonly lockstep?: Lockstep;
  /** and what this rank has of them, flat, of what is not trained too. */
  weights?(): readonly { name: string; weight: Tensor }[];
}

export function alone(parameters: readonly Parameter[]): Exchange {
  return {
    parameters,
    own: parameters,
    pieceOf: () => undefined,
    // The gradients of micro-batches without a picture are zero, not absent: see fillGradients.
    sumGradients: async () => fillGradients(parameters),
    norm: async (own) => own,
    spreadWeights: async () => undefined,
    [Symbol.dispose]: () => undefined,
  };
}

/** Gradients below this travel together. */
const SMALL_ELEMENTS = 2 ** 16;

export function wholeExchange(parameters: readonly Parameter[], group: distributed.ProcessGroup): Exchange {
  return {
    ...alone(parameters),
    async sumGradients() {
      fillGradients(parameters);
      const gradients = parameters.flatMap(({ gradient, rowwise }) => (gradient && !rowwise ? [gradient] : []));
      const isSmall = ({ numel }: Tensor) => numel < SMALL_ELEMENTS;
      const works = gradients.filter((gradient) => !isSmall(gradient)).map((gradient) => group.allReduce(gradient));
      const small = gradients.filter(isSmall).map((gradient) => ({ tensor: gradient, byRows: false }));
      for (const { parcel } of parcels(small, 1)) {
        using buffer = noGrad(() => parcel.pack());
        await group.allReduce(buffer).wait();
        noGrad(() => parcel.unpack(buffer));
      }
      for (const work of works) await work.wait();
      for (const parameter of parameters) if (parameter.rowwise) await sumRows(parameter, group);
    },
  };
}

/** A parameter and this rank's piece of it. */
interface Share {
  whole: Parameter;
  piece: Piece;
  /** Undefined where the tensor has fewer elements than there are ranks, and none is left for this one. */
  own: Parameter | undefined;
}

export function dividedExchange(parameters: readonly Parameter[], group: distributed.ProcessGroup): Exchange {
  const { rank, size } = group;
  const shares = parameters.map((whole) => shareOf(whole, rank, size));
  const byName = new Map(shares.map((share) => [share.whole.name, share]));
  const own = shares.flatMap((share) => (share.own === undefined ? [] : [share.own]));
  const dense = shares.filter(({ whole }) => whole.rowwise !== true);
  const loads = (some: readonly Share[]) => some.map(({ whole }) => ({ tensor: whole.weight, byRows: byRows(whole) }));

  return {
    parameters,
    own,
    pieceOf: (name) => byName.get(name)?.piece,
    async sumGradients() {
      fillGradients(parameters);
      for (const { parcel, first, count } of parcels(loads(dense), size)) {
        const some = dense.slice(first, first + count);
        using buffer_NS = noGrad(() => parcel.pack(some.map(({ whole }) => whole.gradient as Tensor)));
        for (const { whole } of some) optim.freeGradient(whole);
        using row_S = zeros([parcel.width], { dtype: buffer_NS.dtype, device: buffer_NS.device });
        await group.reduceScatter(row_S, buffer_NS).wait();
        const pieces = parcel.pieces(row_S, rank);
        for (const [i, share] of some.entries()) {
          const piece = pieces[i] as Tensor;
          if (share.own === undefined) piece.dispose();
          else share.own.gradient = detachFromScope(piece);
        }
      }
      for (const share of shares)
        if (share.whole.rowwise === true) {
          await sumRows(share.whole, group);
          keepOwnRows(share);
        }
    },
    async norm(ofOwn) {
      using square = tensor([ofOwn * ofOwn], { dtype: "float64" });
      await group.allReduce(square).wait();
      return Math.sqrt(square.item());
    },
    async spreadWeights() {
      for (const { parcel, first, count } of parcels(loads(shares), size)) {
        using row_S = zeros([parcel.width], { dtype: parcel.dtype, device: parcel.device });
        noGrad(() =>
          scope(() => {
            const pieces = parcel.pieces(row_S, rank);
            for (const [i, share] of shares.slice(first, first + count).entries())
              if (share.own !== undefined) pieces[i]?.copy_(share.own.weight.view([-1]));
          }),
        );
        using buffer_NS = zeros([size, parcel.width], { dtype: parcel.dtype, device: parcel.device });
        await group.allGather(buffer_NS, row_S).wait();
        noGrad(() => parcel.unpack(buffer_NS));
      }
    },
    [Symbol.dispose]() {
      for (const parameter of own) {
        optim.freeGradient(parameter);
        parameter.weight.dispose();
      }
    },
  };
}

const byRows = ({ rowwise }: Parameter): boolean => rowwise === true;

function shareOf(whole: Parameter, rank: number, size: number): Share {
  const { weight, name, part, decays } = whole;
  const piece = pieceOf(weight.shape, rank, size, byRows(whole));
  const length = piece.end - piece.start;
  if (length === 0) return { whole, piece, own: undefined };
  const view = detachFromScope(
    scope(() => {
      const flat = weight.detach().view([-1]).narrow(0, piece.start, length);
      return byRows(whole) ? flat.view([length / weight.size(1), weight.size(1)]) : flat;
    }),
  );
  const own: Parameter = { name, weight: view, part, decays, rowwise: byRows(whole), gradient: undefined };
  return { whole, piece, own };
}

/** Of a gradient that has the rows of all ranks, those in this rank's piece, counted from its first row. */
export function keepOwnRows({ whole, piece, own }: Share): void {
  const { gradient, gradientRows = [], weight } = whole;
  const width = weight.size(1);
  const first = piece.start / width;
  const places = [...gradientRows.entries()].filter(([, row]) => row >= first && row < piece.end / width);
  if (own !== undefined && gradient !== undefined) {
    const [start = 0] = places[0] ?? [];
    // Ascending, so they lie together.
    own.gradient = detachFromScope(noGrad(() => scope(() => gradient.narrow(0, start, places.length).clone())));
    own.gradientRows = places.map(([, row]) => row - first);
  }
  optim.freeGradient(whole);
}
