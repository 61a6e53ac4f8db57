/** Lines of a file by their numbers, in any order, without having the file in memory: where each begins is eight bytes, and
 *  those that are asked for one after the other are read a piece at a time. */
import { type FileHandle, open } from "node:fs/promises";

const PIECE_BYTES = 1 << 20;
/** Of a piece, in front of the line that it is read for: nearly ordered lines go back a little now and then. */
const BEHIND_BYTES = PIECE_BYTES / 4;
const NEWLINE = 10;

/** Holds the file open: `close()` it. */
export class NumberedLines {
  #piece = Buffer.alloc(0);
  /** In the file. */
  #pieceStart = 0;

  private constructor(
    private readonly file: FileHandle,
    /** Where lines begin; the last entry is the end of the last one. */
    private readonly starts: Float64Array,
  ) {}

  /** Of a file in which every line ends in a newline, and that nobody writes meanwhile. */
  static async open(path: string): Promise<NumberedLines> {
    const file = await open(path, "r");
    try {
      return new NumberedLines(file, await lineStarts(file));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  get count(): number {
    return this.starts.length - 1;
  }

  /** A copy of a line with its newline. @param number from 1, as in messages */
  async read(number: number): Promise<Uint8Array> {
    const [start, end] = [this.starts[number - 1], this.starts[number]];
    if (start === undefined || end === undefined) throw new RangeError(`line ${number} of ${this.count}`);
    if (start < this.#pieceStart || end > this.#pieceStart + this.#piece.length) {
      const from = Math.max(0, start - BEHIND_BYTES);
      const piece = Buffer.alloc(Math.max(end - from, PIECE_BYTES));
      const { bytesRead } = await this.file.read(piece, 0, piece.length, from);
      if (bytesRead < end - from) throw new Error(`line ${number} is cut off: the file is shorter than it was`);
      [this.#piece, this.#pieceStart] = [piece.subarray(0, bytesRead), from];
    }
    return Buffer.from(this.#piece.subarray(start - this.#pieceStart, end - this.#pieceStart));
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

async function lineStarts(file: FileHandle): Promise<Float64Array> {
  let starts = new Float64Array(1024);
  let count = 1; // the first begins at 0
  const piece = Buffer.alloc(PIECE_BYTES);
  for (let at = 0; ; ) {
    const { bytesRead } = await file.read(piece, 0, piece.length, at);
    if (bytesRead === 0) return starts.subarray(0, count);
    const read = piece.subarray(0, bytesRead);
    for (let i = read.indexOf(NEWLINE); i >= 0; i = read.indexOf(NEWLINE, i + 1)) {
      if (count === starts.length) {
        const grown = new Float64Array(2 * count);
        grown.set(starts);
        starts = grown;
      }
      starts[count++] = at + i + 1;
    }
    at += bytesRead;
  }
}
