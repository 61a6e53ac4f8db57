/** `--trace`: a JSON line for each step of each answer, in the one format of traces, after the picture that it is about.
 *
 *  A run that goes on with the results of an earlier one goes on with its trace too. Steps of a picture whose result is
 *  not there yet are taken away first, as it is described anew: they would be there twice. So are those of a picture
 *  that has its result but not all of its steps, and half a line that a kill left. */
import { appendFileSync, closeSync, createReadStream, openSync } from "node:fs";
import { open, stat } from "node:fs/promises";
import { z } from "zod";
import { UserError } from "../../errors.js";
import { AtomicFile } from "../../files/atomic-file.js";
import { openPipe } from "../../files/line-log.js";
import { writeError } from "../../files/write-errors.js";
import type { TraceStep } from "../../inference/trace-format.js";
import { assertWritable } from "../options/writable.js";

export class TraceFile {
  readonly #path: string;
  readonly #mode: "a" | "w";
  #file: number | undefined;

  private constructor(path: string, mode: "a" | "w") {
    this.#path = path;
    this.#mode = mode;
    this.#file = openPipe(path);
  }

  /** The file is made, or an old trace replaced, at the first step.
   *  @throws UserError when it cannot be written, or holds something else: a picture, results, notes */
  static async plan(path: string): Promise<TraceFile> {
    await assertWritable(path);
    await assertNothingElse(path);
    return new TraceFile(path, "w");
  }

  /** Goes on with the trace of an earlier run.
   *  @param done pictures that have a result, with the steps that it took
   *  @returns the trace, and how many of those pictures have their steps in it
   *  @throws UserError when it cannot be written, or is no trace */
  static async resume(path: string, done: ReadonlyMap<string, number>): Promise<{ trace: TraceFile; traced: number }> {
    await assertWritable(path);
    const info = await stat(path).catch(() => undefined);
    const traced = info?.isFile() === true ? await keepComplete(path, done) : 0; // a pipe has no past
    return { trace: new TraceFile(path, "a"), traced };
  }

  /** Returns when the line is written: steps are told from inside the decode loop, and must stay in their order. */
  write(image: string, step: TraceStep): void {
    try {
      this.#file ??= openSync(this.#path, this.#mode);
      appendFileSync(this.#file, `${JSON.stringify({ image, ...step })}\n`);
    } catch (cause) {
      throw writeError(this.#path, cause);
    }
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}

const BEGINNING = '{"image":';

/** An empty file and half a first line are what a run leaves that was cut off at once. */
async function assertNothingElse(path: string): Promise<void> {
  const info = await stat(path).catch(() => undefined);
  if (info?.isFile() !== true || info.size === 0) return;
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(BEGINNING.length), 0, BEGINNING.length, 0);
    const begun = buffer.toString("latin1", 0, bytesRead);
    if (bytesRead === 0 || !BEGINNING.startsWith(begun)) throw noTrace(path, 0);
  } finally {
    await file.close();
  }
  for await (const { line, index, isWhole } of linesOf(path)) {
    if (isWhole || parsed(line) !== undefined) stepOf(path, line, index);
    return;
  }
}

/** The last answer about a picture: where it begins, and its steps. */
interface LastAnswer {
  from: number;
  steps: number;
}

/** Leaves the lines of the last answer about each picture, where all of it is there. @returns how many pictures */
async function keepComplete(path: string, done: ReadonlyMap<string, number>): Promise<number> {
  const last = new Map<string, LastAnswer>();
  let lines = 0;
  let isTorn = false;
  for await (const { line, index, isWhole } of linesOf(path)) {
    lines = index + 1;
    isTorn = !isWhole;
    const step = isWhole ? stepOf(path, line, index) : undefined;
    if (step === undefined) continue;
    const answer = last.get(step.image);
    if (answer === undefined || step.request !== undefined) last.set(step.image, { from: index, steps: 1 });
    else answer.steps++;
  }
  const kept = new Map([...last].filter(([image, { steps }]) => done.get(image) === steps));
  const keptLines = [...kept.values()].reduce((sum, { steps }) => sum + steps, 0);
  if (keptLines < lines || isTorn) await rewrite(path, kept);
  return kept.size;
}

async function rewrite(path: string, kept: ReadonlyMap<string, LastAnswer>): Promise<void> {
  const file = await AtomicFile.create(path);
  try {
    for await (const { line, index, isWhole } of linesOf(path)) {
      const step = isWhole ? stepOf(path, line, index) : undefined;
      const answer = step && kept.get(step.image);
      if (answer !== undefined && index >= answer.from) await file.write(`${line}\n`);
    }
    await file.commit();
  } finally {
    await file.abort();
  }
}

const schema = z.looseObject({ image: z.string(), type: z.literal("step"), request: z.unknown().optional() });

function stepOf(path: string, line: string, index: number): z.infer<typeof schema> | undefined {
  if (line.trim() === "") return undefined;
  const { data } = schema.safeParse(parsed(line));
  if (data !== undefined) return data;
  throw noTrace(path, index);
}

const noTrace = (path: string, index: number): UserError =>
  new UserError(
    `${path}: line ${index + 1} is not a step of an earlier run's trace`,
    "Give another --trace, or remove it.",
  );

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** `isWhole`: with its newline; what a kill left at the end has none. */
async function* linesOf(path: string): AsyncGenerator<{ line: string; index: number; isWhole: boolean }> {
  let index = 0;
  let parts: Buffer[] = [];
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      parts.push(chunk.subarray(start, end));
      yield { line: Buffer.concat(parts).toString(), index: index++, isWhole: true };
      parts = [];
      start = end + 1;
    }
    if (start < chunk.length) parts.push(chunk.subarray(start));
  }
  if (parts.length > 0) yield { line: Buffer.concat(parts).toString(), index, isWhole: false };
}
