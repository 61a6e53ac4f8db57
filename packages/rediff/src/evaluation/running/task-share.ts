/** What of a task's questions one of several processes asks. Rank 0 has all answers in the end, and scores them. */
import { z } from "zod";
import { pieceOf, type SharedWork, type WorkRound } from "../../ranks/shared-work.js";
import { type AnswerOrigin, AnswersFile } from "./answers-file.js";
import type { Asking, KeptDocument } from "./ask-documents.js";

const reportSchema = z.object({ failed: z.array(z.object({ doc: z.int(), error: z.string() })) });

export class TaskShare {
  readonly #round: WorkRound;
  readonly #failed: { doc: number; error: string }[] = [];
  /** For `askDocuments`. */
  readonly asking: Pick<Asking, "isOurs" | "readAhead" | "onFailed">;

  constructor(work: SharedWork, task: string, batch: number) {
    const { length, readAhead } = pieceOf(batch);
    this.#round = work.round(task, length);
    this.asking = {
      readAhead,
      isOurs: (nth) => this.#round.isOurs(nth),
      onFailed: (doc, error) => void this.#failed.push({ doc, error }),
    };
  }

  /** When this process has nothing more to ask.
   *  @param kept gets the reasons of what failed elsewhere
   *  @returns on rank 0 the answers of all */
  async end(
    kept: readonly KeptDocument[],
    { folder, origin, signal }: { folder: string; origin: AnswerOrigin; signal: AbortSignal | undefined },
  ): Promise<AnswersFile | undefined> {
    const reports = await this.#round.end({ failed: this.#failed }, reportSchema, signal);
    if (reports === undefined) return undefined;
    await AnswersFile.merge(folder, origin);
    const whole = await AnswersFile.open(folder, origin);
    await whole.close();
    const failed = new Map(reports.flatMap((report) => report.failed.map(({ doc, error }) => [doc, error])));
    for (const document of kept) {
      const error = failed.get(document.index);
      if (error !== undefined && !whole.has(document.index)) document.error = error;
    }
    return whole;
  }
}
