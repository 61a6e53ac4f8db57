/** The loop over a model whose weights are divided (sharding full; what ZeRO-3, arXiv 1910.02054, and FSDP2 do):
 *
 *      forth: for each unit   gather it, run all micro-batches of the step through it, give it up
 *      back:  for each unit   gather it, differentiate all micro-batches, sum its gradients, give it up
 *
 *  The next unit comes while this one works, and the sums of the last one travel. Micro-batches go side by side, so that a
 *  step sends the same whatever it accumulates; each keeps the inputs of its blocks meanwhile.
 *
 *  All ranks walk through the same units in the same order, whatever their micro-batches need of them: one without a
 *  picture, or without a micro-batch, has the others gather the tower all the same. Pieces say what they need
 *  (models/chain.ts); who needs the unit that is there goes on until it needs another one. */
import { memory, Tensor } from "@rediff/torch";
import type { LayersDone, Need, Pieces } from "../../models/chain.js";
import { Turns } from "../../models/layer-turns.js";
import type { DividedUnit } from "./divided-unit.js";

/** A unit, and where on its way the walk comes to it. */
export interface WalkUnit {
  unit: DividedUnit;
  /** Only where a rank has pictures. */
  sees: boolean;
  /** What the way back needs of it, where there are pictures and where there are none: its weights, only that its gradients
   *  are summed, or nothing. */
  back(pictures: boolean): "weights" | "gradients" | "none";
  /** Whether its gradients are complete on the way forth: the head's are. */
  sumsForth: boolean;
}

interface Visit {
  unit: DividedUnit;
  way: Need["way"];
  gathers: boolean;
  sums: boolean;
}

export interface WalkOptions {
  /** Whether any rank has pictures. */
  pictures: boolean;
  /** Whether there is a way back. */
  back: boolean;
  signal?: AbortSignal | undefined;
  /** Told at every turn, with the number of the micro-batch. */
  onLayers?: ((layers: LayersDone, nth: number) => void) | undefined;
}

/** One micro-batch on its way. */
interface Walker<T> {
  pieces: Pieces<T>;
  /** The visit that it waits for; past all visits where it has come to its end. */
  waitsFor: number;
  result?: T;
}

export class Lockstep {
  readonly #units: readonly WalkUnit[];
  readonly #unitOf: ReadonlyMap<Tensor, DividedUnit>;
  /** Bytes of tensors at the largest. */
  #peakBytes = 0;

  /** @param units in the order of the way forth */
  constructor(units: readonly WalkUnit[]) {
    this.#units = units;
    this.#unitOf = new Map(units.flatMap(({ unit }) => unit.owns.map(({ source }) => [source.tensor, unit] as const)));
  }

  /** What the tensors of this thread came to at most, looked at in every unit, since this was asked last. */
  takePeak(): number {
    const peak = this.#peakBytes;
    this.#peakBytes = 0;
    return peak;
  }

  /** What `body` makes of the whole model. To be called by all ranks. */
  async whole<T>(body: () => T): Promise<T> {
    try {
      for (const { unit } of this.#units) await unit.gather();
      return body();
    } finally {
      for (const { unit } of this.#units) unit.release();
    }
  }

  /** Runs the micro-batches of this rank, of which there may be none. To be called by all ranks with the same `pictures`
   *  and `back`. @returns their results, in order */
  async run<T>(works: readonly Pieces<T>[], options: WalkOptions): Promise<T[]> {
    const visits = this.#visits(options);
    const walkers = works.map((pieces): Walker<T> => ({ pieces, waitsFor: -1 }));
    const turns = new Turns();
    let summing: DividedUnit | undefined;
    try {
      visits[0]?.unit.request();
      for (let at = -1; at < visits.length; at++) {
        const visit = visits[at];
        if (visit?.gathers) await visit.unit.gather();
        const next = visits.slice(at + 1).find(({ gathers }) => gathers);
        next?.unit.request();
        for (const [nth, walker] of walkers.entries())
          await this.#advance(walker, at, visits, async (layers) => {
            if (!turns.areDue) return;
            options.onLayers?.(layers, nth);
            await turns.give();
            options.signal?.throwIfAborted();
          });
        this.#peakBytes = Math.max(this.#peakBytes, memory().bytes);
        if (visit === undefined) continue;
        visit.unit.release();
        if (!visit.sums) continue;
        await summing?.takeGradients(); // one at a time: its buffers are those of a unit
        summing = visit.unit;
        summing.sumGradients();
      }
      await summing?.takeGradients();
      return walkers.map(({ result }) => result as T);
    } finally {
      for (const { pieces } of walkers) pieces.return(undefined as T);
      for (const { unit } of this.#units) unit.release();
    }
  }

  #visits({ pictures, back }: WalkOptions): Visit[] {
    const seen = this.#units.filter(({ sees }) => pictures || !sees);
    const forth = seen.map(
      ({ unit, sumsForth }): Visit => ({ unit, way: "forth", gathers: true, sums: back && sumsForth }),
    );
    if (!back) return forth;
    const wayBack = [...seen].reverse().flatMap(({ unit, back }): Visit[] => {
      const needs = back(pictures);
      return needs === "none" ? [] : [{ unit, way: "back", gathers: needs === "weights", sums: true }];
    });
    return [...forth, ...wayBack];
  }

  /** As far as it comes with what is there. */
  async #advance<T>(
    walker: Walker<T>,
    at: number,
    visits: readonly Visit[],
    turn: (layers: LayersDone) => Promise<void>,
  ): Promise<void> {
    while (walker.waitsFor === at) {
      const piece = walker.pieces.next();
      if (piece.done) {
        walker.result = piece.value;
        walker.waitsFor = visits.length;
        return;
      }
      if (piece.value.needs !== undefined) walker.waitsFor = this.#visitOf(piece.value.needs, at, visits);
      await turn(piece.value);
    }
  }

  /** Where a need is met: here, or further on. */
  #visitOf({ weights, way }: Need, at: number, visits: readonly Visit[]): number {
    const unit = this.#unitIn(weights);
    const place = visits.findIndex((visit, i) => i >= at && visit.unit === unit && visit.way === way);
    if (place < 0) throw new Error(`the weights of ${unit?.name} are needed on the way ${way}, and are past`);
    return place;
  }

  #unitIn(weights: unknown): DividedUnit | undefined {
    if (weights instanceof Tensor) return this.#unitOf.get(weights);
    if (typeof weights !== "object" || weights === null) return undefined;
    for (const part of Object.values(weights)) {
      const unit = this.#unitIn(part);
      if (unit !== undefined) return unit;
    }
    return undefined;
  }
}
