/** `rediff data correct`: drafts to an expert, its answers to a ledger. */

import { Command, InvalidArgumentError, Option } from "commander";
import { UserError } from "../../../errors.js";
import type { CorrectOptions } from "../../../pipeline/correction/correct-options.js";
import { begin } from "../../exit-status.js";
import { assertThere } from "../../options/assert-there.js";
import { decimal, whole } from "../../options/parse-values.js";
import { complain, reportText } from "../../terminal/correct-report.js";
import { Interrupted } from "../../terminal/error-text.js";
import { answerLine } from "../../terminal/lines.js";
import { progress } from "../../terminal/progress.js";

interface Flags {
  output: string;
  imageFolder?: string;
  prompt?: string;
  baseUrl?: string;
  modelName?: string;
  apiKeyEnv?: string;
  concurrency?: number;
  timeout?: number;
  retries?: number;
  rate?: number;
  budget?: number;
  priceIn?: number;
  priceOut?: number;
  maxCompletionTokens?: number;
  temperature?: number;
  extraBody?: Record<string, unknown>;
  limit?: number;
  askAgain?: true;
  json?: true;
}

const HELP = `
DRAFTS has {img, ques, ans, pred}, as \`rediff data draft\` and the original write them. The expert gets the picture, the
question, the reference answer and the draft; prompts/expert.txt tells it what to reply, and --prompt names another file.
The pictures are sent to the server of --base-url.

Answers are appended to --output, each on the disk before it counts: the draft, the reply in revise, and in expert the
model, prompt, time, tokens and id of the request. A draft is known by its picture, question, text, prompt and expert;
run again, also after a kill, the command asks only for what is not there. \`rediff data select\` reads the file.

Drafts without an answer are listed with the reason in OUTPUT.failed.jsonl, the exit status is 3 (1 when all failed), and
the next run tries them again. --budget holds back the most that the requests under way can cost, and ends before it would be exceeded;
it counts what earlier runs spent on the same output. docs/expert.md tells the rest.

Examples:
  $ export OPENAI_API_KEY=...
  $ rediff data correct drafts.jsonl --output corrected.jsonl --limit 20 --price-in 1.10 --price-out 4.40
  $ rediff data correct drafts.jsonl --output corrected.jsonl --price-in 1.10 --price-out 4.40 --budget 50 --rate 300
  $ rediff data correct drafts.jsonl --output corrected.jsonl --base-url http://127.0.0.1:8000/v1 --model-name Qwen3-VL
`;

export function dataCorrectCommand(): Command {
  return new Command("correct")
    .description("ask an expert what is wrong with drafts")
    .argument("<DRAFTS...>", "JSONL, JSON or parquet")
    .requiredOption("--output <FILE>", "JSONL file that answers are appended to")
    .option("--image-folder <DIR>", "where pictures lie whose name is no absolute path (default: here)")
    .option("--prompt <FILE>", "system prompt (default: the one that comes with rediff)")
    .option("--base-url <URL>", "chat-completions API (default: $OPENAI_BASE_URL, else https://api.openai.com/v1)")
    .option("--model-name <NAME>", "the expert (default o4-mini)")
    .option("--api-key-env <NAME>", "environment variable with the key (default OPENAI_API_KEY)")
    .option("--concurrency <N>", "requests under way at the same time (default 8)", whole(1))
    .option("--timeout <S>", "seconds for one request (default 300)", positive)
    .option("--retries <N>", "further tries of a request that failed (default 5)", whole(0))
    .option("--rate <N>", "requests per minute at most", positive)
    .option("--budget <AMOUNT>", "most to spend on this output; needs both prices", positive)
    .option("--price-in <P>", "of a million prompt tokens", notNegative)
    .option("--price-out <P>", "of a million completion tokens", notNegative)
    .option("--max-completion-tokens <N>", "thinking included (default 8000)", whole(1))
    .option("--temperature <T>", "default: the expert's own", decimal)
    .addOption(new Option("--extra-body <JSON>", "further fields of the request; null removes one").argParser(object))
    .option("--limit <N>", "only the first N drafts", whole(1))
    .option(
      "--ask-again",
      "also drafts whose answer cannot be used: cut off, filtered, refused, not the list asked for",
    )
    .option("--json", "print the report as one JSON line")
    .addHelpText("after", HELP)
    .action(run);
}

function positive(text: string): number {
  const value = decimal(text);
  if (value > 0) return value;
  throw new InvalidArgumentError("It must be above 0.");
}

function notNegative(text: string): number {
  const value = decimal(text);
  if (value >= 0) return value;
  throw new InvalidArgumentError("It must not be negative.");
}

function object(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // said below
  }
  throw new InvalidArgumentError('It must be a JSON object, as {"reasoning_effort": "low"}.');
}

async function run(drafts: string[], flags: Flags): Promise<void> {
  const { correctDrafts } = await import("../../../pipeline/correction/correct-drafts.js");
  const options = correctOptions(drafts, flags);
  await assertThere(...drafts, ...(flags.prompt === undefined ? [] : [flags.prompt]));
  begin();
  const interrupt = new AbortController();
  const giveUp = new AbortController();
  const onSignal = (signal: NodeJS.Signals) => {
    if (interrupt.signal.aborted) giveUp.abort();
    else interrupt.abort(new Interrupted(signal));
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  let bar = progress({ label: flags.output, unit: "drafts" });
  let isBegun = false;
  try {
    const report = await correctDrafts({
      ...options,
      signal: interrupt.signal,
      giveUp: giveUp.signal,
      onNote: (text) => bar.note(text),
      onProgress: (done, total) => {
        if (!isBegun) bar = progress({ label: flags.output, unit: "drafts", total });
        isBegun = true;
        bar.update(done);
      },
    });
    bar.finish();
    answerLine(flags.json ? JSON.stringify(report) : reportText(report));
    complain(report);
  } finally {
    bar.finish();
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  }
}

function correctOptions(drafts: string[], flags: Flags): CorrectOptions {
  const { output, imageFolder, prompt, modelName, concurrency, timeout, retries, rate, budget, limit } = flags;
  const { priceIn, priceOut, maxCompletionTokens, temperature, extraBody, askAgain, apiKeyEnv } = flags;
  if ((priceIn === undefined) !== (priceOut === undefined))
    throw new UserError("only one of --price-in and --price-out is given", "A cost needs both.");
  const apiKey = process.env[apiKeyEnv ?? "OPENAI_API_KEY"]?.trim() || undefined;
  if (apiKeyEnv !== undefined && apiKey === undefined)
    throw new UserError(`the environment variable ${apiKeyEnv} is not set`, "It should hold the key.");
  return {
    drafts,
    output,
    imageFolder,
    promptFile: prompt,
    baseUrl: flags.baseUrl ?? (process.env.OPENAI_BASE_URL || undefined),
    modelName,
    apiKey,
    apiKeyName: apiKeyEnv,
    concurrency,
    timeoutMs: timeout && timeout * 1000,
    retries,
    requestsPerMinute: rate,
    budget,
    prices: priceIn !== undefined && priceOut !== undefined ? { in: priceIn, out: priceOut } : undefined,
    maxCompletionTokens,
    temperature,
    extraBody,
    limit,
    askAgain,
  };
}
