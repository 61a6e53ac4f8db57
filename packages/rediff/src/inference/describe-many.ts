/** Many pictures, decoded together: pictures are read ahead in worker threads, up to `batch` are in the forward pass at
 *  a time, and when one ends the next takes its place at the next step. Results come in the order of the input. */
import { OptionError, option, wording } from "../errors.js";
import { VisionPool } from "../vision/index.js";
import type { Visual } from "../vision/tiles/tiles.js";
import type { Description } from "./answers.js";
import { Batcher, type WorkSource } from "./batcher.js";
import { checkMany } from "./limits/option-sets.js";
import { askable } from "./model-facts.js";
import type { ManyOptions, VisualSource } from "./request.js";
import { type DescribeRequest, resolveDescribe } from "./resolve.js";
import { submission } from "./submission.js";
import type { VisionLanguageModel } from "./vision-language-model.js";
import { readVisuals } from "./visuals.js";

/** Pictures with a question of their own, in place of the options'. */
export interface ManyItem {
  sources: readonly VisualSource[];
  prompt: string;
}

/** The pictures of a prompt, or the whole prompt. */
type Group = readonly VisualSource[] | ManyItem;

export type ManyResult =
  | { readonly index: number; readonly ok: true; readonly description: Description }
  | { readonly index: number; readonly ok: false; readonly error: Error };

/** @param groups the pictures of each prompt. One that fails does not end the others.
 *  @throws UserError at once when the options are wrong */
export async function* describeMany(
  { model }: Pick<VisionLanguageModel, "model">,
  groups: Iterable<Group> | AsyncIterable<Group>,
  options: ManyOptions = {},
): AsyncGenerator<ManyResult> {
  checkMany(options);
  const { batch = 1, onStep, onTrace, signal, ...asked } = options;
  if (!Number.isSafeInteger(batch) || batch < 1)
    throw new OptionError("batch", wording`${option("batch")} must be a whole number from 1, got ${batch}`);
  const reader = askable(model);
  const { prompt: _, messages: __, ...unspoken } = asked;
  resolveDescribe(reader, 1, unspoken); // whatever the pictures and the question
  await using pool = new VisionPool();
  const loading = inOrder(groups, batch + pool.workers, load);
  const finished = new Map<number, ManyResult>();
  const fail = (index: number, error: unknown) => void finished.set(index, { index, ok: false, error: asError(error) });
  let next = 0;

  const source: WorkSource = {
    async take() {
      // A result that is there already is handed out before more is begun.
      if (finished.has(next)) return "client";
      const loaded = await loading.next();
      signal?.throwIfAborted();
      if (loaded.done) return "over";
      const { index } = loaded.value;
      if ("error" in loaded.value) {
        fail(index, loaded.value.error);
        return this.take(false);
      }
      const { request, visuals } = loaded.value;
      return submission("describe", request, visuals, {
        ...(onStep && { step: (step) => onStep(index, step) }),
        ...(onTrace && { trace: (step) => onTrace(index, step) }),
        answered: (description) => void finished.set(index, { index, ok: true, description }),
        failed: (error) => fail(index, error),
      });
    },
  };
  try {
    for await (const _ of new Batcher(model, batch).run(source)) {
      signal?.throwIfAborted();
      for (let result = finished.get(next); result !== undefined; result = finished.get(next)) {
        finished.delete(next++);
        yield result;
      }
      signal?.throwIfAborted();
    }
  } finally {
    await loading.return(undefined);
  }

  async function load(group: Group, index: number): Promise<LoadedPrompt> {
    const { sources, prompt } = "sources" in group ? group : { sources: group, prompt: undefined };
    try {
      const question = prompt === undefined ? asked : { ...asked, prompt };
      const request = resolveDescribe(reader, sources.length, question);
      const reading = { facts: reader.facts, handling: request.visuals, reader: pool, signal };
      return { index, request, visuals: await readVisuals(sources, reading) };
    } catch (error) {
      return { index, error };
    }
  }
}

/** A prompt whose pictures have been read, or why it has none. */
type LoadedPrompt = { index: number; request: DescribeRequest; visuals: Visual[] } | { index: number; error: unknown };

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

/** Results of `work` in the order of the input, up to `ahead` of them under way at a time. */
async function* inOrder<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  ahead: number,
  work: (item: T, index: number) => Promise<R>,
): AsyncGenerator<R, undefined> {
  const queue: Promise<R>[] = [];
  let index = 0;
  for await (const item of items) {
    queue.push(work(item, index++));
    const first = queue.length >= ahead ? queue.shift() : undefined;
    if (first !== undefined) yield await first;
  }
  for (const last of queue) yield await last;
  return undefined;
}
