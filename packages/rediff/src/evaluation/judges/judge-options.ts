/** What a judge can be told, and what holds when it is not told. */
import { option, UserError, wording } from "../../errors.js";
import { abortSignal, flag, listener, number, object, optionSet, text } from "../../options/option-set.js";
import type { Prices } from "../../pipeline/expert/budget.js";
import { openExpert } from "../../pipeline/expert/expert-client.js";
import type { AskingSettings } from "../../pipeline/expert/retry.js";

export const judgeDefaults = {
  judgeUrl: "https://api.openai.com/v1",
  apiKeyName: "OPENAI_API_KEY",
  concurrency: 8,
  timeoutMs: 300_000,
  retries: 5,
  firstWaitMs: 1000,
  graceMs: 10_000,
} as const;

export interface JudgeOptions {
  /** The model that judges, by its server's name. */
  judgeModel: string;
  /** Folder of the judgements that are kept. Processes may share it. */
  judgeCache: string;
  /** Of the chat-completions API, mostly ending in /v1. */
  judgeUrl?: string | undefined;
  apiKey?: string | undefined;
  /** What messages call the place of the key: the name of an environment variable. */
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
  /** Money for all that is in the cache, earlier runs included. Needs both prices. */
  budget?: number | undefined;
  /** Of a million tokens. */
  prices?: Prices | undefined;
  /** Further fields of the requests, stronger than a suite's own; null removes one (`temperature` for models without). */
  extraBody?: Readonly<Record<string, unknown>> | undefined;
  /** Nothing is asked; what would be is counted. */
  dryRun?: boolean | undefined;
  signal?: AbortSignal | undefined;
  /** For the replies under way when a run is to end. */
  graceMs?: number | undefined;
  onNote?: ((line: string) => void) | undefined;
}

const checkTypes = optionSet<JudgeOptions>(
  {
    judgeModel: text,
    judgeCache: text,
    judgeUrl: text,
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
    dryRun: flag,
    signal: abortSignal,
    graceMs: number,
    onNote: listener,
  },
  ["judgeModel", "judgeCache"],
);

/** Options that were checked, and their defaults. */
export interface JudgeSettings extends AskingSettings {
  cache: string;
  concurrency: number;
  dryRun: boolean;
  graceMs: number;
  signal: AbortSignal | undefined;
}

/** The most tokens of a reply that says nothing else: the suites' longest. */
const ANSWER_TOKENS = 4096;

/** @throws UserError, before anything is asked */
export function checkJudgeOptions(options: JudgeOptions): JudgeSettings {
  checkTypes(options);
  const { judgeUrl = judgeDefaults.judgeUrl, apiKeyName = judgeDefaults.apiKeyName, apiKey, budget, prices } = options;
  const { concurrency = judgeDefaults.concurrency, retries = judgeDefaults.retries, requestsPerMinute } = options;
  if (options.judgeModel.trim() === "")
    throw new UserError("the judge has no name", wording`Name a model of its server with ${option("judgeModel")}.`);
  if (budget !== undefined && prices === undefined)
    throw new UserError(
      "a budget needs the prices of a million tokens",
      "Name the prices of a million tokens in and out.",
    );
  assertFrom(1, { concurrency });
  assertFrom(0, { retries, budget, "price in": prices?.in, "price out": prices?.out });
  if (requestsPerMinute !== undefined && !(requestsPerMinute > 0))
    throw new UserError(`${requestsPerMinute} requests per minute are none`, "Name a rate above 0.");
  const isDry = options.dryRun ?? false;
  if (apiKey === undefined && judgeUrl === judgeDefaults.judgeUrl && !isDry)
    throw new UserError(
      `the judge at ${new URL(judgeUrl).host} asks for a key, and the environment variable ${apiKeyName} is not set`,
      wording`Set it, or name another server with ${option("judgeUrl")}.`,
    );
  const expert = {
    ...{ baseUrl: judgeUrl, model: options.judgeModel, apiKey, apiKeyName, extraBody: options.extraBody },
    maxCompletionTokens: ANSWER_TOKENS,
    timeoutMs: options.timeoutMs ?? judgeDefaults.timeoutMs,
    optionNames: { url: "judgeUrl", model: "judgeModel" },
  };
  openExpert(expert).close(); // tells what is wrong with them
  return {
    ...{ expert, retries, concurrency, requestsPerMinute, budget, prices, dryRun: isDry },
    firstWaitMs: options.firstWaitMs ?? judgeDefaults.firstWaitMs,
    graceMs: options.graceMs ?? judgeDefaults.graceMs,
    answerTokens: ANSWER_TOKENS,
    cache: options.judgeCache,
    signal: options.signal,
    onNote: options.onNote,
  };
}

function assertFrom(least: number, values: Record<string, number | undefined>): void {
  for (const [name, value] of Object.entries(values))
    if (value !== undefined && !(value >= least))
      throw new UserError(`${name} is ${value}, expected a number from ${least}`);
}
