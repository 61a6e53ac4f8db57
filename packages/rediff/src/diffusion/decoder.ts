/** Decoding with a model: `denoise` loops, their embeddings on the device, and one forward pass for all of them per step.
 *  n positions of a sequence (prompt, answer, suffix), D width, R positions asked for, V vocabulary.
 *
 *  Sequences of different lengths are laid end to end and attend only within themselves, so there is no padding, and a
 *  picture's tokens do not depend on its neighbours. Only what is asked for goes through the last block's second
 *  half and through the head, and the host reads once per step. */
import {
  cat,
  fromBuffer,
  Generator,
  inferenceMode,
  rand,
  Scope,
  scope,
  type Tensor,
  topk,
  upload,
} from "@rediff/torch";
import { UserError } from "../errors.js";
import { allPieces, type Pieces, piecesInside } from "../models/chain.js";
import { idTensor } from "../models/ids.js";
import { embed } from "../models/llada/llada.js";
import { assertPositions } from "../models/llava/assembly.js";
import type { Model } from "../models/llava/llava.js";
import { abortSignal, listener, object, optionSet } from "../options/option-set.js";
import { CacheBudget, type CacheReport } from "./cache/cache-budget.js";
import { type CacheUse, DecodingCache, plannedBytes } from "./cache/decoding-cache.js";
import { Canvas } from "./canvas.js";
import { type Ban, type DecodeOptions, decodeOptions } from "./decode-options.js";
import type { DecodeLoop, DecodeResult, DecodeStep, Guess, Query } from "./decode-step.js";
import { type DecodeContext, denoise } from "./denoise.js";
import { type Forbidden, usualPiece } from "./head/head-answers.js";
import type { Noise, TokenBan } from "./head/token-candidates.js";
import { CapturedPasses, type GraphUse } from "./pass/captured-passes.js";
import { ForwardPass } from "./pass/forward-pass.js";
import { uploaded } from "./pass/pass-inputs.js";
import { type DecodingRules, rulesOf } from "./rules.js";

/** Numbers from a seed. */
export function seededNoise(seed: number, model: Pick<Model, "device">): Noise & Disposable {
  const generator = new Generator(seed, model.device);
  return {
    perToken: (rows, vocabulary) => rand([rows, vocabulary], generator, { dtype: "float64" }),
    perRow: (rows) => rand([rows], generator),
    [Symbol.dispose]: () => generator[Symbol.dispose](),
  };
}

/** torch's own top-k, for the original's rules. */
function topkOfRow(confidence: Float64Array, k: number): number[] {
  return scope(() => topk(fromBuffer(confidence, [confidence.length]), k)[1].toNumbers());
}

/** Rows of the vocabulary that are never generated are left out already. */
function idMask(ids: Ban["ids"], { vocabulary, device }: Model): Tensor {
  const banned = new Uint8Array(vocabulary);
  for (const id of ids) if (id < vocabulary) banned[id] = 1;
  return scope(() => upload(fromBuffer(banned, [1, vocabulary], "bool"), device));
}

const banTensor = ({ ids, positions }: Ban, model: Model): TokenBan => ({
  ids_1V: idMask(ids, model),
  positions: positions && new Set(positions),
});

/** Where tokens were written, and which: in one piece on their way to the device. */
function placesAndIds(writes: readonly { position: number; id: number }[], { device }: Model): [Tensor, Tensor] {
  const both = [...writes.map(({ position }) => position), ...writes.map(({ id }) => id)];
  const [places, ids] = idTensor(both, device).view([2, writes.length]).unbind(0);
  return [places as Tensor, ids as Tensor];
}

/** How the canvas is worked on: `denoise`, or `proofread`.
 *  @internal */
export type Loop = (context: DecodeContext) => DecodeLoop;

export interface AddOptions {
  /** Instead of the seed's numbers: for replaying a recorded run. */
  noise?: Noise | undefined;
  /** @internal */
  loop?: Loop;
}

/** One prompt on its way: the loop, and its embeddings on the device. */
export class Decoding implements Disposable {
  readonly options: DecodeOptions;
  /** @internal */
  readonly rules: DecodingRules;
  /** @internal */
  readonly canvas: Canvas;
  /** The last step, once there is one. */
  step: DecodeStep | undefined;
  /** Set when the loop is over. */
  result: DecodeResult | undefined;
  /** @internal embeddings of all positions: [n, D] */
  readonly rows: Tensor;
  /** @internal the same with masks instead of the prompt, for guidance */
  readonly unguided: Tensor | undefined;
  /** @internal */
  readonly bans: readonly TokenBan[];
  /** @internal */
  readonly noise: Noise;
  /** @internal */
  readonly cache: DecodingCache | undefined;
  readonly #budget: CacheBudget;
  readonly #cacheBytes: number;
  readonly #owned = new Scope();
  readonly #loop: DecodeLoop;
  readonly #disposableNoise: Disposable | undefined;
  #query: Query | undefined;
  #isDisposed = false;

  /** @param prompt embeddings of the prompt, [P, D]; copied */
  constructor(
    model: Model,
    prompt: Tensor,
    options: Partial<DecodeOptions>,
    extra: AddOptions & { budget?: CacheBudget } = {},
  ) {
    const { noise, loop = denoise, budget = new CacheBudget() } = extra;
    this.options = decodeOptions(options);
    this.rules = rulesOf(this.options.compat);
    const { genLength, draft, suffix, fixed } = this.options;
    const maskId = model.tokenizer.special.mask;
    const { vocabSize } = model.config.llada;
    const bad = [...draft, ...suffix].find((id) => !(Number.isInteger(id) && id >= 0 && id < vocabSize));
    if (bad !== undefined) throw new UserError(`token id ${bad} is outside the model's vocabulary of ${vocabSize}`);
    assertPositions(model.config.llada, prompt.size(0), genLength + suffix.length);
    this.canvas = new Canvas(prompt.size(0), { genLength, draft, suffix, maskId, fixed });
    const { length, promptLength } = this.canvas;
    const [rows, unguided] = this.#owned.run(() =>
      inferenceMode(() => {
        const mask = embed(model.llada, idTensor([maskId], model.device));
        const answer = mask.expand([length - promptLength, mask.size(1)]);
        const guided = cat([prompt, answer], 0);
        return [guided, this.options.cfgScale > 0 ? mask.expand([length, mask.size(1)]).clone() : undefined] as const;
      }),
    );
    this.bans = this.#owned.run(() => this.options.banned.map((ban) => banTensor(ban, model)));
    this.rows = rows;
    this.unguided = unguided;
    this.#budget = budget;
    const { cache } = this.options;
    const { llada } = model.config;
    const sequence = { promptLength, genLength, length, isTwofold: unguided !== undefined };
    this.#cacheBytes = cache === undefined ? 0 : plannedBytes(cache, sequence, llada, rows.dtype);
    this.cache =
      cache !== undefined && budget.take(this.#cacheBytes)
        ? new DecodingCache(cache, sequence, llada, rows.dtype)
        : undefined;
    this.#disposableNoise = noise === undefined ? seededNoise(this.options.seed, model) : undefined;
    this.noise = noise ?? (this.#disposableNoise as Noise & Disposable);
    this.#loop = loop({
      canvas: this.canvas,
      options: this.options,
      rules: this.rules,
      topkOfRow,
      onStep: (step) => {
        this.step = step;
      },
    });
    this.#advance(this.#loop.next());
  }

  /** @internal what the next forward pass has to answer */
  get query(): Query | undefined {
    return this.#query;
  }

  /** @internal */
  answer(guess: Guess): void {
    if (this.cache !== undefined && this.#query !== undefined) {
      if (this.cache.isStale) guess = { ...guess, stale: true };
      this.cache.done(this.#query);
    }
    this.#advance(this.#loop.next(guess));
  }

  /** What became of the cache that was asked for. */
  get cacheReport(): CacheReport | undefined {
    const { cache } = this.options;
    if (cache === undefined) return undefined;
    const { fullPasses, cachedPasses, rowsComputed, rowsKept } = this.cache?.use ?? noUse;
    return {
      kind: cache.kind,
      on: this.cache !== undefined,
      ...{ fullPasses, cachedPasses, rowsComputed, rowsKept },
      bytes: this.#cacheBytes,
      ...(this.result?.certified !== undefined && { certified: this.result.certified }),
    };
  }

  #advance(next: IteratorResult<Query, DecodeResult>): void {
    this.#query = next.done ? undefined : next.value;
    if (next.done) this.result = next.value;
  }

  /** @internal brings the embeddings on the device up to date with the canvas */
  refresh(model: Model): void {
    const writes = this.canvas.takeWrites();
    if (writes.length === 0) return;
    this.cache?.wrote(writes.map(({ position }) => position));
    scope(() => {
      // Guidance removes the prompt only: what overflowed into it stays a mask there.
      const inAnswer = writes.filter(({ position }) => position >= this.canvas.promptLength);
      const overflow = writes.filter(({ position }) => position < this.canvas.promptLength);
      const [places, ids] = placesAndIds([...overflow, ...inAnswer], model);
      const embeds = embed(model.llada, ids);
      this.rows.indexCopy_(0, places, embeds);
      if (this.unguided === undefined || inAnswer.length === 0) return;
      const last = (rows: Tensor): Tensor => rows.narrow(0, overflow.length, inAnswer.length);
      this.unguided.indexCopy_(0, last(places), last(embeds));
    });
  }

  [Symbol.dispose](): void {
    this.#owned[Symbol.dispose]();
    if (this.cache !== undefined && !this.#isDisposed) this.#budget.give(this.#cacheBytes);
    this.#isDisposed = true;
    this.cache?.[Symbol.dispose]();
    this.#disposableNoise?.[Symbol.dispose]();
  }
}

const noUse: CacheUse = { fullPasses: 0, cachedPasses: 0, rowsComputed: 0, rowsKept: 0 };

/** What the model said about one prompt makes no sense. The prompts before it in the step have had their turn; it and
 *  those after it have not, and would be asked the same by the next `step`, so that the others can go on without it. */
export class OutputError extends Error {
  constructor(
    message: string,
    readonly decoding: Decoding,
  ) {
    super(message);
  }

  /** For the command line: the weights are to blame, not this code. */
  get line(): string {
    return this.message;
  }
}

/** Decodes several prompts together; they may be added and end at any step. */
export class Decoder implements Disposable {
  readonly #model: Model;
  readonly #forbidden: Forbidden;
  readonly #pass: ForwardPass;
  readonly #captured: CapturedPasses | undefined;
  readonly #active = new Set<Decoding>();
  readonly #budget: CacheBudget;

  /** @param budget for the caches of all its prompts
   *  @param piece how much of the vocabulary the head computes at a time */
  constructor(model: Model, budget = new CacheBudget(), piece = usualPiece(model)) {
    this.#model = model;
    this.#budget = budget;
    const { eos, bos, startHeader, endHeader } = model.tokenizer.special;
    const ids = [eos, bos, startHeader, endHeader];
    this.#forbidden = { ids, ids_I: idTensor(ids, model.device), ids_1V: idMask(ids, model) };
    this.#pass = new ForwardPass(model, this.#forbidden, piece);
    this.#captured = CapturedPasses.of(this.#pass);
  }

  /** @throws UserError when options do not fit together */
  add(prompt: Tensor, options: Partial<DecodeOptions> = {}, extra: AddOptions = {}): Decoding {
    const decoding = new Decoding(this.#model, prompt, options, { ...extra, budget: this.#budget });
    if (decoding.query !== undefined) this.#active.add(decoding);
    return decoding;
  }

  /** Leaves a prompt out of further steps; its owner disposes it. */
  remove(decoding: Decoding): void {
    if (this.#active.delete(decoding)) this.#captured?.drop();
  }

  /** What became of its passes where graphs are wanted, and its device has them. */
  get graphs(): GraphUse | undefined {
    return this.#captured?.use;
  }

  get keptGraphs(): number {
    return this.#captured?.kept ?? 0;
  }

  get active(): number {
    return this.#active.size;
  }

  /** Bytes that the caches of its prompts are given. */
  get cacheBytes(): number {
    return this.#budget.held;
  }

  /** One forward pass for all prompts that are not done. Afterwards each has a new `step`, and a `result` if it ended. */
  step(): void {
    allPieces(this.pieces());
  }

  /** The same in pieces, layer by layer. Meanwhile prompts may be added, for the next step; one of this step may be
   *  removed, but not be disposed of before its end. Whoever does not go on ends it with `return()`, and the prompts of the
   *  step with it: their caches are half of this step's. */
  *pieces(): Pieces<void> {
    const active = [...this.#active];
    if (active.length === 0) return;
    inferenceMode(() => {
      for (const decoding of active) decoding.refresh(this.#model);
    });
    // Scopes are synchronous, so what the pass needs all along is entered again for every piece of it.
    using owned = new Scope();
    const inside = <R>(body: () => R): R => inferenceMode(() => owned.run(body));
    const { answers, widths } = yield* piecesInside(inside, this.#forward(active));
    this.#settle(active, answers, widths);
    for (const decoding of active) if (decoding.result !== undefined) this.remove(decoding);
  }

  /** Hands the answers to the loops. `answers`: float64, those of each decoding behind those of the one before
   *  @param widths positions that each was asked; those beyond its own are not looked at */
  #settle(decodings: readonly Decoding[], answers: Tensor, widths: readonly number[]): void {
    const values = answers.data("float64"); // the one round trip of a step
    answers.dispose();
    let start = 0;
    for (const [i, decoding] of decodings.entries()) {
      const width = widths[i] as number;
      const count = decoding.query?.positions.length ?? 0;
      const take = () => {
        start += width;
        return values.subarray(start - width, start - width + count);
      };
      const guess = {
        tokens: take(),
        confidence: take(),
        ...(asksEntropy(decoding.options) && { entropy: take() }),
        ...(decoding.query?.present !== undefined && { present: take() }),
      };
      if (guess.confidence.some(Number.isNaN))
        throw new OutputError(
          `the model's output is not a number at step ${(decoding.step?.step ?? -1) + 1}; the weights may be damaged, or overflow in ${this.#model.dtype}`,
          decoding,
        );
      decoding.answer(guess);
    }
  }

  *#forward(active: readonly Decoding[]): Pieces<{ answers: Tensor; widths: readonly number[] }> {
    const captured = this.#captured;
    const plan = captured?.plan(active) ?? this.#pass.plan(active);
    const widths = plan.prompts.map(({ share }) => share.positions.length);
    const known = captured?.answers(plan);
    if (known !== undefined) return { answers: known, widths };
    using packed = this.#pass.packedLengths(plan);
    return { answers: yield* this.#pass.compute(plan, uploaded(this.#model.device), packed), widths };
  }

  [Symbol.dispose](): void {
    this.#captured?.[Symbol.dispose]();
    this.#pass[Symbol.dispose]();
    this.#forbidden.ids_I.dispose();
    this.#forbidden.ids_1V.dispose();
  }
}

const asksEntropy = ({ rule }: DecodeOptions): boolean => rule === "entropy";

export interface RunOptions extends AddOptions {
  /** Checked between steps; its reason is thrown. */
  signal?: AbortSignal | undefined;
}

const checkRun = optionSet<RunOptions>({ noise: object, loop: listener, signal: abortSignal });

/** Writes one answer, a step at a time.
 *  @param prompt embeddings [P, D] (see `promptEmbeddings`); the caller frees it */
export function* decode(
  model: Model,
  prompt: Tensor,
  options: Partial<DecodeOptions> = {},
  run: RunOptions = {},
): globalThis.Generator<DecodeStep, DecodeResult> {
  checkRun(run);
  using decoder = new Decoder(model);
  using decoding = decoder.add(prompt, options, run);
  while (decoding.result === undefined) {
    run.signal?.throwIfAborted();
    decoder.step();
    yield decoding.step as DecodeStep;
  }
  return decoding.result;
}

/** Writes the answers to several prompts with one forward pass per step for all. Yields, per step, what each of them
 *  did in it, undefined for those that are done. */
export function* decodeBatch(
  model: Model,
  prompts: readonly Tensor[],
  options: Partial<DecodeOptions> = {},
  run: Pick<RunOptions, "signal"> = {},
): globalThis.Generator<(DecodeStep | undefined)[], DecodeResult[]> {
  checkRun(run);
  using decoder = new Decoder(model);
  using owned = new DisposableList<Decoding>();
  for (const prompt of prompts) owned.items.push(decoder.add(prompt, options));
  while (decoder.active > 0) {
    run.signal?.throwIfAborted();
    const working = owned.items.map((decoding) => decoding.result === undefined);
    decoder.step();
    yield owned.items.map((decoding, i) => (working[i] ? decoding.step : undefined));
  }
  return owned.items.map((decoding) => decoding.result as DecodeResult);
}

/** Node 20 has no DisposableStack. */
class DisposableList<T extends Disposable> implements Disposable {
  readonly items: T[] = [];
  [Symbol.dispose](): void {
    for (const item of this.items) item[Symbol.dispose]();
  }
}
