/** Documents to answers, by the batcher that all of the library asks by. Pictures are read ahead and dropped; what is kept of a
 *  document is its text. */
import { describeMany, type ManyItem } from "../../inference/describe-many.js";
import type { ManyOptions } from "../../inference/request.js";
import { namedApproximations } from "../../inference/request-record.js";
import type { VisionLanguageModel } from "../../inference/vision-language-model.js";
import { withoutBytes } from "../documents/document-source.js";
import { picturesOf } from "../documents/picture-columns.js";
import { modelQuestion } from "../model-question.js";
import type { GenerationSettings, Task } from "../task.js";
import type { Answer } from "./answers-file.js";
import { checked, type OpenTask } from "./open-tasks.js";

/** A document without the bytes of its pictures, and what was asked about it. */
export interface KeptDocument {
  index: number;
  document: unknown;
  prompt: string;
  /** Why it has no answer. */
  error?: string;
}

export interface Asking {
  answers: { get(index: number): Answer | undefined; has(index: number): boolean; add(answer: Answer): Promise<void> };
  /** Loaded when something is to be asked, and not before. */
  load: (() => Promise<VisionLanguageModel>) | undefined;
  settings: Pick<GenerationSettings, "thinking" | "stop">;
  options: Omit<ManyOptions, "onTrace">;
  batch: number;
  readAhead?: number;
  /** Of several processes: whether this one is to ask about the `nth` of the chosen documents; those that have an answer are
   *  not asked for. */
  isOurs?: (nth: number) => Promise<boolean>;
  onProgress: ((done: number, total: number) => void) | undefined;
  onNote: ((line: string) => void) | undefined;
  /** Hears of documents that have no answer and will get none. */
  onFailed?: (document: number, error: string) => void;
  signal: AbortSignal | undefined;
}

/** Asks what has no answer yet, or of several processes what of it falls to this one. @returns all chosen documents, in their order */
export async function askDocuments(open: OpenTask, asking: Asking): Promise<KeptDocument[]> {
  const { task, chosen } = open;
  const { answers, load, options, batch, readAhead, onProgress, onNote, onFailed, signal } = asking;
  const kept: KeptDocument[] = [];
  let settled = 0;
  const settle = () => onProgress?.(++settled, chosen.count);
  const fail = (document: KeptDocument, error: string) => {
    document.error = error;
    onFailed?.(document.index, error);
    onNote?.(`${task.name}: document ${document.index}: ${error}`);
    settle();
  };
  const questions = questionsOf(open, asking, { kept, settle, fail });
  onProgress?.(0, chosen.count);
  // The first question decides whether the model is needed at all.
  const first = await questions.next();
  if (first.done || load === undefined) {
    for await (const _ of questions) signal?.throwIfAborted();
    return kept;
  }
  const waiting: KeptDocument[] = [first.value.kept];
  const items = async function* (): AsyncGenerator<ManyItem> {
    yield first.value.item;
    for await (const { item, kept: document } of questions) {
      waiting.push(document);
      yield item;
    }
  };
  const model = await load();
  const many = {
    ...{ ...options, batch },
    ...(readAhead !== undefined && { readAhead }),
    ...(signal && { signal }),
  };
  for await (const result of describeMany(model, items(), many)) {
    const document = waiting.shift();
    if (document === undefined) continue;
    if (!result.ok) {
      fail(document, result.error.message);
      continue;
    }
    const { text, tokenIds, steps, seconds, stopped } = result.description;
    await answers.add({
      doc: document.index,
      prompt: document.prompt,
      reply: text,
      tokens: tokenIds.length,
      steps,
      seconds: Number(seconds.toPrecision(6)),
      cut: !stopped,
      ...namedApproximations(result.description),
    });
    settle();
  }
  return kept;
}

interface Question {
  item: ManyItem;
  kept: KeptDocument;
}

/** Of the documents that have no answer yet; those that have one are kept on the way. */
async function* questionsOf(
  { task, source, chosen }: OpenTask,
  { answers, load, settings, isOurs, signal }: Asking,
  {
    kept,
    settle,
    fail,
  }: { kept: KeptDocument[]; settle: () => void; fail: (document: KeptDocument, error: string) => void },
): AsyncGenerator<Question, undefined> {
  let nth = -1;
  for await (const { index, document, where } of source.documents()) {
    if (index > chosen.last) break;
    if (!chosen.has(index)) continue;
    nth++;
    signal?.throwIfAborted();
    const plain = withoutBytes(document);
    await checked(task, plain, where);
    const own: KeptDocument = { index, document: plain, prompt: task.prompt(plain) };
    kept.push(own);
    if (answers.has(index)) {
      settle();
      continue;
    }
    if (isOurs !== undefined && !(await isOurs(nth))) {
      settle();
      continue;
    }
    if (load === undefined) {
      fail(own, "has no answer");
      continue;
    }
    let item: ManyItem;
    try {
      item = itemOf(task, own.prompt, settings, picturesOf(task.pictures(plain), document, source.folders));
    } catch (error) {
      fail(own, error instanceof Error ? error.message : String(error));
      continue;
    }
    yield { item, kept: own };
  }
  return undefined;
}

function itemOf(
  task: Task,
  prompt: string,
  settings: Asking["settings"],
  { sources, video }: ReturnType<typeof picturesOf>,
): ManyItem {
  const shown = video === undefined ? { pictures: sources.length } : { video };
  const { text, pictureMode } = modelQuestion(prompt, shown, { ...task.settings, ...settings });
  return { sources, prompt: text, ...(pictureMode === "pad" && { padded: true }) };
}
