/** What can be told about asking a model behind an API for money, whoever it is: an expert or a judge. */
import { UserError } from "../../errors.js";
import { number, type OptionTypes, object, text } from "../../options/option-set.js";
import type { Prices } from "./budget.js";

/** How an expert or a judge is asked. */
export interface AskingOptions {
  apiKey?: string | undefined;
  /** The environment variable of the key, and what messages call its place. Default OPENAI_API_KEY. */
  apiKeyName?: string | undefined;
  /** Requests under way at the same time. */
  concurrency?: number | undefined;
  /** Of one request, from its connection to the end of the reply. */
  timeoutMs?: number | undefined;
  /** Tries after the first. */
  retries?: number | undefined;
  firstWaitMs?: number | undefined;
  /** Default: no bound. */
  requestsPerMinute?: number | undefined;
  /** Money for all that is kept, earlier runs included. Needs both prices. */
  budget?: number | undefined;
  /** Of a million tokens. */
  prices?: Prices | undefined;
  /** Further fields of the requests; null removes one (`temperature` for models without). */
  extraBody?: Readonly<Record<string, unknown>> | undefined;
  /** For the answers under way when a run is to end. */
  graceMs?: number | undefined;
}

export const askingDefaults = {
  apiKeyName: "OPENAI_API_KEY",
  concurrency: 8,
  timeoutMs: 300_000,
  retries: 5,
  /** Before the first retry; doubles with each. */
  firstWaitMs: 1000,
  graceMs: 10_000,
} as const;

export const askingOptionTypes: OptionTypes<AskingOptions> = {
  apiKey: text,
  apiKeyName: text,
  concurrency: number,
  timeoutMs: number,
  retries: number,
  firstWaitMs: number,
  requestsPerMinute: number,
  budget: number,
  prices: object,
  extraBody: object,
  graceMs: number,
};

/** @throws UserError for numbers that cannot be, and a budget that cannot be kept */
export function assertAsking({ budget, prices, concurrency, retries, requestsPerMinute }: AskingOptions): void {
  if (budget !== undefined && prices === undefined)
    throw new UserError(
      "a budget needs the prices of a million tokens",
      "Name the prices of a million tokens in and out.",
    );
  assertFrom(1, { concurrency });
  assertFrom(0, { retries, budget, "price in": prices?.in, "price out": prices?.out });
  if (requestsPerMinute !== undefined && !(requestsPerMinute > 0))
    throw new UserError(`${requestsPerMinute} requests per minute are none`, "Name a rate above 0.");
}

export function assertFrom(least: number, values: Record<string, number | undefined>): void {
  for (const [name, value] of Object.entries(values))
    if (value !== undefined && !(value >= least))
      throw new UserError(`${name} is ${value}, expected a number from ${least}`);
}
