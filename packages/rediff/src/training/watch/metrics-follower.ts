/** Follows a file of metrics that another process writes: only what is new is read. A line counts when it is whole; a file
 *  that was replaced or cut, as a run does that goes on from a checkpoint, is read anew. Nothing is ever written. */
import { closeSync, fstatSync, readSync, type Stats } from "node:fs";
import { fileError, isAbsent } from "../../files/read-errors.js";
import { openRegularSync } from "../../files/regular-file.js";
import { parseMetricsLine } from "./metrics-line.js";
import { RunHistory } from "./run-history.js";

const CHUNK = 1 << 20;
/** A line has some hundred bytes; what is longer is none, and is not kept in memory until it ends. */
const LONGEST_LINE = 1 << 16;
const NEWLINE = 10;

export class MetricsFollower {
  #history = new RunHistory();
  #seen: Stats | undefined;
  /** Bytes that were read, and the beginning of a line at their end. */
  #offset = 0;
  #rest = Buffer.alloc(0);
  #isSkipping = false;

  constructor(readonly path: string) {}

  get history(): RunHistory {
    return this.#history;
  }

  /** When the file was last written to, in milliseconds since 1970. */
  get writtenAt(): number | undefined {
    return this.#seen?.mtimeMs;
  }

  /** Reads what is new. Of a file that is no more, what was read stays.
   *  @returns whether the file is there
   *  @throws UserError when it cannot be read */
  poll(): boolean {
    let file: number;
    try {
      file = openRegularSync(this.path, "the metrics of a run");
    } catch (error) {
      if (isAbsent(error)) return false;
      throw error;
    }
    try {
      const now = fstatSync(file);
      if (this.#seen !== undefined && isAnother(this.#seen, now, this.#offset)) this.#begin();
      this.#seen = now;
      this.#readOn(file, now.size);
      return true;
    } catch (cause) {
      throw fileError(this.path, cause);
    } finally {
      closeSync(file);
    }
  }

  #begin(): void {
    this.#history = new RunHistory();
    this.#offset = 0;
    this.#rest = Buffer.alloc(0);
    this.#isSkipping = false;
  }

  /** Up to the size of now: a run that writes faster than this reads must not hold it. */
  #readOn(file: number, size: number): void {
    const chunk = Buffer.alloc(Math.min(CHUNK, Math.max(0, size - this.#offset)));
    while (this.#offset < size) {
      const count = readSync(file, chunk, 0, Math.min(chunk.length, size - this.#offset), this.#offset);
      if (count === 0) return;
      this.#offset += count;
      this.#take(chunk.subarray(0, count));
    }
  }

  #take(bytes: Buffer): void {
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      this.#line(Buffer.concat([this.#rest, bytes.subarray(start, end)]));
      this.#rest = Buffer.alloc(0);
      start = end + 1;
    }
    const rest = this.#isSkipping ? this.#rest : Buffer.concat([this.#rest, bytes.subarray(start)]);
    this.#isSkipping ||= rest.length > LONGEST_LINE;
    this.#rest = this.#isSkipping ? Buffer.alloc(0) : rest;
  }

  #line(bytes: Buffer): void {
    const isWhole = !this.#isSkipping && bytes.length <= LONGEST_LINE;
    this.#isSkipping = false;
    const text = isWhole ? bytes.toString("utf8") : "";
    if (isWhole && text.trim() === "") return;
    const line = isWhole ? parseMetricsLine(text) : undefined;
    if (line === undefined) this.#history.unreadable++;
    else this.#history.add(line);
  }
}

const isAnother = (before: Stats, now: Stats, offset: number): boolean =>
  before.ino !== now.ino || before.dev !== now.dev || before.birthtimeMs !== now.birthtimeMs || now.size < offset;
