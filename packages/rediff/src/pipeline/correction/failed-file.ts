/** Drafts that got no answer in this run, and why: JSON lines beside the ledger. They are tried again in the next run, so
 *  the file is begun anew with the first failure, and goes when a run comes to its end without any. */
import { type FileHandle, open, rm } from "node:fs/promises";
import { writeError } from "../../files/write-errors.js";

export type FailureReason = "picture" | "rejected" | "no_answer";

export const failureReasons: Readonly<Record<FailureReason, string>> = {
  picture: "the picture is missing or broken",
  rejected: "the expert does not take the draft",
  no_answer: "the expert did not answer",
};

export interface FailedDraft {
  id?: string | number;
  img: string;
  /** File of drafts, and place in it, from 0. */
  file: string;
  index: number;
  reason: FailureReason;
  /** In one line. */
  message: string;
  /** Sent in vain. */
  requests: number;
  time: string;
}

/** "corrected.jsonl" -> "corrected.failed.jsonl" */
export const failedPath = (output: string): string => output.replace(/\.jsonl$/, ".failed.jsonl");

/** Owns an open file: `close()` it. */
export class FailedFile {
  #file: Promise<FileHandle> | undefined;

  constructor(readonly path: string) {}

  async append(draft: FailedDraft): Promise<void> {
    try {
      this.#file ??= open(this.path, "w");
      await (await this.#file).appendFile(`${JSON.stringify(draft)}\n`);
    } catch (cause) {
      throw writeError(this.path, cause);
    }
  }

  /** @param isAll every draft was tried */
  async close(isAll: boolean): Promise<void> {
    const file = await this.#file?.catch(() => undefined);
    await file?.close();
    if (isAll && file === undefined) await rm(this.path, { force: true });
  }
}
