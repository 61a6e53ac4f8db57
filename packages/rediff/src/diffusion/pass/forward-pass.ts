/** One pass through the network for several prompts: planned on the host, then computed on the device.
 *  L positions of a sequence, R rows in the pass, D width.
 *
 *  Sequences of different lengths are laid end to end and attend only within themselves. A prompt is one sequence, or with
 *  guidance two. */
import { cat, Scope, scope, type Tensor } from "@rediff/torch";
import type { Pieces } from "../../models/chain.js";
import { takesFlash } from "../../models/kernels.js";
import { hiddenPieces } from "../../models/llada/llada.js";
import { Rotary, type RotaryTables, rotaryAt } from "../../models/llada/rotary.js";
import type { Model } from "../../models/llava/llava.js";
import { PackedLengths } from "../../models/packed-attention.js";
import type { DecodingCache } from "../cache/decoding-cache.js";
import { PackedFeatures } from "../cache/packed-features.js";
import type { Canvas } from "../canvas.js";
import type { DecodeOptions } from "../decode-options.js";
import type { Query } from "../decode-step.js";
import {
  type Forbidden,
  type HeadPiece,
  headAnswers,
  headLists,
  type PlannedShare,
  planShare,
} from "../head/head-answers.js";
import type { Noise, TokenBan } from "../head/token-candidates.js";
import type { DecodingRules } from "../rules.js";
import { type HostList, idList, type PassInputs } from "./pass-inputs.js";

/** A prompt as a pass sees it. */
export interface PassPrompt {
  /** Embeddings of all positions: [L, D] */
  readonly rows: Tensor;
  /** The same with masks instead of the prompt, for guidance. */
  readonly unguided: Tensor | undefined;
  readonly query: Query | undefined;
  readonly canvas: Canvas;
  readonly cache: DecodingCache | undefined;
  readonly options: DecodeOptions;
  readonly rules: DecodingRules;
  readonly bans: readonly TokenBan[];
  readonly noise: Noise;
}

/** A sequence in a pass. */
interface Segment {
  /** Of all positions: [L, D] */
  embeds: Tensor;
  length: number;
  /** Positions that go through the network; undefined is all. */
  rows: readonly number[] | undefined;
  /** Those of its rows that are asked for, from 0. */
  asked: readonly number[];
}

interface PlannedPrompt {
  prompt: PassPrompt;
  segments: readonly Segment[];
  share: PlannedShare;
}

export interface ForwardPlan {
  prompts: readonly PlannedPrompt[];
  segments: readonly Segment[];
  /** Positions of each sequence. */
  lengths: readonly number[];
  /** Rows of each sequence in the pass. */
  counts: readonly number[];
  /** Rows of each sequence that are asked for. */
  perSegment: readonly number[];
  /** Where the rows of the pass are among the positions of all its sequences; undefined is everywhere. */
  places: readonly number[] | undefined;
  /** Rows of the pass that are asked for. */
  asked: readonly number[];
}

/** What each prompt is asked: its own query, or that with positions more than once. */
type QueryOf = (prompt: PassPrompt) => Query | undefined;

function planPass(prompts: readonly PassPrompt[], queryOf: QueryOf, forbidden: Forbidden): ForwardPlan {
  const planned = prompts.map((prompt) => planPrompt(prompt, queryOf(prompt), forbidden));
  const segments = planned.flatMap((each) => each.segments);
  const lengths = segments.map(({ length }) => length);
  const counts = segments.map(({ rows, length }) => rows?.length ?? length);
  return {
    prompts: planned,
    segments,
    lengths,
    counts,
    perSegment: segments.map(({ asked }) => asked.length),
    places: placesOf(segments, lengths),
    asked: starting(counts).flatMap((start, i) => (segments[i]?.asked ?? []).map((row) => start + row)),
  };
}

function planPrompt(prompt: PassPrompt, query: Query | undefined, forbidden: Forbidden): PlannedPrompt {
  const rows = query === undefined ? undefined : prompt.cache?.begin(query).rows;
  const place = rows && new Map(rows.map((position, row) => [position, row]));
  const positions = query?.positions ?? [];
  const asked = place === undefined ? positions : positions.map((position) => place.get(position) as number);
  const segments = [prompt.rows, prompt.unguided].flatMap((embeds) =>
    embeds === undefined ? [] : [{ embeds, length: embeds.size(0), rows, asked }],
  );
  return { prompt, segments, share: headShare(prompt, query, forbidden) };
}

/** What the head is to say about a prompt. */
function headShare(
  { options, rules, noise, bans, canvas }: PassPrompt,
  query: Query | undefined,
  forbidden: Forbidden,
): PlannedShare {
  const positions = query?.positions.map((position) => position - canvas.promptLength) ?? [];
  const { masked = [], present } = query ?? {};
  return planShare({ positions, masked, options, confidence: rules.confidence, bans, noise, present }, forbidden);
}

function placesOf(segments: readonly Segment[], lengths: readonly number[]): readonly number[] | undefined {
  if (segments.every(({ rows }) => rows === undefined)) return undefined;
  return starting(lengths).flatMap((start, i) => {
    const rows = segments[i]?.rows ?? Array.from({ length: lengths[i] as number }, (_, row) => row);
    return rows.map((row) => start + row);
  });
}

/** Where each of these begins when they lie end to end. */
function starting(lengths: readonly number[]): number[] {
  let end = 0;
  return lengths.map((length) => {
    end += length;
    return end - length;
  });
}

/** The network and the head of a model, and what of them stays from pass to pass. */
export class ForwardPass implements Disposable {
  readonly #model: Model;
  readonly #rotary: Rotary;
  readonly #forbidden: Forbidden;
  readonly #piece: HeadPiece;
  #tables: { key: string; tables: RotaryTables; owner: Scope } | undefined;

  /** @param forbidden the caller's
   *  @param piece how much of the vocabulary the head computes at a time */
  constructor(model: Model, forbidden: Forbidden, piece: HeadPiece) {
    this.#model = model;
    this.#rotary = new Rotary(model.config.llada);
    this.#forbidden = forbidden;
    this.#piece = piece;
  }

  get model(): Model {
    return this.#model;
  }

  /** Whether the head computes all logits at once. */
  get isHeadWhole(): boolean {
    return this.#piece === "whole";
  }

  /** Begins a pass, again if the one before was not done.
   *  @param queryOf default each prompt's own query */
  plan(prompts: readonly PassPrompt[], queryOf: QueryOf = ({ query }) => query): ForwardPlan {
    return planPass(prompts, queryOf, this.#forbidden);
  }

  /** The lists that `compute` will ask for, in its order, where the head goes by pieces. */
  listsOf({ prompts, places, asked }: ForwardPlan): HostList[] {
    return [
      ...prompts.flatMap(({ segments: [first] }) => (first?.rows === undefined ? [] : [idList(first.rows)])),
      ...(places === undefined ? [] : [idList(places)]),
      idList(asked),
      ...headLists(prompts.map(({ share }) => share)),
    ];
  }

  /** Where the sequences begin, where those of different lengths attend in one call. One alone needs none, and its attention
   *  may be cut up over the device, which the kernel for several does not do. */
  packedLengths({ lengths, counts, perSegment }: ForwardPlan): PackedLengths | undefined {
    const { device, config } = this.#model;
    const isInOneCall = lengths.length > 1 && takesFlash(this.#model, config.llada.headDim);
    return isInOneCall ? new PackedLengths(device, [counts, perSegment, lengths]) : undefined;
  }

  /** Rotary tables for sequences of these lengths, kept until the lengths change. */
  tablesFor(lengths: readonly number[]): RotaryTables {
    const key = lengths.join();
    if (this.#tables?.key === key) return this.#tables.tables;
    this.#tables?.owner[Symbol.dispose]();
    const owner = new Scope();
    const tables = owner.run(() =>
      scope(() => {
        // One table for each: under dynamic scaling the base depends on a sequence's own length.
        const each = lengths.map((length) =>
          this.#rotary.tables([Array.from({ length }, (_, i) => i)], this.#model.dtype, this.#model.device),
        );
        const joined = (kind: keyof RotaryTables): Tensor =>
          cat(
            each.map((table) => table[kind]),
            2,
          );
        return each.length === 1 ? (each[0] as RotaryTables) : { cos: joined("cos"), sin: joined("sin") };
      }),
    );
    this.#tables = { key, tables, owner };
    return tables;
  }

  /** The answers of all prompts, end to end: float64 (`headAnswers`)
   *  @param packed of `packedLengths` */
  *compute(plan: ForwardPlan, inputs: PassInputs, packed: PackedLengths | undefined): Pieces<Tensor> {
    const { llada, vocabulary } = this.#model;
    const { prompts, segments, lengths, counts, perSegment } = plan;
    const layers = llada.weights.blocks.length;
    const parts: Tensor[] = [];
    const features = prompts.flatMap(({ prompt, segments: own }) => {
      const rows = own[0]?.rows;
      const index = rows && inputs.ids(rows);
      return own.map(({ embeds }, i) => {
        parts.push(index === undefined ? embeds : embeds.indexSelect(0, index));
        return prompt.cache?.features(i, index);
      });
    });
    const places = plan.places && inputs.ids(plan.places);
    const asked = inputs.ids(plan.asked);
    const isCached = features.some((own) => own !== undefined);
    const sources = Array.from(
      { length: layers },
      (_, layer) =>
        new PackedFeatures(
          segments.map((_, i) => ({ rows: counts[i] as number, features: features[i]?.[layer] })),
          packed && { lengths, places },
        ),
    );
    const embeds = parts.length === 1 ? (parts[0] as Tensor) : cat(parts, 0);
    const hidden = yield* hiddenPieces(llada, embeds.unsqueeze(0), {
      rotary: rotaryAt(this.tablesFor(lengths), places && { index: places, perSegment: [] }),
      visible: { segments: counts, packed },
      asked: { index: asked, perSegment },
      sources: isCached ? sources : undefined,
    });
    const question = { llada, vocabulary, forbidden: this.#forbidden, piece: this.#piece };
    const shares = prompts.map(({ share }) => share);
    return scope(() => headAnswers(question, hidden.squeezeDim(0), shares, inputs));
  }

  [Symbol.dispose](): void {
    this.#tables?.owner[Symbol.dispose]();
  }
}
