/** The expert in the loop: what it said in any round about the same picture, question and draft is not asked again. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { glob } from "tinyglobby";
import { z } from "zod";
import { UserError } from "../../errors.js";
import { writeText } from "../../files/atomic-file.js";
import { correctDrafts } from "../correction/correct-drafts.js";
import { type CorrectOptions, checkOptions } from "../correction/correct-options.js";
import type { CorrectionReport } from "../correction/correction-report.js";
import { draftKey } from "../correction/ledger.js";
import { type DraftRecord, draftRecordSchema } from "../drafts/draft-record.js";
import { readPictureFile } from "../expert/expert-picture.js";
import { readExpertPrompt } from "../expert/expert-prompt.js";
import { openRecords } from "../formats/record-source.js";
import type { ImproveKeys } from "./improve-recipe.js";

export interface LoopCorrections extends CorrectionReport {
  /** Answers that were known from elsewhere in the loop. */
  reused: number;
  /** Of the whole loop, at that time. */
  budget: number | null;
}

export interface ExpertObserver {
  onAnswer?: ((done: number, total: number) => void) | undefined;
  onNote?: ((line: string) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/** An answer as the expert's ledger has it. */
const answerSchema = draftRecordSchema.extend({
  key: z.string(),
  revise: z.string().nullable(),
  expert: z.looseObject({ cost: z.number().optional() }),
});
export type Answer = z.infer<typeof answerSchema>;

/** The recipe's expert in the words of `correctDrafts`. */
export function expertOptions({ expert }: ImproveKeys): Omit<CorrectOptions, "drafts" | "output"> {
  const { price_in, price_out, api_key_env } = expert;
  return {
    promptFile: expert.prompt,
    baseUrl: expert.base_url ?? (process.env.OPENAI_BASE_URL || undefined),
    modelName: expert.model_name,
    apiKey: process.env[api_key_env]?.trim() || undefined,
    apiKeyName: api_key_env,
    concurrency: expert.concurrency,
    timeoutMs: expert.timeout * 1000,
    retries: expert.retries,
    firstWaitMs: expert.first_wait * 1000,
    requestsPerMinute: expert.requests_per_minute,
    prices: price_in !== undefined && price_out !== undefined ? { in: price_in, out: price_out } : undefined,
    maxCompletionTokens: expert.max_completion_tokens,
    temperature: expert.temperature,
    extraBody: expert.extra_body,
  };
}

/** @throws UserError when the expert could not be asked (no key, no prompt), before anything is drafted */
export async function checkExpert(recipe: ImproveKeys): Promise<void> {
  await checkOptions({ ...expertOptions(recipe), drafts: [], output: "corrections.jsonl" });
}

/** Asks about a file of drafts. @param output gets the answers, those known from elsewhere in the loop first */
export async function correctRound(
  recipe: ImproveKeys,
  { drafts, output, onAnswer, onNote, signal }: { drafts: string; output: string } & ExpertObserver,
): Promise<LoopCorrections> {
  const others = (await glob("round-*/**/corrections*.jsonl", { cwd: recipe.output, absolute: true }))
    .filter((file) => !file.endsWith(".failed.jsonl") && file !== join(process.cwd(), output) && file !== output)
    .sort();
  const { known, spent } = await readAnswers(others);
  if (!existsSync(output)) await bringAlong(recipe, drafts, output, known);
  const { budget } = recipe.expert;
  const report = await correctDrafts({
    ...expertOptions(recipe),
    drafts,
    output,
    budget: budget === undefined ? undefined : Math.max(0, budget - spent),
    signal,
    giveUp: signal,
    onProgress: onAnswer,
    onNote,
  });
  return { ...report, reused: await countReused(output), budget: budget ?? null };
}

const saying = ({ ques, pred }: Pick<DraftRecord, "ques" | "pred">): string => `${ques}\0${pred}`;

/** Answers by question and draft, and what all of them cost. */
async function readAnswers(files: readonly string[]): Promise<{ known: Map<string, Answer[]>; spent: number }> {
  const known = new Map<string, Answer[]>();
  let spent = 0;
  for (const file of files) {
    for await (const answer of answersIn(file)) {
      known.set(saying(answer), [...(known.get(saying(answer)) ?? []), answer]);
      spent += answer.expert.cost ?? 0;
    }
  }
  return { known, spent };
}

/** The answers of a ledger, in the order in which they came. */
export async function* answersIn(file: string): AsyncGenerator<Answer> {
  if (!existsSync(file)) return;
  const source = await openRecords(file);
  for await (const record of source.records()) {
    const parsed = answerSchema.safeParse(record.value);
    if (!parsed.success) throw new UserError(`${await record.where()}: no answer of an expert`, "Remove the line.");
    yield parsed.data;
  }
}

/** Begins a ledger with what is known about its drafts. They cost nothing here. */
async function bringAlong(
  recipe: ImproveKeys,
  drafts: string,
  output: string,
  known: ReadonlyMap<string, readonly Answer[]>,
): Promise<void> {
  const prompt = createHash("sha256")
    .update(await readExpertPrompt(recipe.expert.prompt))
    .digest("hex");
  const found = new Map<string, Answer>();
  for await (const draft of draftsIn(drafts)) {
    const answers = known.get(saying(draft));
    if (answers === undefined) continue;
    const picture = await readPictureFile(draft.img, undefined).catch(() => undefined);
    if (picture === undefined) continue; // told by the correction itself
    const key = draftKey(draft, { picture: picture.sha256, prompt }, recipe.expert.model_name);
    const answer = answers.find((one) => one.key === key);
    if (answer === undefined || found.has(key)) continue;
    const expert = { ...answer.expert, usage: { prompt_tokens: 0, completion_tokens: 0 }, cost: 0, reused: true };
    found.set(key, { key, ...draft, revise: answer.revise, expert });
  }
  if (found.size > 0) await writeText(output, [...found.values()].map((one) => `${JSON.stringify(one)}\n`).join(""));
}

/** What a file of drafts holds. */
export async function* draftsIn(file: string): AsyncGenerator<DraftRecord> {
  const source = await openRecords(file);
  for await (const record of source.records()) {
    const parsed = draftRecordSchema.safeParse(record.value);
    if (!parsed.success) throw new UserError(`${await record.where()}: no draft`, "Remove the file.");
    yield parsed.data;
  }
}

async function countReused(output: string): Promise<number> {
  let reused = 0;
  for await (const { expert } of answersIn(output)) if (expert.reused === true) reused++;
  return reused;
}
