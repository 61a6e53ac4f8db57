/** `rediff data check`: goes over a data set as training will, and tells what training would skip. */
import { loadTokenizer } from "../../text/tokenizer.js";
import { type LoaderResult, runLoaderJob } from "../loading/loader-job.js";
import { loaderThreads } from "../loading/loader-threads.js";
import { type NoteKind, noteTitles } from "../parsing/record-notes.js";
import type { RecordPlace } from "../records/file-index.js";
import type { Records } from "../records/record-list.js";
import { RecordReader } from "../records/record-reader.js";
import type { SampleSettings } from "../samples/build-sample.js";
import type { PairOutcome } from "../samples/revised-phrases.js";
import type { SampleSource } from "../samples/sample.js";
import { describeSkip, describeSource, type ProblemKind, problemTitles } from "../samples/sample-error.js";
import type { RecordFindings } from "./check-record.js";

export interface CheckOptions {
  records: Records;
  settings: SampleSettings;
  /** A model folder. */
  tokenizerFolder: string;
  /** Look at this many records, spread evenly over the data; default all. */
  limit?: number;
  /** Decode every picture and video; otherwise their headers are read. */
  decode?: boolean;
  /** Threads; 0 works in this one. Default 2. */
  workers?: number;
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

export interface CheckReport {
  /** Records of the data set, those that were looked at, and those of them that training would skip. */
  records: number;
  checked: number;
  bad: number;
  sources: { file: string; records: number; checked: number; bad: number }[];
  modalities: Record<"image" | "video" | "text", number>;
  pictures: number;
  /** Records with blanks to fill in. */
  forms: number;
  /** Of revise pairs. */
  pairs: Record<PairOutcome, number>;
  /** Positions that whole samples take, pictures expanded. */
  rows: { median: number; largest: number; histogram: { upTo: number; count: number }[] };
  maxLength: number;
  /** Samples that are longer than `maxLength` and lose their end, which is no fault. */
  cut: number;
  problems: { kind: ProblemKind; title: string; count: number; examples: string[] }[];
  /** No faults: how records were understood that leave something open. */
  notes: { kind: NoteKind; title: string; count: number; examples: string[] }[];
}

const EXAMPLES = 5;
const RECORDS_PER_JOB = 32;

/** @throws UserError when the tokenizer cannot be read; the signal's reason when aborted */
export async function checkData(options: CheckOptions): Promise<CheckReport> {
  const { records, limit = records.count, workers = 2 } = options;
  const checked = Math.min(limit, records.count);
  const tally = new Tally(options, checked);
  await using source = workers === 0 ? await checkHere(options) : checkInThreads(options, workers);

  const starts = Array.from({ length: Math.ceil(checked / RECORDS_PER_JOB) }, (_, i) => i * RECORDS_PER_JOB);
  const stop = new AbortController();
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, options.signal]);
  const pending: Promise<RecordFindings[]>[] = [];
  try {
    for (let job = 0; job < starts.length || pending.length > 0; job++) {
      const start = starts[job];
      if (start !== undefined) {
        const count = Math.min(RECORDS_PER_JOB, checked - start);
        // Every record when all are looked at, else evenly many between two.
        const places = Array.from({ length: count }, (_, i) =>
          records.place(Math.floor(((start + i) * records.count) / checked)),
        );
        const findings = source.check(places, signal);
        findings.catch(() => undefined); // Told when its turn comes.
        pending.push(findings);
      }
      if (pending.length <= 2 * workers && start !== undefined) continue;
      for (const findings of (await pending.shift()) ?? []) tally.add(findings);
      options.onProgress?.(tally.checked, checked);
    }
  } finally {
    stop.abort();
  }
  return tally.report();
}

interface CheckSource extends AsyncDisposable {
  check(places: RecordPlace[], signal: AbortSignal): Promise<RecordFindings[]>;
}

async function checkHere(options: CheckOptions): Promise<CheckSource> {
  const context = { tokenizer: await loadTokenizer(options.tokenizerFolder), settings: options.settings };
  const reader = new RecordReader();
  return {
    check: async (places, signal) =>
      findingsOf(await runLoaderJob({ type: "check", places, mode: modeOf(options) }, reader, context, signal)),
    [Symbol.asyncDispose]: () => reader.close(),
  };
}

function checkInThreads(options: CheckOptions, workers: number): CheckSource {
  const { tokenizerFolder, settings } = options;
  const threads = loaderThreads({ tokenizerFolder, settings }, workers);
  return {
    check: async (places, signal) =>
      findingsOf(await threads.run({ type: "check", places, mode: modeOf(options) }, { signal })),
    [Symbol.asyncDispose]: () => threads.close(),
  };
}

const modeOf = ({ decode = false }: CheckOptions) => ({ decode });

function findingsOf(result: LoaderResult): RecordFindings[] {
  if (result.type !== "check") throw new Error(`a loader thread answered with ${result.type}`);
  return result.findings;
}

/** Adds findings up. */
class Tally {
  checked = 0;
  readonly #options: CheckOptions;
  readonly #sources = new Map<string, CheckReport["sources"][number]>();
  readonly #report: Omit<CheckReport, "rows" | "problems" | "notes" | "sources" | "checked" | "records">;
  readonly #problems = new Map<ProblemKind, { count: number; examples: string[] }>();
  readonly #notes = new Map<NoteKind, { count: number; examples: string[] }>();
  readonly #positions: Uint32Array;
  #measured = 0;

  constructor(options: CheckOptions, expected: number) {
    this.#options = options;
    this.#positions = new Uint32Array(expected);
    this.#report = {
      bad: 0,
      modalities: { image: 0, video: 0, text: 0 },
      pictures: 0,
      forms: 0,
      pairs: { found: 0, length_differs: 0, not_found: 0 },
      maxLength: options.settings.maxLength,
      cut: 0,
    };
    for (const { index, count } of options.records.parts) {
      const source = this.#sourceOf({ file: index.file, index: 0 });
      source.records += count;
    }
  }

  add(findings: RecordFindings): void {
    const { source, modality, problems, notes, positions, pictures, isForm, pairs } = findings;
    const report = this.#report;
    const file = this.#sourceOf(source);
    this.checked++;
    file.checked++;
    report.pictures += pictures;
    if (isForm) report.forms++;
    if (modality !== undefined) report.modalities[modality]++;
    for (const outcome of ["found", "length_differs", "not_found"] as const) report.pairs[outcome] += pairs[outcome];
    if (positions !== undefined) {
      this.#positions[this.#measured++] = positions;
      if (positions > report.maxLength) report.cut++;
    }
    for (const note of notes) {
      const group = this.#notes.get(note.kind) ?? { count: 0, examples: [] };
      this.#notes.set(note.kind, group);
      group.count++;
      if (group.examples.length < EXAMPLES) group.examples.push(`${describeSource(source)}: ${note.what}`);
    }
    if (problems.length === 0) return;
    report.bad++;
    file.bad++;
    for (const problem of problems) {
      const group = this.#problems.get(problem.kind) ?? { count: 0, examples: [] };
      this.#problems.set(problem.kind, group);
      group.count++;
      if (group.examples.length < EXAMPLES) group.examples.push(describeSkip(problem));
    }
  }

  report(): CheckReport {
    const positions = this.#positions.slice(0, this.#measured).sort();
    return {
      records: this.#options.records.count,
      checked: this.checked,
      ...this.#report,
      sources: [...this.#sources.values()],
      rows: {
        median: positions[positions.length >> 1] ?? 0,
        largest: positions.at(-1) ?? 0,
        histogram: histogram(positions),
      },
      problems: [...this.#problems]
        .map(([kind, { count, examples }]) => ({ kind, title: problemTitles[kind], count, examples }))
        .sort((a, b) => b.count - a.count),
      notes: [...this.#notes].map(([kind, { count, examples }]) => ({
        kind,
        title: noteTitles[kind],
        count,
        examples,
      })),
    };
  }

  #sourceOf({ file }: SampleSource): CheckReport["sources"][number] {
    const known = this.#sources.get(file) ?? { file, records: 0, checked: 0, bad: 0 };
    this.#sources.set(file, known);
    return known;
  }
}

/** How many lengths are at most 128, 256, 512, ... positions, each counted in the first that holds it. */
function histogram(sorted: Uint32Array): { upTo: number; count: number }[] {
  const bins: { upTo: number; count: number }[] = [];
  const last = sorted.at(-1) ?? 0;
  let counted = 0;
  for (let upTo = 128; counted < sorted.length; upTo *= 2) {
    const beyond = sorted.findIndex((positions) => positions > upTo);
    const end = beyond < 0 ? sorted.length : beyond;
    if (end > counted || bins.length > 0) bins.push({ upTo, count: end - counted });
    counted = end;
    if (upTo >= last) break;
  }
  return bins;
}
