/** What a judge can be told, and what holds when it is not told. */
import { option, UserError, wording } from "../../errors.js";
import { abortSignal, flag, listener, type OptionTypes, optionSet, text } from "../../options/option-set.js";
import {
  type AskingOptions,
  askingDefaults,
  askingOptionTypes,
  assertAsking,
} from "../../pipeline/expert/asking-options.js";
import { openExpert } from "../../pipeline/expert/expert-client.js";
import type { AskingSettings } from "../../pipeline/expert/retry.js";

export const judgeDefaults = {
  judgeUrl: "https://api.openai.com/v1",
  ...askingDefaults,
} as const;

/** Where the key is not given, it is what its environment variable holds. */
export interface JudgeOptions extends AskingOptions {
  /** The model that judges, by its server's name. */
  judgeModel: string;
  /** Folder of the judgements that are kept. Processes may share it. */
  judgeCache: string;
  /** Of the chat-completions API, mostly ending in /v1. */
  judgeUrl?: string | undefined;
  /** Nothing is asked; what would be is counted. */
  dryRun?: boolean | undefined;
  signal?: AbortSignal | undefined;
  onNote?: ((line: string) => void) | undefined;
}

export const judgeOptionTypes: OptionTypes<JudgeOptions> = {
  judgeModel: text,
  judgeCache: text,
  judgeUrl: text,
  ...askingOptionTypes,
  dryRun: flag,
  signal: abortSignal,
  onNote: listener,
};

const checkTypes = optionSet<JudgeOptions>(judgeOptionTypes, ["judgeModel", "judgeCache"]);

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
  const { judgeUrl = judgeDefaults.judgeUrl, apiKeyName = judgeDefaults.apiKeyName, budget, prices } = options;
  const apiKey = options.apiKey ?? (process.env[apiKeyName] || undefined);
  const { concurrency = judgeDefaults.concurrency, retries = judgeDefaults.retries, requestsPerMinute } = options;
  if (options.judgeModel.trim() === "")
    throw new UserError("the judge has no name", wording`Name a model of its server with ${option("judgeModel")}.`);
  assertAsking(options);
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
