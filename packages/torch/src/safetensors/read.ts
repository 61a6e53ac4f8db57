/** A safetensors file as tensors that lie in the mapped file: nothing is read until it is used, nothing twice. */

import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { empty, fromBuffer } from "../create.js";
import { elementSize } from "../dtype.js";
import { clone, copy_, narrow, view, viewDtype } from "../generated/ops.generated.js";
import { native } from "../native.js";
import { detachFromScope, scope } from "../scope.js";
import { type Tensor, wrap } from "../tensor.js";
import { SafetensorsError, systemReason, type TensorInfo } from "./format.js";
import { readSafetensorsHeader, type SafetensorsHeader } from "./header.js";

const READ_BYTES = 4 << 20;

export class SafetensorsFile implements Disposable {
  readonly path: string;
  readonly header: SafetensorsHeader;
  #bytes: Tensor | undefined;
  #disposed = false;

  private constructor(path: string, header: SafetensorsHeader) {
    this.path = path;
    this.header = header;
  }

  /** Reads and checks the header. @throws SafetensorsError */
  static open(path: string): SafetensorsFile {
    return new SafetensorsFile(path, readSafetensorsHeader(path));
  }

  names(): string[] {
    return [...this.header.tensors.keys()];
  }

  has(name: string): boolean {
    return this.header.tensors.has(name);
  }

  /** @throws SafetensorsError when there is no such tensor */
  info(name: string): TensorInfo {
    const info = this.header.tensors.get(name);
    if (info === undefined) throw new SafetensorsError(`${this.path}: has no tensor "${name}"`);
    return info;
  }

  /** A CPU tensor over the mapped file, which stays mapped as long as any such tensor lives, also after `dispose`.
   *  The mapping is private: writing into the tensor changes memory, never the file.
   *
   *  Only a tensor that is not aligned to its element size, which our and Python's writers never make, is copied. */
  get(name: string): Tensor {
    const { dtype, shape, begin, end } = this.info(name);
    if (begin === end) return empty(shape, { dtype });
    return scope(() => {
      const start = this.header.dataOffset + begin;
      const bytes = narrow(this.#map(), 0, start, end - begin);
      const aligned = start % elementSize(dtype) === 0 ? bytes : clone(bytes);
      return view(viewDtype(aligned, dtype), shape);
    });
  }

  /** The same in memory of its own, read through a small buffer: for what is used once and changed on the way. Pages of a
   *  mapped file that were touched count as the process's until the system wants them back. */
  read(name: string): Tensor {
    const { dtype, shape, begin, end } = this.info(name);
    if (begin === end) return empty(shape, { dtype });
    if (this.#disposed) throw new SafetensorsError(`${this.path}: was disposed`);
    return scope(() => {
      const bytes = empty([end - begin], { dtype: "uint8" });
      const buffer = new Uint8Array(Math.min(end - begin, READ_BYTES));
      const part = fromBuffer(buffer, [buffer.length], "uint8");
      const file = this.#attempt(() => openSync(this.path, "r"));
      try {
        for (let done = 0; done < end - begin; ) {
          const at = this.header.dataOffset + begin + done;
          const wanted = Math.min(buffer.length, end - begin - done);
          const got = this.#attempt(() => readSync(file, buffer, 0, wanted, at));
          if (got === 0) throw new SafetensorsError(`${this.path}: ends within "${name}": it was changed meanwhile`);
          copy_(narrow(bytes, 0, done, got), narrow(part, 0, 0, got));
          done += got;
        }
      } finally {
        closeSync(file);
      }
      return view(viewDtype(bytes, dtype), shape);
    });
  }

  #attempt<T>(step: () => T): T {
    try {
      return step();
    } catch (error) {
      throw new SafetensorsError(`${this.path}: cannot be read: ${systemReason(error)}`);
    }
  }

  #map(): Tensor {
    if (this.#disposed) throw new SafetensorsError(`${this.path}: was disposed`);
    this.#bytes ??= detachFromScope(this.#newMap());
    return this.#bytes;
  }

  #newMap(): Tensor {
    const { fileSize } = this.header;
    let reason: string;
    let file: number | undefined;
    try {
      file = openSync(this.path, "r");
      if (fstatSync(file).size >= fileSize) return wrap(native.mapFile(file, fileSize));
      reason = "it was changed meanwhile";
    } catch (error) {
      reason = systemReason(error);
    } finally {
      if (file !== undefined) closeSync(file);
    }
    throw new SafetensorsError(`${this.path}: cannot be mapped: ${reason}`);
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#bytes?.dispose();
    this.#bytes = undefined;
  }
}
