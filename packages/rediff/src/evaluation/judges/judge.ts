/** Asks a judge, another model behind an OpenAI-compatible server: each question once, whoever asks it and however often.
 *
 *  The originals ask without a cache, give up with a zero or a random letter when the server fails, or ask for ever. Here a
 *  question without a reply is counted as such, and the next run asks it. */
import { createHash } from "node:crypto";
import { setMaxListeners } from "node:events";
import { option, UserError, wording } from "../../errors.js";
import { withLock } from "../../files/file-lock.js";
import { TransientError } from "../../network/transient-error.js";
import { roundMoney } from "../../pipeline/correction/correction-report.js";
import { BudgetSpent, costOf, estimateUsage } from "../../pipeline/expert/budget.js";
import { completionsUrl, type ExpertRequest, sizeOf } from "../../pipeline/expert/expert-client.js";
import { RejectedDraft } from "../../pipeline/expert/expert-refusal.js";
import { Unreachable } from "../../pipeline/expert/http-post.js";
import { LONGEST_WAIT_MS, type PaidAnswer, RetryingExpert } from "../../pipeline/expert/retry.js";
import type { SuiteQuestion } from "../captions/suite.js";
import { checkJudgeOptions, type JudgeOptions, type JudgeSettings } from "./judge-options.js";
import { emptyReport, type FailureReason, type JudgeReport } from "./judge-report.js";
import { type Judgement, JudgementCache } from "./judgement-cache.js";
import { Slots } from "./slots.js";

/** So many questions in a row without a reply, each after all its tries: the judge is down. */
const PATIENCE = 20;

/** Owns connections and a file: `close()` it. */
export class Judge {
  readonly #expert: RetryingExpert;
  readonly #slots: Slots;
  /** Nothing more is sent. */
  readonly #stop = new AbortController();
  /** Requests under way are given up. */
  readonly #cut = new AbortController();
  readonly #running = new Map<string, Promise<Judgement | undefined>>();
  readonly #report: JudgeReport;
  #silentInARow = 0;
  /** What concerns every question: none is asked any more. */
  #fatal: { error: unknown } | undefined;

  private constructor(
    private readonly settings: JudgeSettings,
    private readonly cache: JudgementCache,
  ) {
    const { expert, prices, dryRun, concurrency, signal } = settings;
    setMaxListeners(0, this.#stop.signal, this.#cut.signal);
    const host = completionsUrl(expert.baseUrl).host;
    this.#report = emptyReport(expert.model, host, { prices: prices !== undefined, dryRun });
    this.#expert = new RetryingExpert(settings, { stop: this.#stop.signal, cut: this.#cut.signal }, cache);
    this.#slots = new Slots(concurrency);
    signal?.addEventListener("abort", this.#end, { once: true });
    if (signal?.aborted) this.#end();
  }

  /** @throws UserError for options that cannot be, a key that is missing among them, before anything is asked */
  static async open(options: JudgeOptions): Promise<Judge> {
    const settings = checkJudgeOptions(options);
    return new Judge(settings, await JudgementCache.open(settings.cache));
  }

  /** @returns the reply, empty where the judge or its server would not speak of the content; undefined where none came
   *  @throws UserError for what is wrong with every question; the signal's reason */
  readonly ask = async (question: SuiteQuestion): Promise<string | undefined> => {
    if (this.#fatal) throw this.#fatal.error;
    const key = judgementKey(question, this.settings);
    // The same question asked by two at once is one.
    let running = this.#running.get(key);
    if (running === undefined) {
      running = this.#answer(key, question).finally(() => this.#running.delete(key));
      this.#running.set(key, running);
    } else if ((await running) !== undefined) this.#report.cached++;
    const judgement = await running;
    return judgement === undefined ? undefined : (judgement.text ?? "");
  };

  get report(): JudgeReport {
    const { prices } = this.settings;
    return {
      ...this.#report,
      requests: this.#expert.sent,
      cost_in_cache: prices ? roundMoney(this.cache.spent) : null,
      unconfirmed_cost: prices ? this.#expert.unconfirmedCost : null,
    };
  }

  async close(): Promise<void> {
    this.settings.signal?.removeEventListener("abort", this.#end);
    this.#cut.abort();
    this.#expert.close();
    await Promise.allSettled(this.#running.values());
    await this.cache.close();
  }

  /** Replies under way are paid for: they may still come, for a while. */
  readonly #end = (): void => {
    const reason: unknown = this.settings.signal?.reason;
    this.#fatal ??= { error: reason };
    this.#stop.abort(reason);
    const timer = setTimeout(() => this.#cut.abort(reason), this.settings.graceMs);
    this.#cut.signal.addEventListener("abort", () => clearTimeout(timer));
  };

  async #answer(key: string, question: SuiteQuestion): Promise<Judgement | undefined> {
    const known = this.cache.get(key);
    if (known !== undefined) return this.#known(known);
    const request = requestOf(question);
    if (this.#report.dry_run !== null) return this.#count(question, request, this.#report.dry_run);
    return this.#slots.run(async () => {
      if (this.#fatal) throw this.#fatal.error;
      return withLock(this.cache.lockOf(key), { signal: this.#stop.signal }, async () => {
        await this.cache.refresh();
        const others = this.cache.get(key);
        return others === undefined ? this.#send(key, question, request) : this.#known(others);
      });
    });
  }

  #known(judgement: Judgement): Judgement {
    this.#report.cached++;
    return judgement;
  }

  #count(question: SuiteQuestion, request: ExpertRequest, plan: NonNullable<JudgeReport["dry_run"]>): undefined {
    const { prices } = this.settings;
    const calls = 1 + (question.followedBy ?? 0);
    plan.calls += calls;
    if (prices === undefined || plan.cost_at_most === null) return;
    const { textBytes, pictures } = sizeOf(request);
    const usage = estimateUsage(textBytes, question.maxTokens, 0, pictures);
    plan.cost_at_most = roundMoney(plan.cost_at_most + calls * costOf(usage, prices));
  }

  async #send(key: string, question: SuiteQuestion, request: ExpertRequest): Promise<Judgement | undefined> {
    const tries = { count: 0 };
    try {
      const paid = await this.#expert.ask(request, tries);
      const judgement = this.#judgement(key, question, paid);
      await this.cache.append(judgement);
      this.#silentInARow = 0;
      this.#countAnswer(paid);
      return judgement;
    } catch (error) {
      if (error instanceof RejectedDraft && error.blamesContent) {
        const rejected = this.#rejection(key, question, error.message);
        await this.cache.append(rejected);
        return rejected;
      }
      return this.#failed(error);
    }
  }

  #countAnswer({ answer: { usage }, cost = 0 }: PaidAnswer): void {
    const report = this.#report;
    report.asked++;
    report.prompt_tokens += usage?.prompt_tokens ?? 0;
    report.completion_tokens += usage?.completion_tokens ?? 0;
    if (usage === null) report.without_usage++;
    if (report.cost !== null) report.cost = roundMoney(report.cost + cost);
  }

  /** @returns undefined where it is this question's failure alone. @throws what concerns all */
  #failed(error: unknown): undefined {
    const { host, asked } = this.#report;
    const later = "What was judged is kept; run the same command again later.";
    if (error instanceof BudgetSpent) return this.#note("budget", "the budget is spent");
    if (error instanceof RejectedDraft) {
      if (asked > 0) return this.#note("rejected", error.message);
      throw this.#fail(
        new UserError(
          `${host} rejects the request: ${error.message}`,
          wording`Check ${option("judgeModel")} and ${option("extraBody")} ({"temperature": null} for models without one).`,
        ),
      );
    }
    if (!(error instanceof TransientError)) throw this.#fail(error);
    this.#note("no_answer", error.message);
    if ((error.waitMs ?? 0) > LONGEST_WAIT_MS) {
      const minutes = Math.ceil((error.waitMs ?? 0) / 60_000);
      throw this.#fail(new UserError(`${host} asks to wait for ${minutes} minutes (${error.message})`, later));
    }
    if (error instanceof Unreachable && asked === 0)
      throw this.#fail(
        new UserError(
          `the judge cannot be reached: ${error.message}`,
          wording`Check ${option("judgeUrl")}, and whether it is running.`,
        ),
      );
    if (++this.#silentInARow >= PATIENCE)
      throw this.#fail(
        new UserError(`${host} did not answer ${PATIENCE} questions in a row (${error.message})`, later),
      );
    return undefined;
  }

  #fail(error: unknown): unknown {
    this.#fatal ??= { error };
    this.#stop.abort(error);
    return error;
  }

  #note(reason: FailureReason, message: string): undefined {
    const { failed, messages } = this.#report;
    failed[reason] = (failed[reason] ?? 0) + 1;
    messages[reason] = message;
  }

  #judgement(key: string, { purpose }: SuiteQuestion, { answer, cost, seconds }: PaidAnswer): Judgement {
    return {
      ...this.#provenance(key, purpose),
      answered_by: answer.model,
      text: answer.text,
      finish_reason: answer.finishReason,
      usage: answer.usage,
      ...(cost !== undefined && { cost }),
      seconds,
    };
  }

  #rejection(key: string, { purpose }: SuiteQuestion, message: string): Judgement {
    const nothing = { answered_by: null, text: null, finish_reason: null, usage: null, seconds: 0 };
    return { ...this.#provenance(key, purpose), ...nothing, rejected: message };
  }

  #provenance(key: string, purpose: string) {
    const { model, host } = this.#report;
    return { key, purpose, model, host, time: new Date().toISOString() };
  }
}

function requestOf({ messages, maxTokens, temperature, topP }: SuiteQuestion): ExpertRequest {
  return { messages, answerTokens: maxTokens, fields: { temperature, ...(topP !== undefined && { top_p: topP }) } };
}

/** What makes two questions the same: the model by name, all that is sent to it, and which attempt it is. Its address is left out,
 *  since servers move. */
export function judgementKey(question: SuiteQuestion, { expert }: Pick<JudgeSettings, "expert">): string {
  const { messages, maxTokens, temperature, topP = null, attempt } = question;
  const asked = [expert.model, messages, maxTokens, temperature, topP, expert.extraBody ?? null, attempt];
  return createHash("sha256").update(JSON.stringify(asked)).digest("hex");
}
