/** Micro-batches of samples, prepared ahead of the training step in worker threads.
 *
 *  What a micro-batch holds depends on the data, the plan and the epoch only: not on the number of threads, nor on where
 *  a run began. A record that cannot be used is replaced by the next usable one of the epoch's order, so the batches
 *  after it stay what they are. (The reference takes the next record of the file, after five tries and five seconds.)
 *
 *  Only `prefetch` micro-batches are ahead of the one in use; pixels move between threads without a copy. */
import { UserError } from "../../errors.js";
import { loadTokenizer } from "../../text/tokenizer.js";
import { noteTitles } from "../parsing/record-notes.js";
import { type Lengths, measureLengths } from "../records/record-lengths.js";
import type { Records } from "../records/record-list.js";
import { RecordReader } from "../records/record-reader.js";
import type { SampleContext, SampleSettings } from "../samples/build-sample.js";
import { prepareSample, type SampleOrSkip } from "../samples/read-sample.js";
import type { TrainingSample } from "../samples/sample.js";
import { describeSource, type Skip } from "../samples/sample-error.js";
import { type BatchOptions, type EpochBatches, epochBatches, needsLengths } from "./epoch-batches.js";
import { type LoaderThreads, loaderThreads } from "./loader-threads.js";
import { SkipCounter } from "./skipped-samples.js";

export interface LoaderOptions {
  records: Records;
  batching: BatchOptions;
  settings: SampleSettings;
  /** A model folder. */
  tokenizerFolder: string;
  /** Threads; 0 prepares samples in this one, when they are asked for. Default 2. */
  workers?: number;
  /** Micro-batches prepared ahead. Default 2; without threads there is no ahead. */
  prefetch?: number;
  /** Bad samples that a run bears: a number of records, or below 1 a share of them. Default 0.01. */
  skipLimit?: number;
  /** Called once for each record that is left out, in the order of the batches. */
  onSkip?: (skip: Skip) => void;
  /** Called once for each way in which records were understood that is worth telling, with the first of them. */
  onNote?: (note: string) => void;
  /** Text-only samples share batches with the others (`early_mix_text`). */
  earlyMixText?: boolean;
  /** Records measured for grouping so far, and all. */
  onMeasure?: (done: number, total: number) => void;
  signal?: AbortSignal;
  /** Another thread's code, for tests. */
  workerUrl?: URL;
}

export interface BatchRange {
  /** From 0. */
  epoch: number;
  /** The first micro-batch; those before it are not loaded. Default 0. */
  fromBatch?: number;
  /** Only every so many: of several processes that share the epoch, each has its own. Default 1. */
  every?: number;
  signal?: AbortSignal;
}

/** Prepares an order; starts no thread yet. @throws UserError when the tokenizer or a data file cannot be read */
export async function openLoader(options: LoaderOptions): Promise<SampleLoader> {
  const { records, batching, settings, tokenizerFolder, workers = 2 } = options;
  if (!Number.isInteger(workers) || workers < 0) {
    throw new UserError(`${workers} loader threads; expected a whole number of at least 0`);
  }
  let lengths: Lengths | undefined;
  if (needsLengths(batching)) {
    const frames = settings.media?.framesUpbound ?? 0;
    lengths = await measureLengths(records, {
      maxLength: settings.maxLength,
      reading: settings.rules.reading,
      ...(settings.media && { geometry: settings.media.geometry }),
      ...(frames > 0 && { videoFrames: frames }),
      ...(options.earlyMixText && { earlyMixText: true }),
      ...(options.onMeasure && { onProgress: options.onMeasure }),
      ...(options.signal && { signal: options.signal }),
    });
  }
  const source =
    workers === 0
      ? new SamplesHere({ tokenizer: await loadTokenizer(tokenizerFolder), settings })
      : new SamplesInThreads(loaderThreads({ tokenizerFolder, settings }, workers, options.workerUrl));
  return new SampleLoader(options, source, lengths);
}

/** What was loaded for one place of the order. */
interface LoadedSample {
  sample: TrainingSample;
  /** The record of that place, and why it was replaced. */
  skipped?: { record: number; skip: Skip };
}

/** Owns its threads and files: `close()` it, or `await using`. */
export class SampleLoader implements AsyncDisposable {
  /** Records left out so far, of this loader's whole life. */
  readonly skips: SkipCounter;
  readonly records: Records;
  readonly #batching: BatchOptions;
  readonly #source: SampleSource;
  readonly #lengths: Lengths | undefined;
  readonly #ahead: number;
  readonly #onNote: LoaderOptions["onNote"];
  readonly #told = new Set<string>();
  #known: { epoch: number; batches: EpochBatches } | undefined;

  /** @internal see openLoader */
  constructor(options: LoaderOptions, source: SampleSource, lengths: Lengths | undefined) {
    const { skipLimit, onSkip, prefetch = 2 } = options;
    if (!Number.isInteger(prefetch) || prefetch < 0) {
      throw new UserError(`prefetch is ${prefetch}; expected a whole number of at least 0`);
    }
    this.records = options.records;
    this.skips = new SkipCounter(options.records.count, {
      ...(skipLimit !== undefined && { limit: skipLimit }),
      ...(onSkip && { onSkip }),
    });
    this.#batching = options.batching;
    this.#onNote = options.onNote;
    this.#source = source;
    this.#lengths = lengths;
    this.#ahead = source.isThreaded ? prefetch : 0;
  }

  /** The micro-batches of an epoch. With a token budget their number differs between epochs. */
  epochBatches(epoch: number): EpochBatches {
    if (this.#known?.epoch !== epoch) {
      this.#known = { epoch, batches: epochBatches(this.#batching, this.records.count, epoch, this.#lengths) };
    }
    return this.#known.batches;
  }

  /** @throws UserError when more samples are bad than `skipLimit` allows, or none at all is usable; an error when a
   *  thread dies; the signal's reason when aborted */
  async *batches({ epoch, fromBatch = 0, every = 1, signal }: BatchRange): AsyncGenerator<TrainingSample[]> {
    const plan = this.epochBatches(epoch);
    const stop = new AbortController();
    const either = signal === undefined ? stop.signal : AbortSignal.any([stop.signal, signal]);
    const pending: Promise<LoadedSample[]>[] = [];
    let next = fromBatch;
    try {
      for (let batch = fromBatch; batch < plan.batches; batch += every) {
        signal?.throwIfAborted();
        for (; next < plan.batches && next <= batch + this.#ahead * every; next += every) {
          const loading = this.#loadBatch(plan, next, either);
          loading.catch(() => undefined); // Told when its turn comes.
          pending.push(loading);
        }
        const loaded = (await pending.shift()) ?? [];
        for (const { skipped } of loaded) if (skipped) this.skips.add(skipped.record, skipped.skip);
        for (const { sample } of loaded) this.#tell(sample);
        yield loaded.map(({ sample }) => sample);
      }
    } finally {
      // A consumer that leaves early wants nothing of what is under way.
      stop.abort(new Error("the batches are no longer wanted"));
    }
  }

  #tell({ notes = [], source }: TrainingSample): void {
    for (const { kind, what } of notes) {
      // Texts differ from record to record, keys do not.
      const once = kind === "media_key" || kind === "unread_media" ? `${kind} ${what}` : kind;
      if (this.#told.has(once)) continue;
      this.#told.add(once);
      this.#onNote?.(`${noteTitles[kind]}: ${what}, first in ${describeSource(source)}`);
    }
  }

  async close(): Promise<void> {
    await this.#source.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #loadBatch(plan: EpochBatches, batch: number, signal: AbortSignal): Promise<LoadedSample[]> {
    const [start = 0, end = 0] = plan.starts.subarray(batch, batch + 2);
    return Promise.all(Array.from({ length: end - start }, (_, i) => this.#loadAt(plan.order, start + i, signal)));
  }

  /** The sample at a place of the order, or the next usable one. */
  async #loadAt(order: Uint32Array, position: number, signal: AbortSignal): Promise<LoadedSample> {
    let skipped: LoadedSample["skipped"];
    for (let step = 0; step < order.length; step++) {
      const record = order[(position + step) % order.length] ?? 0;
      const prepared = await this.#source.prepare(this.records, record, { signal, urgent: step > 0 });
      if (prepared.ok) return { sample: prepared.sample, ...(skipped && { skipped }) };
      // The others on the way are told at their own places.
      skipped ??= { record, skip: prepared.skip };
    }
    const first = skipped?.skip;
    throw new UserError(
      `none of the ${order.length} records can be used${first === undefined ? "" : `; for one, ${first.reason}`}`,
      "See `rediff data check`",
    );
  }
}

interface SampleSource {
  readonly isThreaded: boolean;
  prepare(records: Records, record: number, how: { signal: AbortSignal; urgent: boolean }): Promise<SampleOrSkip>;
  close(): Promise<void>;
}

class SamplesHere implements SampleSource {
  readonly isThreaded = false;
  readonly #reader = new RecordReader();
  readonly #context: SampleContext;

  constructor(context: SampleContext) {
    this.#context = context;
  }

  prepare(records: Records, record: number, { signal }: { signal: AbortSignal }): Promise<SampleOrSkip> {
    return prepareSample(records.place(record), this.#reader, this.#context, signal);
  }

  close(): Promise<void> {
    return this.#reader.close();
  }
}

class SamplesInThreads implements SampleSource {
  readonly isThreaded = true;
  readonly #threads: LoaderThreads;

  constructor(threads: LoaderThreads) {
    this.#threads = threads;
  }

  async prepare(
    records: Records,
    record: number,
    how: { signal: AbortSignal; urgent: boolean },
  ): Promise<SampleOrSkip> {
    const result = await this.#threads.run({ type: "sample", place: records.place(record) }, how);
    if (result.type !== "sample") throw new Error(`a loader thread answered with ${result.type}`);
    return result;
  }

  close(): Promise<void> {
    return this.#threads.close();
  }
}
