/** The expert's answers, as JSON lines that are only ever appended: what was paid for. A line is on the disk before it
 *  counts, so a run that is killed at any moment asks for nothing twice; what a kill left of a line goes at the next
 *  start. `rediff data select` reads the file as it is. */
import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";
import { LineLog } from "../../files/line-log.js";
import { writeError } from "../../files/write-errors.js";
import type { DraftRecord } from "../drafts/draft-record.js";
import { expertText } from "../expert/expert-prompt.js";
import { type AnswerKind, answerKind } from "./answer-kind.js";

const usageSchema = z.object({
  prompt_tokens: z.number(),
  completion_tokens: z.number(),
  reasoning_tokens: z.number().optional(),
});

/** Where an answer comes from. */
export const expertSchema = z.looseObject({
  /** As it was asked for. */
  model: z.string(),
  /** As it called itself. */
  answered_by: z.string().nullable(),
  /** Host of the API. */
  host: z.string(),
  /** Of the system prompt's text. */
  prompt_sha256: z.string(),
  /** When the answer came, ISO 8601. */
  time: z.string(),
  /** The server's id of request or completion. */
  request_id: z.string().nullable(),
  finish_reason: z.string().nullable(),
  refusal: z.string().optional(),
  usage: usageSchema.nullable(),
  /** With the prices of that day. */
  cost: z.number().optional(),
  seconds: z.number(),
});
/** Who answered, and at what cost. */
export interface ExpertProvenance extends z.infer<typeof expertSchema> {}

const lineSchema = z.looseObject({
  key: z.string().regex(/^[0-9a-f]{64}$/),
  revise: z.string().nullable(),
  expert: expertSchema,
});

/** A draft with its answer; further keys of the draft are kept. */
export interface LedgerLine extends DraftRecord {
  /** See `draftKey`. */
  key: string;
  /** The expert's text as it came; null when there is none. */
  revise: string | null;
  expert: ExpertProvenance;
}

/** What makes a draft the same one: asked again, the expert would see the same. The reference answer is left out: it only
 *  helps the expert, and a data set that is written anew does not make drafts new.
 *  @param sha256 of the picture's bytes and of the prompt */
export function draftKey(draft: DraftRecord, sha256: { picture: string; prompt: string }, model: string): string {
  const text = expertText({ question: draft.ques, prediction: draft.pred });
  return createHash("sha256")
    .update(JSON.stringify([sha256.picture, text, sha256.prompt, model]))
    .digest("hex");
}

/** Owns an open file: `close()` it. */
export class Ledger {
  #pending: string[] = [];
  #writing: Promise<void> = Promise.resolve();
  #failure: unknown;

  private constructor(
    readonly path: string,
    private readonly file: FileHandle,
    /** By key: the newest answer's. */
    private readonly kinds: Map<string, AnswerKind>,
  ) {}

  /** @param onLine told of every answer that is there already. @throws UserError when the file holds something else */
  static async open(
    path: string,
    onLine: (line: Pick<LedgerLine, "expert">, kind: AnswerKind) => void,
  ): Promise<Ledger> {
    const kinds = new Map<string, AnswerKind>();
    await LineLog.open(path, {
      beginning: '{"key":"',
      what: "no expert's answer",
      onLine: (value) => {
        const { success, data } = lineSchema.safeParse(value);
        if (!success) return false;
        const kind = kindOf(data);
        kinds.set(data.key, kind);
        onLine(data, kind);
        return true;
      },
    });
    try {
      const file = await open(path, "a");
      await syncFolder(dirname(path));
      return new Ledger(path, file, kinds);
    } catch (cause) {
      throw writeError(path, cause);
    }
  }

  kindOf(key: string): AnswerKind | undefined {
    return this.kinds.get(key);
  }

  /** Returns when the line is on the disk. Lines that come in the meantime share the next write. */
  append(line: LedgerLine): Promise<AnswerKind> {
    this.#pending.push(`${JSON.stringify(line)}\n`);
    const written = this.#writing.then(() => this.#write());
    this.#writing = written.catch(() => undefined);
    return written.then(() => {
      const kind = kindOf(line);
      this.kinds.set(line.key, kind);
      return kind;
    });
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.file.close();
  }

  async #write(): Promise<void> {
    // After a failed write the file may end in half a line: nothing may follow it.
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#pending.length === 0) return;
    const bytes = Buffer.from(this.#pending.splice(0).join(""));
    try {
      for (let done = 0; done < bytes.length; ) done += (await this.file.write(bytes, done)).bytesWritten;
      await this.file.datasync();
    } catch (cause) {
      this.#failure = writeError(this.path, cause);
      throw this.#failure;
    }
  }
}

const kindOf = ({ revise, expert }: Pick<LedgerLine, "revise" | "expert">): AnswerKind =>
  answerKind({ text: revise, refusal: expert.refusal, finishReason: expert.finish_reason });

/** A new file is on the disk when its folder is. Some file systems cannot sync folders. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r").catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}
