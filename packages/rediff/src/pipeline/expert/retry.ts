/** Asks the expert until it answers: at the rate, within the budget, and with patience that ends. */

import { Backoff, type Retry, retrying } from "../../network/backoff.js";
import { TransientError } from "../../network/transient-error.js";
import { roundMoney } from "../correction/correction-report.js";
import { Budget, costOf, estimateUsage, type Prices } from "./budget.js";
import type { ExpertAnswer } from "./expert-answer.js";
import { type Expert, type ExpertRequest, type ExpertSettings, openExpert, sizeOf } from "./expert-client.js";
import { LostReply } from "./http-post.js";
import { RateLimit } from "./rate-limit.js";

/** A server that asks for a longer wait than this will not be of use today. */
export const LONGEST_WAIT_MS = 5 * 60_000;
const NOTE_EVERY_MS = 5000;

/** What asking needs to know, whoever asks. */
export interface AskingSettings {
  expert: ExpertSettings;
  /** Tries after the first. */
  retries: number;
  /** Before the first retry; doubles with each. */
  firstWaitMs: number;
  requestsPerMinute?: number | undefined;
  budget?: number | undefined;
  prices?: Prices | undefined;
  /** The most tokens that an answer can have. */
  answerTokens: number;
  onNote?: ((line: string) => void) | undefined;
}

export interface PaidAnswer {
  answer: ExpertAnswer;
  /** Undefined without prices. */
  cost: number | undefined;
  seconds: number;
}

export interface RequestSignals {
  /** Nothing more is sent. */
  stop: AbortSignal;
  /** Requests under way are given up. */
  cut: AbortSignal;
}

/** Owns connections: `close()` it. */
export class RetryingExpert {
  /** Requests without an answer yet. */
  underWay = 0;
  /** Requests sent. */
  sent = 0;
  /** The most that requests can cost whose answer got lost. */
  unconfirmedCost = 0;
  readonly #expert: Expert;
  readonly #rateLimit: RateLimit;
  readonly #budget: Budget;
  #mostPromptTokens: number;
  #notedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly settings: AskingSettings,
    private readonly signals: RequestSignals,
    before: { spent: number; mostPromptTokens: number },
  ) {
    this.#expert = openExpert(settings.expert);
    this.#rateLimit = new RateLimit(settings.requestsPerMinute);
    this.#budget = new Budget(settings.budget, before.spent, signals.stop);
    this.#mostPromptTokens = before.mostPromptTokens;
  }

  /** @param tries counts the requests, also when none is answered
   *  @throws TransientError after the last try; BudgetSpent; what `Expert.ask` throws; the signals' reasons */
  async ask(request: ExpertRequest, tries: { count: number }): Promise<PaidAnswer> {
    const { retries, firstWaitMs } = this.settings;
    const policy = { tries: retries + 1, firstWaitMs, longestWaitMs: LONGEST_WAIT_MS };
    const backoff = new Backoff(policy, (retry) => this.#noteRetry(retry), this.signals.stop);
    const started = performance.now();
    const paid = await retrying(backoff, () => this.#try(request, tries));
    return { ...paid, seconds: Math.round(performance.now() - started) / 1000 };
  }

  close(): void {
    this.#expert.close();
  }

  async #try(request: ExpertRequest, tries: { count: number }): Promise<Omit<PaidAnswer, "seconds">> {
    const { prices } = this.settings;
    const held = prices ? costOf(this.#most(request), prices) : 0;
    await this.#budget.hold(held);
    let spent = 0;
    try {
      await this.#rateLimit.wait(this.signals.stop);
      tries.count++;
      spent = held; // unless it turns out otherwise
      const answer = await this.#send(request);
      this.#mostPromptTokens = Math.max(this.#mostPromptTokens, answer.usage?.prompt_tokens ?? 0);
      if (prices && answer.usage) spent = costOf(answer.usage, prices);
      return { answer, cost: prices && roundMoney(spent) };
    } catch (error) {
      const mayBeBilled = error instanceof LostReply || error === this.signals.cut.reason;
      if (mayBeBilled) this.unconfirmedCost = roundMoney(this.unconfirmedCost + spent);
      else spent = 0;
      const waitMs = error instanceof TransientError ? (error.waitMs ?? 0) : 0;
      if (waitMs <= LONGEST_WAIT_MS) this.#rateLimit.pause(waitMs);
      throw error;
    } finally {
      this.#budget.settle(held, spent);
    }
  }

  async #send(request: ExpertRequest): Promise<ExpertAnswer> {
    this.sent++;
    this.underWay++;
    try {
      return await this.#expert.ask(request, this.signals.cut);
    } finally {
      this.underWay--;
    }
  }

  #most(request: ExpertRequest) {
    const { textBytes, pictures } = sizeOf(request);
    const answerTokens = request.answerTokens ?? this.settings.answerTokens;
    return estimateUsage(textBytes, answerTokens, this.#mostPromptTokens, pictures);
  }

  #noteRetry({ reason, waitMs, failures, tries }: Retry): void {
    const now = performance.now();
    if (now - this.#notedAt < NOTE_EVERY_MS || this.signals.stop.aborted) return;
    this.#notedAt = now;
    this.settings.onNote?.(`${reason}; again in ${Math.ceil(waitMs / 1000)} s (try ${failures + 1} of ${tries})`);
  }
}
