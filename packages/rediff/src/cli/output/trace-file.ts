/** `--trace`: a JSON line for each step of each answer, in the one format of traces, after the picture that it is about. */
import { appendFileSync, closeSync, openSync } from "node:fs";
import type { TraceStep } from "../../inference/trace-format.js";
import { assertWritable } from "../options/writable.js";

export class TraceFile {
  readonly #path: string;
  readonly #mode: "a" | "w";
  #file: number | undefined;

  private constructor(path: string, mode: "a" | "w") {
    this.#path = path;
    this.#mode = mode;
  }

  /** The file is made, or an old one replaced, at the first step.
   *  @param append to a trace of an earlier run, whose results stay as well
   *  @throws UserError when it cannot be written */
  static async plan(path: string, append: boolean): Promise<TraceFile> {
    await assertWritable(path);
    return new TraceFile(path, append ? "a" : "w");
  }

  /** Returns when the line is written: steps are told from inside the decode loop, and must stay in their order. */
  write(image: string, step: TraceStep): void {
    this.#file ??= openSync(this.#path, this.#mode);
    appendFileSync(this.#file, `${JSON.stringify({ image, ...step })}\n`);
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}
