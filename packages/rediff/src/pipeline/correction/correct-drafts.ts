/** Drafts to an expert, and its answers to a ledger: every answer that was paid for is kept, and nothing is asked twice.
 *
 *  The original asks one draft after the other, with no second try, and writes its whole file anew after each. */
import { createHash } from "node:crypto";
import { setMaxListeners } from "node:events";
import { access, constants, mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { option, UserError, wording } from "../../errors.js";
import { withLock } from "../../files/file-lock.js";
import { writeError } from "../../files/write-errors.js";
import { TransientError } from "../../network/transient-error.js";
import { type DraftRecord, draftRecordSchema } from "../drafts/draft-record.js";
import { BudgetSpent, costOf } from "../expert/budget.js";
import { completionsUrl } from "../expert/expert-client.js";
import { type PictureFile, pictureUrl, readPictureFile } from "../expert/expert-picture.js";
import { draftRequest, expertText } from "../expert/expert-prompt.js";
import { RejectedDraft } from "../expert/expert-refusal.js";
import { Unreachable } from "../expert/http-post.js";
import { LONGEST_WAIT_MS, type PaidAnswer, RetryingExpert } from "../expert/retry.js";
import { openRecords } from "../formats/record-source.js";
import type { RecordSource, SourceRecord } from "../formats/record-stream.js";
import { checkDistinct } from "../prepare/convert-records.js";
import { isUsable } from "./answer-kind.js";
import { type CorrectionSettings, type CorrectOptions, checkOptions } from "./correct-options.js";
import { type CorrectionReport, countAnswer, noAnswers } from "./correction-report.js";
import { FailedFile, type FailureReason, failedPath } from "./failed-file.js";
import { draftKey, type ExpertProvenance, Ledger } from "./ledger.js";

/** So many drafts in a row without an answer, each after all its tries: the expert is down. */
const PATIENCE = 20;
/** Most answers under way come at once, and nobody need hear of them. */
const NOTE_AFTER_MS = 300;

/** Asks an expert about drafts; can be killed and run again at any time.
 *  @throws UserError when it cannot begin or go on; the signal's reason when it was ended. What was answered is kept. */
export async function correctDrafts(options: CorrectOptions): Promise<CorrectionReport> {
  const settings = await checkOptions(options);
  const { output, drafts } = settings;
  for (const file of drafts) await checkDistinct(file, output);
  const sources = await Promise.all(drafts.map((file) => openRecords(file)));
  await makeFolder(output);
  const refused = new AbortController();
  const onWait = () =>
    refused.abort(
      new UserError(
        `another process is writing ${output}`,
        wording`Wait until it has ended, or name another ${option("output")}.`,
      ),
    );
  return withLock(`${output}.lock`, { onWait, signal: refused.signal }, async () => {
    const run = await CorrectionRun.open(settings, sources);
    try {
      return await run.finish();
    } finally {
      await run.close();
    }
  });
}

async function makeFolder(output: string): Promise<void> {
  try {
    await mkdir(dirname(output), { recursive: true });
    await access(dirname(output), constants.W_OK);
  } catch (cause) {
    throw writeError(output, cause);
  }
}

interface Draft {
  draft: DraftRecord;
  source: SourceRecord & { file: string };
}

class CorrectionRun {
  /** Nothing more is begun. */
  readonly #stop = new AbortController();
  /** Requests under way are given up. */
  readonly #cut = new AbortController();
  readonly #expert: RetryingExpert;
  readonly #failed: FailedFile;
  /** Keys that were met in this run. */
  readonly #met = new Set<string>();
  readonly #report: CorrectionReport;
  #done = 0;
  #silentInARow = 0;
  #isEnding = false;
  /** What ended the run before its time. */
  #failure: { error: unknown } | undefined;

  private constructor(
    private readonly settings: CorrectionSettings,
    private readonly sources: readonly RecordSource[],
    private readonly ledger: Ledger,
    before: { report: CorrectionReport; mostPromptTokens: number },
  ) {
    setMaxListeners(0, this.#stop.signal, this.#cut.signal);
    this.#report = before.report;
    this.#failed = new FailedFile(before.report.failed_file);
    const signals = { stop: this.#stop.signal, cut: this.#cut.signal };
    const { mostPromptTokens } = before;
    this.#expert = new RetryingExpert(settings, signals, { spent: before.report.total.cost ?? 0, mostPromptTokens });
  }

  static async open(settings: CorrectionSettings, sources: readonly RecordSource[]): Promise<CorrectionRun> {
    const report = emptyReport(settings, sources);
    let mostPromptTokens = 0;
    const ledger = await Ledger.open(settings.output, ({ expert: { usage, cost } }, kind) => {
      mostPromptTokens = Math.max(mostPromptTokens, usage?.prompt_tokens ?? 0);
      const { prices } = settings;
      countAnswer(report.total, kind, usage, cost ?? (prices && usage ? costOf(usage, prices) : 0));
    });
    return new CorrectionRun(settings, sources, ledger, { report, mostPromptTokens });
  }

  async finish(): Promise<CorrectionReport> {
    const { signal, giveUp, concurrency } = this.settings;
    const onSignal = () => this.#end(signal?.reason);
    const onGiveUp = () => this.#cut.abort(this.#stop.signal.reason ?? giveUp?.reason);
    signal?.addEventListener("abort", onSignal);
    giveUp?.addEventListener("abort", onGiveUp);
    if (signal?.aborted) onSignal();
    const started = performance.now();
    const queue = this.#drafts();
    try {
      await Promise.all(Array.from({ length: concurrency }, () => this.#work(queue)));
    } finally {
      await queue.return(undefined); // closes the file when it was not read to its end
      signal?.removeEventListener("abort", onSignal);
      giveUp?.removeEventListener("abort", onGiveUp);
    }
    if (this.#failure) throw this.#failure.error;
    signal?.throwIfAborted();
    const report = this.#report;
    report.not_asked = report.drafts - this.#done;
    report.requests = this.#expert.sent;
    if (report.unconfirmed_cost !== null) report.unconfirmed_cost = this.#expert.unconfirmedCost;
    report.seconds = Math.round(performance.now() - started) / 1000;
    return report;
  }

  async close(): Promise<void> {
    this.#cut.abort(); // and with it the timer of the grace
    this.#expert.close();
    await this.#failed.close(this.#done === this.#report.drafts);
    await this.ledger.close();
  }

  async *#drafts(): AsyncGenerator<SourceRecord & { file: string }> {
    let left = this.#report.drafts;
    for (const source of this.sources) {
      for await (const record of source.records()) {
        if (left-- <= 0) return;
        yield { ...record, file: source.file };
      }
    }
  }

  async #work(queue: AsyncGenerator<SourceRecord & { file: string }>): Promise<void> {
    try {
      while (!this.#stop.signal.aborted) {
        const next = await queue.next();
        if (next.done) return;
        await this.#take({ draft: await parseDraft(next.value), source: next.value });
        this.#done++;
        this.settings.onProgress?.(this.#done, this.#report.drafts);
      }
    } catch (error) {
      if (error instanceof BudgetSpent) {
        this.#report.stopped = "budget";
        this.#stop.abort(error);
      } else if (error !== this.#stop.signal.reason) {
        this.#failure ??= { error };
        this.#end(error);
      }
    }
  }

  /** Nothing more is begun; the answers under way may still come, for a while. */
  #end(reason: unknown): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#stop.abort(reason); // unless the budget has done so
    const { graceMs, onNote } = this.settings;
    const note = () => {
      const { underWay } = this.#expert;
      if (underWay > 0)
        onNote?.(
          `waiting for ${underWay} ${underWay === 1 ? "answer" : "answers"} under way, up to ${graceMs / 1000} s`,
        );
    };
    const timers = [
      setTimeout(note, NOTE_AFTER_MS),
      setTimeout(() => this.#cut.abort(this.#stop.signal.reason), graceMs),
    ];
    this.#cut.signal.addEventListener("abort", () => timers.forEach(clearTimeout));
  }

  async #take(item: Draft): Promise<void> {
    const { draft } = item;
    const report = this.#report;
    if (draft.pred.trim() === "") return void report.empty++;
    const picture = await this.#picture(item, () => readPictureFile(draft.img, this.settings.imageFolder));
    if (picture === undefined) return;
    const key = draftKey(
      draft,
      { picture: picture.sha256, prompt: this.#report.prompt_sha256 },
      this.settings.expert.model,
    );
    if (this.#met.has(key)) return void report.duplicates++;
    this.#met.add(key);
    const known = this.ledger.kindOf(key);
    const isDone = known !== undefined && (isUsable(known) || !this.settings.askAgain);
    if (isDone) return void report.answered_before++;
    await this.#correct(item, key, picture);
  }

  async #correct(item: Draft, key: string, file: PictureFile): Promise<void> {
    const { draft } = item;
    const picture = await this.#picture(item, () => pictureUrl(file));
    if (picture === undefined) return;
    const text = expertText({ question: draft.ques, answer: draft.ans ?? undefined, prediction: draft.pred });
    const tries = { count: 0 };
    try {
      const paid = await this.#expert.ask(draftRequest(this.settings.prompt, picture, text), tries);
      const { answer, cost = 0 } = paid;
      const kind = await this.ledger.append({
        key,
        ...withoutReply(draft),
        revise: answer.text,
        expert: this.#provenance(paid),
      });
      this.#silentInARow = 0;
      for (const totals of [this.#report.run, this.#report.total]) countAnswer(totals, kind, answer.usage, cost);
    } catch (error) {
      if (error === this.#stop.signal.reason) throw error;
      if (error instanceof TransientError) await this.#unanswered(item, error, tries.count);
      else if (error instanceof RejectedDraft) await this.#rejected(item, error, tries.count);
      else throw error;
    }
  }

  #provenance({ answer, cost, seconds }: PaidAnswer): ExpertProvenance {
    return {
      model: this.settings.expert.model,
      answered_by: answer.model,
      host: this.#report.expert_host,
      prompt_sha256: this.#report.prompt_sha256,
      time: new Date().toISOString(),
      request_id: answer.requestId,
      finish_reason: answer.finishReason,
      ...(answer.refusal !== undefined && { refusal: answer.refusal }),
      usage: answer.usage,
      ...(cost !== undefined && { cost }),
      seconds,
    };
  }

  /** All tries were in vain: the draft is left for another run, unless the expert itself is the trouble. */
  async #unanswered(item: Draft, error: TransientError, requests: number): Promise<void> {
    await this.#fail(item, "no_answer", error.message, requests);
    const later = "What was answered is kept; run the same command again later.";
    if ((error.waitMs ?? 0) > LONGEST_WAIT_MS)
      throw new UserError(
        `${this.#report.expert_host} asks to wait for ${Math.ceil((error.waitMs ?? 0) / 60_000)} minutes (${error.message})`,
        later,
      );
    if (error instanceof Unreachable && this.#report.run.answers === 0)
      throw new UserError(
        `the expert cannot be reached: ${error.message}`,
        wording`Check ${option("baseUrl")}, and whether it is running.`,
      );
    if (++this.#silentInARow >= PATIENCE)
      throw new UserError(
        `${this.#report.expert_host} did not answer ${PATIENCE} drafts in a row (${error.message})`,
        later,
      );
  }

  /** A draft of its own fault, or requests that are wrong in form: then the first one is rejected already. */
  async #rejected(item: Draft, error: RejectedDraft, requests: number): Promise<void> {
    if (error.blamesContent || this.#report.run.answers > 0)
      return this.#fail(item, "rejected", error.message, requests);
    throw new UserError(
      `${this.#report.expert_host} rejects the request: ${error.message}`,
      wording`Check ${option("modelName")}, ${option("temperature")} and ${option("extraBody")}; if the draft is to blame (${await item.source.where()}), take it out.`,
    );
  }

  async #picture<T>(item: Draft, read: () => Promise<T>): Promise<T | undefined> {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      await this.#fail(item, "picture", error.message, 0);
      return undefined;
    }
  }

  async #fail({ draft, source }: Draft, reason: FailureReason, message: string, requests: number): Promise<void> {
    const { failed } = this.#report;
    failed[reason] = (failed[reason] ?? 0) + 1;
    const { id, img } = draft;
    const { file, index } = source;
    const time = new Date().toISOString();
    await this.#failed.append({ ...(id != null && { id }), img, file, index, reason, message, requests, time });
  }
}

function emptyReport(settings: CorrectionSettings, sources: readonly RecordSource[]): CorrectionReport {
  const { output, limit = Number.POSITIVE_INFINITY, prices, expert, prompt } = settings;
  const count = sources.reduce((sum, source) => sum + source.count, 0);
  return {
    output,
    failed_file: failedPath(output),
    expert_model: expert.model,
    expert_host: completionsUrl(expert.baseUrl).host,
    prompt_sha256: createHash("sha256").update(prompt).digest("hex"),
    drafts: Math.min(count, limit),
    answered_before: 0,
    duplicates: 0,
    empty: 0,
    failed: {},
    not_asked: 0,
    stopped: null,
    requests: 0,
    seconds: 0,
    unconfirmed_cost: prices ? 0 : null,
    run: noAnswers(prices !== undefined),
    total: noAnswers(prices !== undefined),
  };
}

async function parseDraft(record: SourceRecord): Promise<DraftRecord> {
  const parsed = draftRecordSchema.safeParse(record.value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new UserError(
    `${await record.where()}: ${issue?.path.join(".")}: ${issue?.message}`,
    "Expected a draft: {img, ques, ans, pred}.",
  );
}

/** An answer that the draft has already, from another expert or an earlier file, makes room for the new one. */
function withoutReply(draft: DraftRecord): DraftRecord {
  const { key: _key, revise: _revise, expert: _expert, ...rest } = draft;
  return rest;
}
