/** The records of a JSON array or of a JSONL file, found without parsing them.
 *
 *  The file passes through one buffer of a few MB, so its size does not matter. What is checked here is what a scan has
 *  to see anyway: that an array is one, that its elements are objects with commas between them, that it ends, and that
 *  all of it is UTF-8: a file in another encoding is refused as a whole, before a run begins. The records' own JSON is
 *  checked when they are parsed. */
import type { FileHandle } from "node:fs/promises";
import { UserError } from "../../errors.js";
import { MISTAKEN_HEAD_BYTES, mistakenFileError } from "../../files/mistaken-file.js";
import { assertNotWide, Utf8Check } from "../../files/utf8-text.js";
import type { FileIndex, ScanOptions } from "./file-index.js";
import { Offsets } from "./offsets.js";

const CHUNK_BYTES = 4 << 20;

const [NEWLINE, RETURN, SPACE, TAB] = [0x0a, 0x0d, 0x20, 0x09];
const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [BRACE, CLOSING_BRACE, BRACKET, CLOSING_BRACKET] = [0x7b, 0x7d, 0x5b, 0x5d];

const isBlank = (byte: number | undefined) => byte === SPACE || byte === NEWLINE || byte === RETURN || byte === TAB;

interface Scanner {
  /** `base` is the chunk's place in the file. */
  take(chunk: Uint8Array, base: number): void;
  finish(size: number): FileIndex;
}

export async function scanJson(file: string, handle: FileHandle, options: ScanOptions): Promise<FileIndex> {
  const buffer = Buffer.allocUnsafe(options.chunkBytes ?? CHUNK_BYTES);
  let scanner: Scanner | undefined;
  let base = await passStart(file, handle);
  const utf8 = new Utf8Check(file, base);
  for (;;) {
    options.signal?.throwIfAborted();
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, base);
    if (bytesRead === 0) break;
    const chunk = buffer.subarray(0, bytesRead);
    utf8.take(chunk);
    scanner ??= chooseScanner(file, chunk);
    scanner?.take(chunk, base);
    base += bytesRead;
    options.onBytes?.(bytesRead);
  }
  utf8.finish();
  if (scanner !== undefined) return scanner.finish(base);
  throw new UserError(`${file}: holds no records`, "Expected a JSON array, or one JSON record a line");
}

/** Looks at how the file begins. @returns the bytes of a byte order mark: Windows tools put one there, and JSON.parse
 *  would stumble over it */
async function passStart(file: string, handle: FileHandle): Promise<number> {
  const buffer = Buffer.alloc(MISTAKEN_HEAD_BYTES);
  const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
  const head = buffer.subarray(0, bytesRead);
  const mistaken = mistakenFileError(file, head, "a JSON array, or one JSON record a line");
  if (mistaken !== undefined) throw mistaken;
  assertNotWide(head, file);
  return head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? 3 : 0;
}

/** By the first byte that is not blank; undefined while there is none. */
function chooseScanner(file: string, chunk: Uint8Array): Scanner | undefined {
  const first = chunk.find((byte) => !isBlank(byte));
  if (first === undefined) return undefined;
  if (first === BRACKET) return new ArrayScanner(file);
  if (first === BRACE) return new LineScanner(file);
  const shown = JSON.stringify(String.fromCharCode(first));
  throw new UserError(
    `${file}: begins with ${shown}; expected a JSON array, or one JSON record a line`,
    "Check that this is the data file",
  );
}

class LineScanner implements Scanner {
  readonly #file: string;
  readonly #starts = new Offsets();
  readonly #blankLines: number[] = [];
  /** The line under way has shown something other than blanks. */
  #seen = false;
  #lineStart: number | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  take(chunk: Uint8Array, base: number): void {
    let position = 0;
    while (position < chunk.length) {
      this.#lineStart ??= base + position;
      const newline = chunk.indexOf(NEWLINE, position);
      const end = newline < 0 ? chunk.length : newline;
      for (let i = position; !this.#seen && i < end; i++) this.#seen = !isBlank(chunk[i]);
      if (newline < 0) return;
      this.#endLine();
      position = newline + 1;
    }
  }

  #endLine(): void {
    if (this.#seen) this.#starts.push(this.#lineStart ?? 0);
    else this.#blankLines.push(this.#starts.length);
    this.#seen = false;
    this.#lineStart = undefined;
  }

  finish(size: number): FileIndex {
    if (this.#lineStart !== undefined) this.#endLine();
    const count = this.#starts.length;
    this.#starts.push(size);
    const starts = this.#starts.finish();
    return { file: this.#file, kind: "jsonl", count, starts, blankLines: this.#blankLines };
  }
}

type Expecting = "array" | "first" | "element" | "inside" | "comma" | "nothing";

class ArrayScanner implements Scanner {
  readonly #file: string;
  readonly #starts = new Offsets();
  #expecting: Expecting = "array";
  #depth = 0;
  #inString = false;
  #escaped = false;
  #end = 0;

  constructor(file: string) {
    this.#file = file;
  }

  take(chunk: Uint8Array, base: number): void {
    let i = 0;
    while (i < chunk.length) {
      if (this.#inString) i = this.#passString(chunk, i);
      else if (this.#expecting === "inside") i = this.#passElement(chunk, i);
      else {
        const byte = chunk[i] as number;
        if (!isBlank(byte)) this.#between(byte, base + i);
        i++;
      }
    }
  }

  /** To just behind the string's closing quote, or to the end of the chunk. */
  #passString(chunk: Uint8Array, from: number): number {
    let i = from;
    if (this.#escaped) {
      this.#escaped = false;
      i++;
    }
    for (; i < chunk.length; i++) {
      const byte = chunk[i];
      if (byte === BACKSLASH) {
        i++;
        this.#escaped = i >= chunk.length;
      } else if (byte === QUOTE) {
        this.#inString = false;
        return i + 1;
      }
    }
    return chunk.length;
  }

  /** To just behind the next quote or the element's end, or to the end of the chunk. */
  #passElement(chunk: Uint8Array, from: number): number {
    for (let i = from; i < chunk.length; i++) {
      const byte = chunk[i];
      if (byte === QUOTE) {
        this.#inString = true;
        return i + 1;
      }
      if (byte === BRACE || byte === BRACKET) this.#depth++;
      else if (byte === CLOSING_BRACE || byte === CLOSING_BRACKET) {
        if (--this.#depth > 0) continue;
        this.#expecting = "comma";
        return i + 1;
      }
    }
    return chunk.length;
  }

  /** Outside of elements: brackets of the array, commas, an element's opening brace. */
  #between(byte: number, offset: number): void {
    const expecting = this.#expecting;
    if (expecting === "array") {
      this.#expecting = "first"; // The bracket that chose this scanner.
    } else if (byte === CLOSING_BRACKET && (expecting === "first" || expecting === "comma")) {
      this.#expecting = "nothing";
      this.#end = offset;
    } else if (byte === COMMA && expecting === "comma") {
      this.#expecting = "element";
    } else if (byte === BRACE && (expecting === "first" || expecting === "element")) {
      this.#starts.push(offset);
      this.#expecting = "inside";
      this.#depth = 1;
    } else {
      throw this.#misplaced(byte, offset);
    }
  }

  #misplaced(byte: number, offset: number): UserError {
    const expected = {
      array: "[",
      first: "{ or ]",
      element: "{",
      inside: "an element",
      comma: ", or ]",
      nothing: "the end of the file",
    }[this.#expecting];
    const shown = JSON.stringify(String.fromCharCode(byte));
    return new UserError(
      `${this.#file}: ${shown} at byte ${offset}, after ${this.#starts.length} records; expected ${expected}`,
      "A data file is a JSON array of records, or one record a line",
    );
  }

  finish(size: number): FileIndex {
    const count = this.#starts.length;
    if (this.#expecting !== "nothing") {
      const where = this.#expecting === "inside" ? `in record ${count - 1}` : `after ${count} records`;
      throw new UserError(
        `${this.#file}: the file is cut off at byte ${size}, ${where}`,
        "Copy or download it again, or write it anew",
      );
    }
    this.#starts.push(this.#end);
    return { file: this.#file, kind: "json", count, starts: this.#starts.finish(), blankLines: [] };
  }
}
