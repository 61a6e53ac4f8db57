/** Bytes of a file by their place, through one buffer: what comes again and again from one neighbourhood is read once.
 *  Synchronous, for scans of very many small pieces. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** Owns its file: `using`. */
export class ByteWindow implements Disposable {
  readonly size: number;
  readonly #descriptor: number;
  #buffer: Buffer;
  #start = 0;
  #length = 0;

  /** @throws what the file system says */
  constructor(path: string, bytes: number) {
    this.#descriptor = openSync(path, "r");
    this.size = fstatSync(this.#descriptor).size;
    this.#buffer = Buffer.allocUnsafe(bytes);
  }

  /** Valid until the next call; fewer bytes than asked for at the end of the file. */
  read(offset: number, length: number): Uint8Array {
    const wanted = Math.max(0, Math.min(length, this.size - offset));
    if (offset < this.#start || offset + wanted > this.#start + this.#length) this.#fill(offset, wanted);
    const from = offset - this.#start;
    return this.#buffer.subarray(from, Math.min(from + wanted, this.#length));
  }

  #fill(offset: number, least: number): void {
    if (least > this.#buffer.length) this.#buffer = Buffer.allocUnsafe(2 * least);
    this.#start = offset;
    this.#length = 0;
    while (this.#length < this.#buffer.length) {
      const { length } = this.#buffer;
      const got = readSync(this.#descriptor, this.#buffer, this.#length, length - this.#length, offset + this.#length);
      if (got === 0) break;
      this.#length += got;
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
  }
}
