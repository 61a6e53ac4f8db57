/** The step loop in this process: what fails, fails alone, and leaves no tensors. */
import { scope } from "@rediff/torch";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadModelFolder } from "../../checkpoint/load-model.js";
import { askable } from "../../inference/model-facts.js";
import type { DescribeOptions } from "../../inference/request.js";
import { resolveDescribe } from "../../inference/resolve.js";
import type { Model } from "../../models/llava/llava.js";
import { folderOfFile } from "../../testing/folders.js";
import { expectNoLeaks } from "../../testing/leaks.js";
import { writeTinyModel } from "../../testing/tiny-model.js";
import type { FromModel, ReadyJob } from "./protocol.js";
import { ServedBatcher } from "./served-batcher.js";

const { path: folder } = folderOfFile();
let model: Model;
beforeAll(async () => {
  writeTinyModel(folder, { textOnly: true });
  model = await loadModelFolder(folder);
});
afterAll(() => {
  model[Symbol.dispose]();
});

const job = (prompt: string, options: DescribeOptions = {}, trace = false): ReadyJob => ({
  text: false,
  trace,
  request: resolveDescribe(askable(model), 0, { prompt, genLength: 8, ...options }),
});

/** Runs until all ids are answered. */
async function run(jobs: ReadyJob[], onPost: (message: FromModel, batcher: ServedBatcher) => void = () => undefined) {
  const answers = new Map<number, FromModel>();
  const batcher: ServedBatcher = new ServedBatcher(model, { batch: 4, cacheBytes: undefined }, (message) => {
    onPost(message, batcher);
    if (message.type === "done" || message.type === "failed") answers.set(message.id, message);
    if (answers.size === jobs.length) batcher.end();
  });
  for (const [id, each] of jobs.entries()) batcher.add({ id, job: each, visuals: [] });
  await batcher.run();
  return jobs.map((_, id) => answers.get(id));
}

const textOf = (message: FromModel | undefined) => (message?.type === "done" ? message.answer.text : message);

test("numbers that are none end their own request only, first, middle or last in the batch", async () => {
  expectNoLeaks();
  const prompts = ["one", "two", "three"];
  const alone = (await run(prompts.map((prompt) => job(prompt)))).map(textOf);
  const { embedTokens } = model.llada.weights;
  const [poison] = model.tokenizer.encode("~");
  scope(() => void embedTokens.narrow(0, poison as number, 1).fill_(Number.NaN));
  for (const place of [0, 1, 3]) {
    const jobs = prompts.map((prompt) => job(prompt));
    jobs.splice(place, 0, job("~"));
    const answers = await run(jobs);
    const [poisoned] = answers.splice(place, 1);
    expect(poisoned).toMatchObject({
      type: "failed",
      error: { message: expect.stringMatching(/not a number at step 0/) },
    });
    expect(answers.map(textOf)).toEqual(alone);
  }
});

test("an answer that is too long: told, and nothing is left", async () => {
  expectNoLeaks();
  const answers = await run([job("a"), job("b", { genLength: 5000 }), job("c")]);
  expect(answers.map((message) => message?.type)).toEqual(["done", "failed", "done"]);
});

test("a request that is cancelled in the middle leaves the batch; one that waits never enters it", async () => {
  expectNoLeaks();
  const begun: number[] = [];
  let turns = 0;
  const batcher: ServedBatcher = new ServedBatcher(model, { batch: 2, cacheBytes: undefined }, (message) => {
    if (message.type === "begun") begun.push(message.id);
    if (message.type === "progress" && ++turns === 2) {
      batcher.cancel(0);
      batcher.cancel(2);
      batcher.cancel(99);
    }
    if (message.type === "done" && message.id === 3) batcher.end();
    expect(message.type === "done" && message.id === 0).toBe(false);
  });
  for (const id of [0, 1, 2, 3])
    batcher.add({ id, job: job("x", { genLength: id === 0 ? 64 : 8 }, true), visuals: [] });
  await batcher.run();
  expect(begun).toEqual([0, 1, 3]);
});

test("a client that leaves leaves no bytes of its cache behind, with nothing decoded after it", async () => {
  expectNoLeaks();
  const told: number[] = [];
  const batcher: ServedBatcher = new ServedBatcher(model, { batch: 2, cacheBytes: undefined }, (message) => {
    if (message.type !== "passes") return;
    told.push(message.cacheBytes);
    if (message.cacheBytes > 0) batcher.cancel(0);
    else if (Math.max(...told) > 0) batcher.end();
  });
  batcher.add({ id: 0, job: job("x", { genLength: 1024, cache: "refresh" }), visuals: [] });
  await batcher.run();
  expect(told.at(-1)).toBe(0);
});
