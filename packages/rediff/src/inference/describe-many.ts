/** Many pictures, decoded together: pictures are read ahead in worker threads, up to `batch` are in the forward pass at
 *  a time, and when one ends the next takes its place at the next step. Results come in the order of the input. */
import { warn } from "../checkpoint/weights.js";
import { OptionError, option, UserError, type Wording, wording } from "../errors.js";
import { shownValue } from "../options/issue-text.js";
import { VisionPool } from "../vision/index.js";
import type { Visual } from "../vision/tiles/tiles.js";
import { decodingLimits } from "../vision/workers/decoding-limits.js";
import type { Description } from "./answers.js";
import { Batcher, type WorkSource } from "./batcher.js";
import { checkMany } from "./limits/option-sets.js";
import { askable, type ModelFacts } from "./model-facts.js";
import type { ManyOptions, VisualSource } from "./request.js";
import { type DescribeRequest, resolveDescribe } from "./resolve.js";
import { submission } from "./submission.js";
import type { VisionLanguageModel } from "./vision-language-model.js";
import { listOf, readVisuals } from "./visuals.js";

/** Pictures with a question of their own, in place of the options'. */
export interface ManyItem {
  sources: readonly VisualSource[];
  prompt: string;
  /** Each picture is one square tile, as training has them where there are several; default as the checkpoint says. */
  padded?: boolean;
}

/** The picture of a prompt, several of them, or the whole prompt. */
export type Group = VisualSource | readonly VisualSource[] | ManyItem;

export type ManyResult =
  | { readonly index: number; readonly ok: true; readonly description: Description }
  | { readonly index: number; readonly ok: false; readonly error: Error };

/** @param groups the pictures of each prompt. One that fails does not end the others.
 *  @throws UserError at once when the options are wrong */
export async function* describeMany(
  loaded: Pick<VisionLanguageModel, "model">,
  groups: Iterable<Group> | AsyncIterable<Group>,
  options: ManyOptions = {},
): AsyncGenerator<ManyResult> {
  assertModel(loaded);
  assertList(groups);
  checkMany(options);
  const { model } = loaded;
  const { batch = 1, readAhead, onStep, onTrace, onLayers, onWarning, signal, ...asked } = options;
  if (!Number.isSafeInteger(batch) || batch < 1)
    throw new OptionError("batch", wording`${option("batch")} must be a whole number from 1, got ${batch}`);
  if (readAhead !== undefined && !(Number.isSafeInteger(readAhead) && readAhead >= 1))
    throw new OptionError("readAhead", wording`${option("readAhead")} must be a whole number from 1, got ${readAhead}`);
  const reader = askable(model);
  const { prompt: _, messages: __, ...unspoken } = asked;
  resolveDescribe(reader, 1, unspoken); // whatever the pictures and the question
  // A run of days must not end at a file that crashes its decoder.
  const { maxPixels } = asked;
  await using pool = new VisionPool({ isolation: decodingLimits(maxPixels === undefined ? {} : { maxPixels }) });
  const loading = inOrder(groups, readAhead ?? batch + pool.workers, load);
  const finished = new Map<number, ManyResult>();
  const fail = (index: number, error: unknown) => void finished.set(index, { index, ok: false, error: asError(error) });
  let next = 0;

  const source: WorkSource = {
    async take() {
      // A result that is there already is handed out before more is begun.
      if (finished.has(next)) return "client";
      const read = await loading.next();
      signal?.throwIfAborted();
      if (read.done) return "over";
      const { index } = read.value;
      if ("error" in read.value) {
        fail(index, read.value.error);
        return this.take(false);
      }
      const { request, visuals } = read.value;
      return submission("describe", request, visuals, {
        ...(onStep && { step: (step) => onStep(index, step) }),
        ...(onTrace && { trace: (step) => onTrace(index, step) }),
        answered: (description) => void finished.set(index, { index, ok: true, description }),
        failed: (error) => fail(index, error),
      });
    },
  };
  try {
    const onNarrowed = (words: Wording) => warn(new UserError(words).message, onWarning);
    for await (const _ of new Batcher(model, batch, { onLayers, onNarrowed }).run(source)) {
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
    // Nothing may be thrown but in here: what is read ahead has nobody yet who would catch it.
    try {
      const { sources, prompt, padded } = isItem(group)
        ? group
        : { sources: listOf(group), prompt: undefined, padded: false };
      const question = prompt === undefined ? asked : { ...asked, prompt };
      const request = resolveDescribe(reader, sources.length, question);
      const facts = padded === true ? withSquares(reader.facts) : reader.facts;
      const reading = { facts, handling: request.visuals, reader: pool, signal };
      return { index, request, visuals: await readVisuals(sources, reading) };
    } catch (error) {
      return { index, error };
    }
  }
}

const withSquares = (facts: ModelFacts): ModelFacts => ({
  ...facts,
  tiling: facts.tiling && { ...facts.tiling, aspectRatio: { kind: "pad" } },
});

const isItem = (group: Group): group is ManyItem =>
  typeof group === "object" && group !== null && "sources" in group && Array.isArray(group.sources);

function assertModel(loaded: unknown): void {
  if (typeof loaded === "object" && loaded !== null && "model" in loaded) return;
  throw new UserError(`describeMany takes a model first, got ${shownValue(loaded)}`, "loadModel() gives one.");
}

/** A path and a file's bytes could be gone through, too: letter by letter. */
function assertList(groups: unknown): void {
  const isList = typeof groups === "object" && groups !== null && !ArrayBuffer.isView(groups);
  if (isList && (Symbol.iterator in groups || Symbol.asyncIterator in groups)) return;
  throw new UserError(
    `describeMany takes a list of pictures, got ${shownValue(groups)}`,
    'For example ["a.jpg", "b.jpg"]; describe takes a single one.',
  );
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
