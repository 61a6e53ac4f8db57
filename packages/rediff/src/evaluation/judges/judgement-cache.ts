/** Judgements that were paid for, by what was asked: JSON lines in a folder that processes may share.
 *
 *  A line is on the disk before it counts. Lines are only appended, and whoever appends begins a new line where a killed process
 *  has left half a one, so a torn line spoils no other. Nothing is ever cut off: another process may just be writing it. */
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../../errors.js";
import { makeFolders } from "../../files/whole-folder.js";
import { writeError } from "../../files/write-errors.js";

const usage = z.object({
  prompt_tokens: z.number(),
  completion_tokens: z.number(),
  reasoning_tokens: z.number().optional(),
});
const lineSchema = z.looseObject({
  /** Of model, question and attempt. */
  key: z.string().regex(/^[0-9a-f]{64}$/),
  /** "clair". */
  purpose: z.string(),
  model: z.string(),
  /** As the judge called itself. */
  answered_by: z.string().nullable(),
  host: z.string(),
  time: z.string(),
  /** As it came; null for a refusal. */
  text: z.string().nullable(),
  finish_reason: z.string().nullable(),
  /** The server would not take the content. */
  rejected: z.string().optional(),
  usage: usage.nullable(),
  cost: z.number().optional(),
  seconds: z.number(),
});
export type Judgement = z.infer<typeof lineSchema>;

const NEWLINE = 10;

/** Owns an open file: `close()` it. */
export class JudgementCache {
  readonly #judgements = new Map<string, Judgement>();
  /** Bytes that were read and understood. */
  #read = 0;
  #busy: Promise<unknown> = Promise.resolve();
  /** Money in all lines. */
  spent = 0;
  /** What any request was billed for at most, for the next run's bound. */
  mostPromptTokens = 0;

  private constructor(
    private readonly folder: string,
    private readonly file: FileHandle,
  ) {}

  get path(): string {
    return join(this.folder, FILE);
  }

  /** @throws UserError when it cannot be read or written */
  static async open(folder: string): Promise<JudgementCache> {
    const path = join(folder, FILE);
    let cache: JudgementCache;
    try {
      makeFolders(folder);
      cache = new JudgementCache(folder, await open(path, "a+"));
    } catch (cause) {
      throw cause instanceof UserError ? cause : writeError(path, cause);
    }
    await cache.refresh();
    return cache;
  }

  get(key: string): Judgement | undefined {
    return this.#judgements.get(key);
  }

  /** Where the lock of a question lies, so that of two processes only one asks it. */
  lockOf(key: string): string {
    return join(this.folder, "locks", key);
  }

  /** Reads what others have added. */
  refresh(): Promise<void> {
    return this.#inTurn(() => this.#readOn());
  }

  /** Returns when the line is on the disk. */
  append(judgement: Judgement): Promise<void> {
    return this.#inTurn(async () => {
      try {
        const lead = (await this.#endsInNewline()) ? "" : "\n";
        const bytes = Buffer.from(`${lead}${JSON.stringify(judgement)}\n`);
        for (let done = 0; done < bytes.length; ) done += (await this.file.write(bytes, done)).bytesWritten;
        await this.file.datasync();
      } catch (cause) {
        throw writeError(this.path, cause);
      }
      await this.#readOn();
    });
  }

  async close(): Promise<void> {
    await this.#busy;
    await this.file.close();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#busy.then(work);
    this.#busy = done.catch(() => undefined);
    return done;
  }

  async #readOn(): Promise<void> {
    const { size } = await this.file.stat();
    if (size < this.#read)
      throw new UserError(`${this.path} has become shorter`, "Leave it alone while a run goes on.");
    const bytes = Buffer.alloc(size - this.#read);
    for (let done = 0; done < bytes.length; ) {
      const { bytesRead } = await this.file.read(bytes, done, bytes.length - done, this.#read + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      this.#take(bytes.toString("utf8", start, end));
      start = end + 1;
    }
    // A last line without its end is being written, or torn: it is looked at again.
    this.#read += start;
  }

  #take(line: string): void {
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      return; // torn, or the empty line behind a torn one
    }
    const { success, data } = lineSchema.safeParse(value);
    if (!success || this.#judgements.has(data.key)) return;
    this.#judgements.set(data.key, data);
    this.spent += data.cost ?? 0;
    this.mostPromptTokens = Math.max(this.mostPromptTokens, data.usage?.prompt_tokens ?? 0);
  }

  async #endsInNewline(): Promise<boolean> {
    const { size } = await this.file.stat();
    if (size === 0) return true;
    const last = Buffer.alloc(1);
    await this.file.read(last, 0, 1, size - 1);
    return last[0] === NEWLINE;
  }
}

const FILE = "judgements.jsonl";
