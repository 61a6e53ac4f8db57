/** A JSON Lines file of results that a run may be killed over: records are appended whole, a line cut off by a kill is
 *  taken away at the next start, and what is in it is not done again. */
import { type FileHandle, open } from "node:fs/promises";
import { createInterface } from "node:readline";
import { z } from "zod";
import { UserError } from "../../errors.js";
import { assertWritable } from "../options/writable.js";

const record = z.looseObject({ image: z.string() });

/** How every record begins, and so what a line that was cut off begins with. */
const BEGINNING = '{"image":';

export class ResultsFile {
  /** Pictures that have a record already. */
  readonly done: ReadonlySet<string>;
  readonly #path: string;
  #file: FileHandle | undefined;

  private constructor(path: string, done: Set<string>) {
    this.#path = path;
    this.done = done;
  }

  /** Reads what is there and mends its end; a file that is not there is made with the first record.
   *  @throws UserError when it cannot be written, or holds something else than such records */
  static async open(path: string): Promise<ResultsFile> {
    await assertWritable(path);
    let file: FileHandle;
    try {
      file = await open(path, "r+");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return new ResultsFile(path, new Set());
      throw new UserError(`${path} cannot be read: ${(error as Error).message}`);
    }
    try {
      const info = await file.stat();
      if (!info.isFile()) return new ResultsFile(path, new Set()); // a pipe, /dev/null
      const end = await endOfLines(file, info.size);
      const done = await readImages(file, path, end);
      await mendTail(file, path, { start: end, end: info.size }, done);
      return new ResultsFile(path, done);
    } finally {
      await file.close();
    }
  }

  async append(value: { image: string }): Promise<void> {
    this.#file ??= await open(this.#path, "a");
    await this.#file.appendFile(`${JSON.stringify(value)}\n`);
  }

  async close(): Promise<void> {
    await this.#file?.sync().catch(() => undefined); // a pipe cannot
    await this.#file?.close();
    this.#file = undefined;
  }
}

/** Just behind the last newline. */
async function endOfLines(file: FileHandle, size: number): Promise<number> {
  const chunk = Buffer.alloc(65536);
  let end = size;
  while (end > 0) {
    const start = Math.max(0, end - chunk.length);
    await file.read(chunk, 0, end - start, start);
    const newline = chunk.subarray(0, end - start).lastIndexOf(10);
    if (newline >= 0) return start + newline + 1;
    end = start;
  }
  return 0;
}

async function readImages(file: FileHandle, path: string, end: number): Promise<Set<string>> {
  const done = new Set<string>();
  if (end === 0) return done;
  const input = file.createReadStream({ start: 0, end: end - 1, autoClose: false, encoding: "utf8" });
  let number = 0;
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    number++;
    if (line.trim() === "") continue;
    const image = imageOf(line);
    if (image === undefined) throw foreign(path, `line ${number} is`);
    done.add(image);
  }
  return done;
}

/** What stands behind the last newline: a record that lacks it gets it, a part of one goes, anything else is not ours
 *  to touch. */
async function mendTail(
  file: FileHandle,
  path: string,
  { start, end }: { start: number; end: number },
  done: Set<string>,
): Promise<void> {
  if (start === end) return;
  const head = await textAt(file, start, Math.min(end, start + BEGINNING.length));
  if (!BEGINNING.startsWith(head)) throw foreign(path, "its last line is");
  const image = imageOf(await textAt(file, start, end));
  if (image === undefined) return file.truncate(start);
  await file.write("\n", end);
  done.add(image);
}

async function textAt(file: FileHandle, start: number, end: number): Promise<string> {
  const bytes = Buffer.alloc(end - start);
  await file.read(bytes, 0, bytes.length, start);
  return bytes.toString("utf8");
}

function imageOf(line: string): string | undefined {
  try {
    return record.safeParse(JSON.parse(line) as unknown).data?.image;
  } catch {
    return undefined;
  }
}

function foreign(path: string, what: string): UserError {
  return new UserError(
    `${path}: ${what} not a result of an earlier run`,
    "Give another --output, or remove this file.",
  );
}
