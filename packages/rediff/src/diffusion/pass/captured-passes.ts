/** Passes that are captured once and replayed, on devices that have graphs (docs/kernels.md). Steps of one shape differ in the
 *  numbers that the host says (pass-inputs.ts) and in what lies in memory that stays where it is: embeddings, kept keys and
 *  values. So a shape that comes a second time is captured, and every step after that is one upload and one launch.
 *
 *  A shape is one of a set of prompts: graphs go when a prompt comes or goes, and hold their memory no longer. */
import { captureGraph, type Graph, graphsProblem, hasGraphs, type Tensor } from "@rediff/torch";
import { UserError } from "../../errors.js";
import { allPieces } from "../../models/chain.js";
import { isPlain, wantsGraphs } from "../../models/kernels.js";
import type { Model } from "../../models/llava/llava.js";
import type { PackedLengths } from "../../models/packed-attention.js";
import type { Query } from "../decode-step.js";
import type { ForwardPass, ForwardPlan, PassPrompt } from "./forward-pass.js";
import { HeldInputs, type HostList } from "./pass-inputs.js";

/** Of one set of prompts. Each has memory for what a pass works with. */
const MOST_GRAPHS = 8;

/** Shapes that were seen once; there are few, but for rules that choose how many tokens are written. */
const MOST_SHAPES = 256;

/** Rows of a pass that is captured. With more the device is busy for longer than the host takes to say what comes next, and
 *  there is nothing to gain for the memory. */
const MOST_ROWS = 1024;

const LEAVE_OUT = 'Leave "graphs" out of REDIFF_KERNELS.';

/** What became of the passes. */
export interface GraphUse {
  /** Computed operator by operator. */
  ordinary: number;
  /** Captured, and replayed once at once. */
  captured: number;
  replayed: number;
}

interface Captured {
  graph: Graph<Tensor>;
  inputs: HeldInputs;
  packed: PackedLengths | undefined;
}

/** What became of the passes since then. */
export const usedSince = (use: GraphUse, then: GraphUse | undefined): GraphUse => ({
  ordinary: use.ordinary - (then?.ordinary ?? 0),
  captured: use.captured - (then?.captured ?? 0),
  replayed: use.replayed - (then?.replayed ?? 0),
});

export class CapturedPasses implements Disposable {
  readonly use: GraphUse = { ordinary: 0, captured: 0, replayed: 0 };
  readonly #pass: ForwardPass;
  /** The prompts of the passes before, and as many positions as each was asked at most. */
  #prompts = new Map<PassPrompt, number>();
  /** The one used last is the last. */
  readonly #graphs = new Map<string, Captured>();
  readonly #seen = new Set<string>();

  constructor(pass: ForwardPass) {
    this.#pass = pass;
  }

  /** Those of a model, where they are wanted and its device has graphs.
   *  @throws UserError on CUDA without the part of the addon for them */
  static of(pass: ForwardPass): CapturedPasses | undefined {
    if (!wantsGraphs()) return undefined;
    const { device } = pass.model;
    if (hasGraphs(device)) return new CapturedPasses(pass);
    const problem = graphsProblem(device);
    if (problem === undefined) return undefined;
    throw new UserError(`REDIFF_KERNELS has graphs, and ${device} has none: ${problem}`, LEAVE_OUT);
  }

  /** Graphs that are kept now. */
  get kept(): number {
    return this.#graphs.size;
  }

  /** Begins a pass. Prompts that are asked for ever fewer positions are asked as many as before, the last one several times:
   *  so their passes have one shape. */
  plan(prompts: readonly PassPrompt[]): ForwardPlan {
    if (prompts.length !== this.#prompts.size || prompts.some((prompt) => !this.#prompts.has(prompt))) {
      this.drop();
      this.#prompts = new Map(prompts.map((prompt) => [prompt, 0]));
    }
    return this.#pass.plan(prompts, (prompt) => this.#widened(prompt));
  }

  #widened(prompt: PassPrompt): Query | undefined {
    const { query } = prompt;
    if (query === undefined || !isCapturable(prompt)) return query;
    const { positions, masked, present } = query;
    const width = Math.max(positions.length, this.#prompts.get(prompt) ?? 0);
    this.#prompts.set(prompt, width);
    const widen = <T>(values: readonly T[]): T[] => {
      const last = values.at(-1) as T;
      return [...values, ...new Array<T>(width - values.length).fill(last)];
    };
    return {
      ...query,
      positions: widen(positions),
      masked: widen(masked),
      ...(present !== undefined && { present: widen(present) }),
    };
  }

  /** The answers of a pass by a graph; undefined where it has to be computed operator by operator. */
  answers(plan: ForwardPlan): Tensor | undefined {
    const found = this.#answers(plan);
    if (found === undefined) this.use.ordinary++;
    return found;
  }

  #answers(plan: ForwardPlan): Tensor | undefined {
    const rows = plan.counts.reduce((sum, count) => sum + count, 0);
    const isPossible = !this.#pass.isHeadWhole && !isPlain() && rows <= MOST_ROWS;
    if (!isPossible || !plan.prompts.every(({ prompt }) => isCapturable(prompt))) return undefined;
    const lists = this.#pass.listsOf(plan);
    const key = shapeOf(plan, lists);
    let captured = this.#graphs.get(key);
    if (captured === undefined && !this.#seen.has(key)) {
      // The first of its kind is an ordinary one: what is made only once is made by it (kept keys and values).
      if (this.#seen.size >= MOST_SHAPES) this.#seen.clear();
      this.#seen.add(key);
      return undefined;
    }
    if (captured === undefined) {
      captured = this.#capture(plan, lists);
      this.use.captured++;
    } else {
      captured.inputs.fill(lists);
      this.#graphs.delete(key);
      this.use.replayed++;
    }
    this.#graphs.set(key, captured);
    captured.graph.replay();
    return captured.graph.result.alias();
  }

  #capture(plan: ForwardPlan, lists: readonly HostList[]): Captured {
    for (const [key, oldest] of this.#graphs) {
      if (this.#graphs.size < MOST_GRAPHS) break;
      this.#graphs.delete(key);
      disposeOf(oldest);
    }
    const pass = this.#pass;
    const { device } = pass.model;
    const inputs = new HeldInputs(lists, device);
    const packed = pass.packedLengths(plan);
    pass.tablesFor(plan.lengths); // uploaded before, not by the pass
    try {
      const graph = captureGraph(device, () => {
        inputs.begin();
        return allPieces(pass.compute(plan, inputs, packed));
      });
      return { graph, inputs, packed };
    } catch (error) {
      inputs[Symbol.dispose]();
      packed?.[Symbol.dispose]();
      throw uncapturable(error, pass.model);
    }
  }

  /** Gives up all graphs: a prompt comes or goes. */
  drop(): void {
    for (const captured of this.#graphs.values()) disposeOf(captured);
    this.#graphs.clear();
    this.#seen.clear();
    this.#prompts.clear();
  }

  [Symbol.dispose](): void {
    this.drop();
  }
}

function disposeOf({ graph, inputs, packed }: Captured): void {
  graph[Symbol.dispose]();
  inputs[Symbol.dispose]();
  packed?.[Symbol.dispose]();
}

/** Not random numbers, whose state a replay would not know of; not dLLM-Cache, whose rows are chosen by what is computed. */
function isCapturable({ query, options, cache }: PassPrompt): boolean {
  const isDrawn = options.temperature > 0 || options.remasking === "random";
  return query !== undefined && query.positions.length > 0 && !isDrawn && cache?.options.kind !== "dllm-cache";
}

/** Passes of one shape are the same operators on tensors of the same sizes. */
function shapeOf({ segments, prompts }: ForwardPlan, lists: readonly HostList[]): string {
  const sequences = segments.map(({ rows, asked }) => `${rows?.length ?? "all"}/${asked.length}`);
  // What holds for all rows is in no list, what holds for none is not there, and no list says whose it is.
  const held = prompts.map(({ share: { exclusions, present } }) =>
    [...exclusions.map(({ name, hits }) => `${name} in ${hits ? "some" : "all"}`), present && "present"].join("+"),
  );
  return [...sequences, ...held, ...lists.map(({ kind, numbers }) => `${kind} ${numbers.length}`)].join();
}

function uncapturable(error: unknown, { device }: Model): Error {
  const reason = error instanceof Error ? error.message : String(error);
  return new UserError(`a pass cannot be captured on ${device}: ${reason}`, LEAVE_OUT);
}
