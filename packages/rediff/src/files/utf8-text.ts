/** Text of users' files, which is UTF-8 or refused: bytes that are not would become replacement characters, and be
 *  learnt or answered as if somebody had written them. A byte order mark at the start of a file is dropped.
 *
 *  An error names file, line and byte, what the bytes look like, and the command that converts them. */
import { isUtf8 } from "node:buffer";
import { createReadStream } from "node:fs";
import { UserError } from "../errors.js";
import { legacyEncoding, wideEncoding } from "./likely-encoding.js";
import { readRegular, readRegularSync, type WholeFile } from "./regular-file.js";
import { storedPath } from "./stored-path.js";

/** What people write by hand, or a program for a model to read. */
const TEXT: WholeFile = { expected: "a text file", most: 64 << 20 };

/** @throws UserError when the file cannot be read, is no regular one, is larger than it may be, or is not UTF-8 */
export async function readUtf8(file: string, kind = TEXT): Promise<string> {
  return decodeFile(await readRegular(storedPath(file) ?? file, kind), file);
}

/** The same at once. */
export function readUtf8Sync(file: string, kind = TEXT): string {
  return decodeFile(readRegularSync(storedPath(file) ?? file, kind), file);
}

/** The whole of a stream. @param name how messages call it: "standard input"
 *  @throws UserError when it is not UTF-8 */
export async function readUtf8Stream(stream: AsyncIterable<Uint8Array | string>, name: string): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk)); // copies
  return decodeFile(Buffer.concat(chunks), name);
}

/** The bytes of a whole file as text, without a byte order mark. @throws UserError when they are not UTF-8 */
export function decodeFile(bytes: Uint8Array, file: string): string {
  assertNotWide(bytes, file);
  const at = notUtf8At(bytes);
  if (at >= 0) throw notUtf8(file, { line: linesIn(bytes.subarray(0, at)) + 1, offset: at, bytes, at });
  return withoutMark(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());
}

/** UTF-16 of plain English is UTF-8 with a zero behind every letter, as far as single bytes go: the start of a text
 *  tells. @throws UserError when it looks like UTF-16 or UTF-32 */
export function assertNotWide(start: Uint8Array, file: string): void {
  if (wideEncoding(start) !== undefined) throw notUtf8(file, { line: 1, offset: 0, bytes: start, at: 0 });
}

/** The lines of a stream, however it is cut into chunks, without their ends (`\n` or `\r\n`; node:readline would also end
 *  a line at U+2028, which JSON texts may hold).
 *  @throws UserError at a line that is not UTF-8, after those before it have been given out */
export async function* utf8Lines(
  stream: AsyncIterable<Uint8Array | string>,
  name: string,
): AsyncGenerator<string, void, undefined> {
  for await (const read of utf8LineReaders(stream, name)) yield read();
}

/** The same for those who go on behind a line that is not UTF-8: what it gives out reads one, and throws there.
 *  @throws UserError when the first line looks like UTF-16 or UTF-32, of which no line would make sense */
export async function* utf8LineReaders(
  stream: AsyncIterable<Uint8Array | string>,
  name: string,
): AsyncGenerator<() => string, void, undefined> {
  let rest: Buffer[] = [];
  let [lines, passed] = [0, 0];
  const next = (end: Uint8Array, isLast: boolean): (() => string) => {
    const bytes = Buffer.concat([...rest, end]);
    rest = [];
    const [line, offset] = [++lines, passed];
    passed += bytes.length + (isLast ? 0 : 1);
    if (line === 1) assertNotWide(bytes, name);
    return () => {
      const at = notUtf8At(bytes);
      if (at >= 0) throw notUtf8(name, { line, offset: offset + at, bytes, at });
      const text = bytes.toString();
      return (line === 1 ? withoutMark(text) : text).replace(/\r$/, "");
    };
  };
  for await (const chunk of stream) {
    const bytes = Buffer.from(chunk); // a copy: the stream may use its buffer again
    let from = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, from)) {
      yield next(bytes.subarray(from, end), false);
      from = end + 1;
    }
    if (from < bytes.length) rest.push(bytes.subarray(from));
  }
  if (rest.length > 0) yield next(Buffer.alloc(0), true);
}

/** Looks at the bytes of a file as they pass, and throws at the first that is not UTF-8. */
export class Utf8Check {
  /** The beginning of a character whose end is in the next chunk. */
  #rest: Uint8Array = new Uint8Array(0);
  #offset: number;
  #lines = 0;
  readonly #file: string;

  /** @param offset of the first byte in the file */
  constructor(file: string, offset = 0) {
    this.#file = file;
    this.#offset = offset;
  }

  /** @throws UserError */
  take(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const whole = bytes.subarray(0, bytes.length - unfinished(bytes));
    if (!isUtf8(whole)) this.#refuse(bytes, notUtf8At(whole));
    this.#lines += linesIn(whole);
    this.#offset += whole.length;
    // A copy: the reader uses its buffer again.
    this.#rest = Uint8Array.from(bytes.subarray(whole.length));
  }

  /** @throws UserError when the last character is cut off */
  finish(): void {
    if (this.#rest.length > 0) this.#refuse(this.#rest, 0);
  }

  #refuse(bytes: Uint8Array, at: number): never {
    const line = this.#lines + linesIn(bytes.subarray(0, at)) + 1;
    throw notUtf8(this.#file, { line, offset: this.#offset + at, bytes, at });
  }
}

/** Where the first byte is that does not belong to a character of UTF-8; -1 when all do. */
export function notUtf8At(bytes: Uint8Array): number {
  if (isUtf8(bytes)) return -1;
  // Bisection: UTF-8 up to a boundary of characters stays so, whatever follows.
  let [low, high] = [0, bytes.length];
  while (high - low > 64) {
    let middle = (low + high) >> 1;
    while (middle > low && isContinuation(bytes[middle])) middle--;
    if (middle === low) break;
    if (isUtf8(bytes.subarray(low, middle))) low = middle;
    else high = middle;
  }
  while (low < high) {
    const length = lengthOfCharacter(bytes[low] ?? 0);
    if (low + length > bytes.length || !isUtf8(bytes.subarray(low, low + length))) return low;
    low += length;
  }
  return low;
}

const NEWLINE = 0x0a;

/** A byte order mark says nothing in UTF-8: Windows tools write it. */
export const withoutMark = (text: string): string => (text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);

const isContinuation = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80;

/** By its first byte; 1 also for bytes that begin none. */
const lengthOfCharacter = (first: number): number => (first < 0xc2 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4);

/** Bytes at the end that may be the beginning of a character. */
function unfinished(bytes: Uint8Array): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (isContinuation(byte)) continue;
    const isBeginning = byte >= 0xc2 && byte <= 0xf4 && lengthOfCharacter(byte) > back;
    return isBeginning && couldGoOn(bytes.subarray(bytes.length - back)) ? back : 0;
  }
  return 0;
}

/** Whether some continuation makes a character of it: not so of a surrogate's or an overlong form's beginning. */
function couldGoOn(beginning: Uint8Array): boolean {
  const missing = lengthOfCharacter(beginning[0] ?? 0) - beginning.length;
  return [0x80, 0xbf].some((byte) => isUtf8(Uint8Array.from([...beginning, ...Array<number>(missing).fill(byte)])));
}

export function linesIn(bytes: Uint8Array): number {
  let lines = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) lines++;
  return lines;
}

/** The line, from 1, on which a byte of a file lies. For messages: the file is read up to there. */
export async function lineOfByte(file: string, offset: number): Promise<number> {
  let lines = 0;
  if (offset === 0) return 1;
  for await (const chunk of createReadStream(file, { end: offset - 1 })) lines += linesIn(chunk as Buffer);
  return lines + 1;
}

/** The error about a byte. `line` and `offset` are its place in the file (line from 1, byte from 0), `at` that in
 *  `bytes`, the text around it, from which the encoding is guessed. */
export function notUtf8(
  file: string,
  { line, offset, bytes, at }: { line?: number | undefined; offset?: number; bytes: Uint8Array; at: number },
): UserError {
  const place = line === undefined ? file : `${file}:${line}`;
  const { what, hint } = describeNotUtf8(bytes, at);
  const where = offset === undefined ? "" : ` at byte ${offset}`;
  return new UserError(`${place}: is not UTF-8${where} (${what})`, hint);
}

/** So many bytes of characters of UTF-8 are no accident. */
const CLEARLY_UTF8 = 12;

/** What is at a place that is not UTF-8, and what to do about it. */
export function describeNotUtf8(bytes: Uint8Array, at: number): { what: string; hint: string } {
  const wide = at === 0 ? wideEncoding(bytes) : undefined;
  if (wide !== undefined) return { what: `it looks like ${wide.name}`, hint: converting(wide.iconv) };
  const byte = `0x${(bytes[at] ?? 0).toString(16).toUpperCase().padStart(2, "0")}`;
  if (unfinished(bytes) === bytes.length - at) {
    return { what: `${byte}, and ends within a character`, hint: "Copy or download it again, or write it anew" };
  }
  let before = 0;
  for (let i = 0; i < at && before < CLEARLY_UTF8; i++) if ((bytes[i] ?? 0) >= 0x80) before++;
  if (before === CLEARLY_UTF8) {
    return { what: byte, hint: "What comes before it is UTF-8: mend this place, or write the file anew as UTF-8" };
  }
  let start = at;
  while ((bytes[start - 1] ?? 0) >= 0x80) start--;
  const newline = bytes.indexOf(NEWLINE, at);
  const end = Math.min(newline < 0 ? bytes.length : newline, start + 65536);
  const guess = legacyEncoding(bytes.subarray(start, end));
  return guess === undefined
    ? { what: byte, hint: converting(undefined) }
    : { what: `${byte}; it may be ${guess.name}`, hint: converting(guess.iconv) };
}

const converting = (from: string | undefined): string =>
  `Write it as UTF-8: iconv -f ${from ?? "ENCODING"} -t UTF-8 OLD > NEW`;
