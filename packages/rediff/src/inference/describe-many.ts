/** Many pictures, decoded together: pictures are read ahead in worker threads, up to `batch` are in the forward pass at
 *  a time, and when one ends the next takes its place at the next step. Results come in the order of the input. */

import type { DecodeStep } from "../diffusion/decode-step.js";
import { Decoder, type Decoding } from "../diffusion/decoder.js";
import { UserError } from "../errors.js";
import { promptEmbeddings } from "../models/llava/assembly.js";
import { VisionPool } from "../vision/index.js";
import type { Visual } from "../vision/tiles/tiles.js";
import {
  type DescribeOptions,
  decoding as decodingOptions,
  isVideo,
  pictureOptions,
  promptIds,
  type VisualSource,
  videoOptions,
} from "./request.js";
import { type Description, description, EditCollector, type VisionLanguageModel } from "./vision-language-model.js";

export interface ManyOptions extends DescribeOptions {
  /** Prompts in one forward pass; default 1. */
  batch?: number;
  /** Told after every step of every prompt. */
  onStep?: (index: number, step: DecodeStep) => void;
}

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

interface Work {
  index: number;
  decoding: Decoding;
  edits: EditCollector;
  started: number;
}

/** @param groups the pictures of each prompt. One that fails does not end the others.
 *  @throws UserError at once when the options are wrong */
export async function* describeMany(
  model: VisionLanguageModel,
  groups: Iterable<Group> | AsyncIterable<Group>,
  options: ManyOptions = {},
): AsyncGenerator<ManyResult> {
  const { batch = 1, onStep, signal } = options;
  if (!Number.isSafeInteger(batch) || batch < 1)
    throw new UserError(`batch must be a whole number from 1, got ${batch}`);
  const decode = decodingOptions(model.model, options);
  await using pool = new VisionPool();
  using decoder = new Decoder(model.model);
  const active = new Set<Work>();
  const finished = new Map<number, ManyResult>();
  const loading = readAhead(model, pool, groups, options, batch + pool.workers);
  let isExhausted = false;
  let next = 0;

  try {
    while (!isExhausted || active.size > 0) {
      // A result that is there already is handed out before more is begun.
      while (!isExhausted && active.size < batch && !finished.has(next)) {
        const turn = await loading.next();
        signal?.throwIfAborted();
        if (turn.done) isExhausted = true;
        else admit(turn.value);
      }
      signal?.throwIfAborted();
      if (active.size > 0 && !finished.has(next)) {
        decoder.step();
        for (const work of active) settle(work);
      }
      for (let result = finished.get(next); result !== undefined; result = finished.get(next)) {
        finished.delete(next++);
        yield result;
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    for (const { decoding } of active) decoding[Symbol.dispose]();
    await loading.return(undefined);
  }

  function admit(loaded: Loaded): void {
    const { index } = loaded;
    if (!loaded.ok) {
      finished.set(index, { index, ok: false, error: loaded.error });
      return;
    }
    const started = performance.now();
    try {
      const { prompt: question } = loaded;
      const asked = question === undefined ? options : { ...options, prompt: question };
      const ids = promptIds(model.model, loaded.visuals.length, asked);
      const reserve = (decode.genLength ?? 128) + (decode.suffix?.length ?? 0);
      const prompt = promptEmbeddings(model.model, ids, loaded.visuals, reserve);
      try {
        const decoding = decoder.add(prompt, decode);
        active.add({ index, decoding, edits: new EditCollector(model.model), started });
      } finally {
        prompt.dispose();
      }
    } catch (error) {
      finished.set(index, { index, ok: false, error: error as Error });
    }
  }

  function settle(work: Work): void {
    const { index, decoding, edits, started } = work;
    edits.add(decoding.step);
    if (decoding.step !== undefined) onStep?.(index, decoding.step);
    if (decoding.result === undefined) return;
    const seconds = (performance.now() - started) / 1000;
    const done = description(model.model, decoding, edits.edits, seconds, options);
    finished.set(index, { index, ok: true, description: done });
    active.delete(work);
    decoding[Symbol.dispose]();
  }
}

type Loaded =
  | { index: number; ok: true; visuals: Visual[]; prompt: string | undefined }
  | { index: number; ok: false; error: Error };

/** Decoded pictures in order, `ahead` of them at work at a time. */
async function* readAhead(
  model: VisionLanguageModel,
  pool: VisionPool,
  groups: Iterable<Group> | AsyncIterable<Group>,
  options: ManyOptions,
  ahead: number,
): AsyncGenerator<Loaded> {
  const queue: Promise<Loaded>[] = [];
  let index = 0;
  for await (const group of groups) {
    queue.push(loadGroup(model, pool, group, index++, options));
    if (queue.length >= ahead) yield await (queue.shift() as Promise<Loaded>);
  }
  for (const loaded of queue) yield await loaded;
}

async function loadGroup(
  model: VisionLanguageModel,
  pool: VisionPool,
  group: Group,
  index: number,
  options: ManyOptions,
): Promise<Loaded> {
  const { sources, prompt } = "sources" in group ? group : { sources: group, prompt: undefined };
  try {
    const visuals = await Promise.all(sources.map((source) => load(model, pool, source, options)));
    return { index, ok: true, visuals, prompt };
  } catch (error) {
    return { index, ok: false, error: error as Error };
  }
}

async function load(
  { model }: VisionLanguageModel,
  pool: VisionPool,
  source: VisualSource,
  options: ManyOptions,
): Promise<Visual> {
  const { signal } = options;
  if (typeof source === "object" && "video" in source)
    return { kind: "video", ...(await pool.video(source.video, videoOptions(model, options), signal)) };
  if (typeof source === "string" && (await isVideo(source)))
    return { kind: "video", ...(await pool.video(source, videoOptions(model, options), signal)) };
  return { kind: "picture", ...(await pool.picture(source, pictureOptions(model, options), signal)) };
}
