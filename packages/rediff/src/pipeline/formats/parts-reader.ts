/** Several files as one, for readers that jump about (zip) and readers that go through (tar). */

import type { FileHandle } from "node:fs/promises";
import { Readable } from "node:stream";
import { RandomAccessReader } from "yauzl";
import { openRegular } from "../../files/regular-file.js";

const CHUNK_BYTES = 1 << 20;

interface Part {
  handle: FileHandle;
  start: number;
  end: number;
}

/** Owns its files: `closeFiles()`. */
export class PartsReader extends RandomAccessReader {
  private constructor(
    private readonly parts: readonly Part[],
    readonly size: number,
  ) {
    super();
  }

  static async open(paths: readonly string[]): Promise<PartsReader> {
    const parts: Part[] = [];
    let start = 0;
    try {
      for (const path of paths) {
        const handle = await openRegular(path, "an archive");
        const end = start + (await handle.stat()).size;
        parts.push({ handle, start, end });
        start = end;
      }
    } catch (error) {
      await Promise.all(parts.map(({ handle }) => handle.close()));
      throw error;
    }
    return new PartsReader(parts, start);
  }

  /** Fewer bytes than asked for only at the end. */
  async readAt(buffer: Buffer, position: number): Promise<number> {
    let done = 0;
    while (done < buffer.length) {
      const at = position + done;
      const part = this.parts.find(({ start, end }) => at >= start && at < end);
      if (part === undefined) break;
      const length = Math.min(buffer.length - done, part.end - at);
      const { bytesRead } = await part.handle.read(buffer, done, length, at - part.start);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return done;
  }

  async *chunks(start = 0, end = this.size): AsyncGenerator<Buffer> {
    for (let at = start; at < end; ) {
      const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end - at));
      const length = await this.readAt(buffer, at);
      if (length === 0) return;
      yield buffer.subarray(0, length);
      at += length;
    }
  }

  async closeFiles(): Promise<void> {
    await Promise.all(this.parts.map(({ handle }) => handle.close()));
  }

  // What yauzl asks for.

  override _readStreamForRange(start: number, end: number): Readable {
    return Readable.from(this.chunks(start, end), { objectMode: false });
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null) => void,
  ): void {
    this.readAt(buffer.subarray(offset, offset + length), position).then(
      (done) => callback(done === length ? null : new Error("unexpected end of the file")),
      (error: unknown) => callback(error instanceof Error ? error : new Error(String(error))),
    );
  }

  override close(callback: (error: Error | null) => void): void {
    callback(null);
  }
}
