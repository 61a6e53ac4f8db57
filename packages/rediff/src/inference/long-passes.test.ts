/** Passes that take long: whoever waits for one may leave between two of its layers, and is told how far it is. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { PassProgress } from "../models/chain.js";
import { folderOfFile } from "../testing/folders.js";
import { expectNoLeaks } from "../testing/leaks.js";
import { writeTinyModel } from "../testing/tiny-model.js";
import { fixturePath } from "../vision/fixtures/pillow.js";
import { Batcher } from "./batcher.js";
import { describeMany } from "./describe-many.js";
import { resolveDescribe } from "./resolve.js";
import { type Submission, submission } from "./submission.js";
import { loadModel, type VisionLanguageModel } from "./vision-language-model.js";

/** One pass over 400 rows takes half a second or more, a layer milliseconds. */
const SLOW = { layers: 60, visionLayers: 40 };
const LONG = { genLength: 400, steps: 4, prompt: "?" };
const photo = fixturePath("color.jpg");

const { path: folder } = folderOfFile();
let model: VisionLanguageModel;
beforeAll(async () => {
  model = await loadModel(writeTinyModel(folder, SLOW), { keepPictures: 0 });
});
afterAll(() => model.close());

/** Aborts at the first layer after which `when` holds. */
function abortWhen(when: (progress: PassProgress) => boolean) {
  const abort = new AbortController();
  const seen: PassProgress[] = [];
  let at = 0;
  const onLayers = (progress: PassProgress) => {
    seen.push(progress);
    if (!when(progress) || at > 0) return;
    at = performance.now();
    abort.abort(new Error("enough"));
  };
  return { signal: abort.signal, onLayers, seen, sinceAbort: () => performance.now() - at };
}

test("an abort signal ends a description within its first pass, and leaves no tensors", async () => {
  expectNoLeaks();
  const { sinceAbort, seen, ...awaiting } = abortWhen(({ part, done }) => part === "language" && done >= 5);
  await expect(model.describe(photo, { ...LONG, ...awaiting })).rejects.toThrow("enough");
  const last = seen.at(-1) as PassProgress;
  expect(last.total).toBe(SLOW.layers);
  // A layer or two later, not at the end of the pass.
  expect(sinceAbort()).toBeLessThan((1000 * last.seconds * (last.total - last.done)) / last.done);
  const short = { genLength: 8, prompt: "?" };
  expect((await model.describe(photo, short)).text).toBe((await model.describe(photo, short)).text);
});

test("and one that reads its picture", async () => {
  expectNoLeaks();
  const started = performance.now();
  const options = { ...LONG, signal: AbortSignal.timeout(1) };
  await expect(model.describe(photo, options)).rejects.toThrow();
  expect(performance.now() - started).toBeLessThan(20_000);
});

test("layers are counted upwards, the tower's before the language model's", async () => {
  const { seen, onLayers } = abortWhen(() => false);
  for await (const _ of model.watch(photo, { ...LONG, onLayers })) break;
  const language = seen.filter(({ part }) => part === "language");
  expect(language.length).toBeGreaterThan(3);
  expect(seen.slice(-language.length)).toEqual(language);
  expect(language.map(({ done }) => done)).toEqual(language.map(({ done }) => done).sort((a, b) => a - b));
  expect(new Set(language.map(({ total }) => total))).toEqual(new Set([SLOW.layers]));
});

test.each(["batch", "batch of caches"])("of a %s, many are given up together", async (kind) => {
  expectNoLeaks();
  const cache = { promptInterval: 4, genInterval: 2, transferRatio: 0.5 };
  const { sinceAbort: _, seen: __, ...awaiting } = abortWhen(({ part, done }) => part === "language" && done >= 5);
  const options = { ...LONG, ...awaiting, batch: 2, ...(kind !== "batch" && { cache }) };
  const all = async () => {
    for await (const result of describeMany(model, [photo, photo], options)) expect(result).toBeUndefined();
  };
  await expect(all()).rejects.toThrow("enough");
});

test("one that leaves in the middle of a pass does not disturb its neighbour", async () => {
  expectNoLeaks();
  const options = { genLength: 200, steps: 2, prompt: "What?" };
  const request = resolveDescribe(model.askable, 0, options);
  const alone = await model.describe([], options);
  const heard: string[] = [];
  const listen = (name: string) => ({
    answered: ({ text }: { text: string }) => void heard.push(`${name} ${text}`),
    failed: () => void heard.push(`${name} failed`),
  });
  const waiting: Submission[] = ["a", "b"].map((name) => submission("describe", request, [], listen(name)));
  const [leaving] = waiting;
  let told = 0;
  const batcher: Batcher = new Batcher(model.model, 2, {
    onLayers: ({ done }) => {
      if (done > 10 && told++ === 0) batcher.cancel(leaving as Submission);
    },
  });
  for await (const _ of batcher.run({ take: () => waiting.shift() ?? "over" }));
  expect(told).toBeGreaterThan(0);
  expect(heard).toEqual([`b ${alone.text}`]);
});
