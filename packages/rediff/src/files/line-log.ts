/** JSON lines that are only ever appended, by runs that may be killed at any moment: a line is written whole, what a
 *  kill left of one is taken away at the next start, and a file that is not ours is never touched. */
import { closeSync, constants, openSync } from "node:fs";
import { access, type FileHandle, open, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { option, UserError, wording } from "../errors.js";
import { infoOf } from "./regular-file.js";
import { utf8Lines } from "./utf8-text.js";
import { makeFolders } from "./whole-folder.js";
import { writeError } from "./write-errors.js";

export interface LineLogOptions {
  /** How every line begins, and so what the rest of a torn one begins with. */
  beginning: string;
  /** Told of every line that is there. @returns false when it is none of ours */
  onLine: (value: unknown, line: number) => boolean;
  /** What messages say that a foreign line is: "no draft". */
  what: string;
}

export class LineLog {
  #file: FileHandle | undefined;
  #failure: unknown;

  private constructor(
    readonly path: string,
    private lines: number,
  ) {}

  /** Reads what is there and mends its end. A file that is not there is made with the first line, its folder too.
   *  @throws UserError when it cannot be read or written, or holds something else */
  static async open(path: string, options: LineLogOptions): Promise<LineLog> {
    const info = await stat(path).catch(() => undefined);
    if (info?.isDirectory()) throw new UserError(`${path} is a folder`, "Name a file.");
    let file: FileHandle;
    try {
      if (info === undefined) await access(await nearestFolder(path), constants.W_OK);
      if (info?.isFile() !== true) return await LineLog.#ofPipe(path); // which has no past
      file = await open(path, "r+");
    } catch (cause) {
      throw writeError(path, cause);
    }
    try {
      const { size } = await file.stat();
      const end = await endOfLines(file, size);
      const lines = await readLines(file, path, end, options);
      return new LineLog(path, lines + (await mendTail(file, path, { start: end, end: size, lines }, options)));
    } finally {
      await file.close();
    }
  }

  static async #ofPipe(path: string): Promise<LineLog> {
    const log = new LineLog(path, 0);
    const pipe = openPipe(path);
    if (pipe === undefined) return log;
    await log.touch();
    closeSync(pipe);
    return log;
  }

  /** Lines in the file. */
  get count(): number {
    return this.lines;
  }

  /** Returns when the line is with the system: a process that is killed now does not lose it. */
  async append(value: object): Promise<void> {
    // After a failed write the file may end in half a line: nothing may follow it.
    if (this.#failure !== undefined) throw this.#failure;
    const file = await this.#opened();
    try {
      await file.appendFile(`${JSON.stringify(value)}\n`);
    } catch (cause) {
      this.#failure = writeError(this.path, cause);
      throw this.#failure;
    }
    this.lines++;
  }

  /** Makes the file when it is not there, without a line. */
  async touch(): Promise<void> {
    await this.#opened();
  }

  async #opened(): Promise<FileHandle> {
    if (this.#file !== undefined) return this.#file;
    try {
      makeFolders(dirname(this.path));
      this.#file = await open(this.path, "a");
      return this.#file;
    } catch (cause) {
      throw writeError(this.path, cause);
    }
  }

  /** Brings the lines to the disk. */
  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.sync().catch(() => undefined); // a pipe cannot
    await file?.close();
  }
}

/** Opens a named pipe to write to it, without waiting until somebody reads.
 *  @returns its descriptor; undefined when the path is no pipe
 *  @throws UserError when nobody reads */
export function openPipe(path: string): number | undefined {
  if (infoOf(path)?.isFIFO() !== true) return undefined;
  let held: number | undefined;
  try {
    held = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    return openSync(path, "a"); // unlike the first, it lets a write wait for a slow reader
  } catch (cause) {
    throw writeError(path, cause);
  } finally {
    if (held !== undefined) closeSync(held);
  }
}

/** The folder of a file, or the one in which it would be made. */
async function nearestFolder(path: string): Promise<string> {
  for (let folder = dirname(resolve(path)); ; folder = dirname(folder)) {
    const isThere = await stat(folder).then(
      () => true,
      (error: NodeJS.ErrnoException) => error.code !== "ENOENT",
    );
    if (isThere || dirname(folder) === folder) return folder;
  }
}

/** Just behind the last newline. */
async function endOfLines(file: FileHandle, size: number): Promise<number> {
  const chunk = Buffer.alloc(65536);
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - chunk.length);
    await file.read(chunk, 0, end - start, start);
    const newline = chunk.subarray(0, end - start).lastIndexOf(10);
    if (newline >= 0) return start + newline + 1;
    end = start;
  }
  return 0;
}

async function readLines(file: FileHandle, path: string, end: number, options: LineLogOptions): Promise<number> {
  if (end === 0) return 0;
  const input = file.createReadStream({ start: 0, end: end - 1, autoClose: false });
  let line = 0;
  for await (const text of utf8Lines(input, path)) {
    line++;
    if (text.trim() !== "" && !isOurs(text, line, options)) throw foreign(path, `line ${line}`, options);
  }
  return line;
}

/** What stands behind the last newline: a line that lacks it gets it, a part of one goes. @returns lines won */
async function mendTail(
  file: FileHandle,
  path: string,
  { start, end, lines }: { start: number; end: number; lines: number },
  options: LineLogOptions,
): Promise<number> {
  if (start === end) return 0;
  const bytes = Buffer.alloc(end - start);
  await file.read(bytes, 0, bytes.length, start);
  const text = bytes.toString("utf8");
  const { beginning } = options;
  if (!beginning.startsWith(text.slice(0, beginning.length))) throw foreign(path, "its last line", options);
  if (isOurs(text, lines + 1, options)) {
    await file.write("\n", end);
    return 1;
  }
  await file.truncate(start);
  return 0;
}

function isOurs(text: string, line: number, { onLine }: LineLogOptions): boolean {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return false;
  }
  return onLine(value, line);
}

function foreign(path: string, where: string, { what }: LineLogOptions): UserError {
  return new UserError(
    `${path}: ${where} is ${what} of an earlier run`,
    wording`Give another ${option("output")}, or remove it.`,
  );
}
