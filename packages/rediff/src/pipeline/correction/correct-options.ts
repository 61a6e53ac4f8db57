/** What a run of corrections can be told, and what holds when it is not told. */
import { extname } from "node:path";
import { z } from "zod";
import { option, UserError, wording } from "../../errors.js";
import { abortSignal, flag, listener, number, optionSet, text } from "../../options/option-set.js";
import {
  type AskingOptions,
  askingDefaults,
  askingOptionTypes,
  assertAsking,
  assertFrom,
} from "../expert/asking-options.js";
import { type ExpertSettings, openExpert } from "../expert/expert-client.js";
import { readExpertPrompt } from "../expert/expert-prompt.js";

export const correctionDefaults = {
  baseUrl: "https://api.openai.com/v1",
  modelName: "o4-mini",
  ...askingDefaults,
  maxCompletionTokens: 8000,
} as const;

export interface CorrectOptions extends AskingOptions {
  /** Files of drafts: JSONL, JSON or parquet. */
  drafts: string | readonly string[];
  /** JSONL file that answers are appended to. */
  output: string;
  /** For pictures whose name is no absolute path. Default: where the process runs. */
  imageFolder?: string | undefined;
  /** System prompt; default the one that comes with the package. */
  promptFile?: string | undefined;
  baseUrl?: string | undefined;
  modelName?: string | undefined;
  maxCompletionTokens?: number | undefined;
  /** Default: not sent, so the expert's own. */
  temperature?: number | undefined;
  /** Only the first drafts of the files. */
  limit?: number | undefined;
  /** Ask again where an earlier answer cannot be used. */
  askAgain?: boolean | undefined;
  /** Ends the run: nothing more is asked, and the answers under way are waited for, for `graceMs`. */
  signal?: AbortSignal | undefined;
  /** Ends the waiting. */
  giveUp?: AbortSignal | undefined;
  onProgress?: ((done: number, total: number) => void) | undefined;
  /** A line for whoever watches. */
  onNote?: ((line: string) => void) | undefined;
}

const checkTypes = optionSet<CorrectOptions>(
  {
    drafts: z.union([text, z.array(text)], { error: "expected a path or a list of paths" }),
    output: text,
    imageFolder: text,
    promptFile: text,
    baseUrl: text,
    modelName: text,
    ...askingOptionTypes,
    maxCompletionTokens: number,
    temperature: number,
    limit: number,
    askAgain: flag,
    signal: abortSignal,
    giveUp: abortSignal,
    onProgress: listener,
    onNote: listener,
  },
  ["drafts", "output"],
);

/** Options that were checked, and their defaults. */
export interface CorrectionSettings extends CorrectOptions {
  drafts: readonly string[];
  concurrency: number;
  retries: number;
  firstWaitMs: number;
  graceMs: number;
  expert: ExpertSettings;
  /** System prompt. */
  prompt: string;
  /** The most tokens that an answer can have. */
  answerTokens: number;
}

/** @throws UserError */
export async function checkOptions(options: CorrectOptions): Promise<CorrectionSettings> {
  checkTypes(options);
  const { output, budget, apiKey, limit } = options;
  const defaults = correctionDefaults;
  if (extname(output) !== ".jsonl")
    throw new UserError(`${output}: answers are appended as JSON lines`, "Name a file that ends in .jsonl.");
  assertAsking(options);
  const { concurrency = defaults.concurrency, retries = defaults.retries } = options;
  assertFrom(1, { limit });
  const { baseUrl = defaults.baseUrl, apiKeyName = defaults.apiKeyName, timeoutMs = defaults.timeoutMs } = options;
  if (apiKey === undefined && baseUrl === defaults.baseUrl)
    throw new UserError(
      `${new URL(baseUrl).host} asks for a key, and the environment variable ${apiKeyName} is not set`,
      wording`Set it, or name another server with ${option("baseUrl")}.`,
    );
  const { maxCompletionTokens = defaults.maxCompletionTokens, extraBody } = options;
  const answerTokens = boundOf(maxCompletionTokens, extraBody);
  if (budget !== undefined && answerTokens === undefined)
    throw new UserError("a budget needs a bound for the tokens of an answer", "Leave max_completion_tokens in.");
  const expert: ExpertSettings = {
    baseUrl,
    model: options.modelName ?? defaults.modelName,
    apiKey,
    apiKeyName,
    maxCompletionTokens,
    temperature: options.temperature,
    extraBody,
    timeoutMs,
  };
  const prompt = await readExpertPrompt(options.promptFile);
  openExpert(expert).close(); // tells what is wrong with them, before there is any file
  return {
    ...options,
    drafts: typeof options.drafts === "string" ? [options.drafts] : options.drafts,
    concurrency,
    retries,
    firstWaitMs: options.firstWaitMs ?? defaults.firstWaitMs,
    graceMs: options.graceMs ?? defaults.graceMs,
    answerTokens: answerTokens ?? defaults.maxCompletionTokens,
    expert,
    prompt,
  };
}

/** What the request says in the end; `max_tokens` is the older name. Undefined when it sets no bound. */
function boundOf(maxCompletionTokens: number, extraBody: CorrectOptions["extraBody"] = {}): number | undefined {
  const fields = { max_completion_tokens: maxCompletionTokens, ...extraBody };
  const bounds = [fields.max_completion_tokens, extraBody.max_tokens].filter((value) => typeof value === "number");
  return bounds.length === 0 ? undefined : Math.max(...bounds);
}
