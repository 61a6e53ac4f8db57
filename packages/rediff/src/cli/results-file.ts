/** A JSON Lines file of results that a run may be killed over: records are appended whole, a line cut off by a kill is
 *  taken away at the next start, and what is in it is not done again. */
import { type FileHandle, open } from "node:fs/promises";
import { createInterface } from "node:readline";
import { z } from "zod";
import { UserError } from "../errors.js";

const record = z.looseObject({ image: z.string() });

export class ResultsFile {
  /** Pictures that have a record already. */
  readonly done: ReadonlySet<string>;
  readonly #file: FileHandle;

  private constructor(file: FileHandle, done: Set<string>) {
    this.#file = file;
    this.done = done;
  }

  /** Opens or creates. @throws UserError when the file holds something else than such records */
  static async open(path: string): Promise<ResultsFile> {
    const file = await open(path, "a+").catch((error: Error) => {
      throw new UserError(`${path} cannot be written: ${error.message}`);
    });
    try {
      await cutTornLine(file);
      return new ResultsFile(file, await readImages(file, path));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async append(value: { image: string }): Promise<void> {
    await this.#file.appendFile(`${JSON.stringify(value)}\n`);
  }

  async close(): Promise<void> {
    await this.#file.sync();
    await this.#file.close();
  }
}

/** Everything behind the last newline was not written whole. */
async function cutTornLine(file: FileHandle): Promise<void> {
  const { size } = await file.stat();
  const chunk = Buffer.alloc(65536);
  let end = size;
  while (end > 0) {
    const start = Math.max(0, end - chunk.length);
    await file.read(chunk, 0, end - start, start);
    const newline = chunk.subarray(0, end - start).lastIndexOf(10);
    if (newline >= 0) {
      if (start + newline + 1 < size) await file.truncate(start + newline + 1);
      return;
    }
    end = start;
  }
  if (size > 0) await file.truncate(0);
}

async function readImages(file: FileHandle, path: string): Promise<Set<string>> {
  const done = new Set<string>();
  const input = file.createReadStream({ start: 0, autoClose: false, encoding: "utf8" });
  let number = 0;
  for await (const line of createInterface({ input })) {
    number++;
    if (line.trim() === "") continue;
    const parsed = record.safeParse(parseJson(line));
    if (!parsed.success)
      throw new UserError(
        `${path}:${number} is not a result of an earlier run`,
        "Give another --output, or remove this file.",
      );
    done.add(parsed.data.image);
  }
  return done;
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return undefined;
  }
}
