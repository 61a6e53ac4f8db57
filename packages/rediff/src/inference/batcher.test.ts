import { memory, scope } from "@rediff/torch";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadModelFolder } from "../checkpoint/load-model.js";
import type { DescribeJob, FromModel } from "../serving/engine/protocol.js";
import { folderOfFile } from "../testing/folders.js";
import { expectNoLeaks } from "../testing/leaks.js";
import { writeTinyModel } from "../testing/tiny-model.js";
import { Runner } from "./batcher.js";
import { VisionLanguageModel } from "./vision-language-model.js";

const { path: folder } = folderOfFile();
let model: VisionLanguageModel;
beforeAll(async () => {
  writeTinyModel(folder, { textOnly: true });
  model = new VisionLanguageModel(await loadModelFolder(folder));
});
afterAll(() => {
  model[Symbol.dispose]();
});

const job = (prompt: string, options: object = {}): DescribeJob => ({
  kind: "describe",
  text: false,
  trace: false,
  options: { prompt, genLength: 8, ...options },
});

/** Runs until all ids are answered. */
async function run(jobs: DescribeJob[], onPost: (message: FromModel, runner: Runner) => void = () => undefined) {
  const answers = new Map<number, FromModel>();
  const runner: Runner = new Runner(model, 4, (message) => {
    onPost(message, runner);
    if (message.type === "done" || message.type === "failed") answers.set(message.id, message);
    if (answers.size === jobs.length) runner.end();
  });
  for (const [id, each] of jobs.entries()) runner.add({ id, job: each, visuals: [] });
  await runner.run();
  return jobs.map((_, id) => answers.get(id));
}

const textOf = (message: FromModel | undefined) =>
  message?.type === "done" && message.result.kind === "describe" ? message.result.text : message;

test("numbers that are none end their own request only, first, middle or last in the batch", async () => {
  expectNoLeaks();
  const prompts = ["one", "two", "three"];
  const alone = (await run(prompts.map((prompt) => job(prompt)))).map(textOf);
  const { embedTokens } = model.model.llada.weights;
  const [poison] = model.model.tokenizer.encode("~");
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

test("wrong options, an answer that is too long: told, and nothing is left", async () => {
  expectNoLeaks();
  const answers = await run([
    job("a", { steps: 3, blockLength: 4 }),
    job("b", { genLength: 5000 }),
    job("c"),
    job("d", { stop: [""] }),
  ]);
  expect(answers.map((message) => message?.type)).toEqual(["failed", "failed", "done", "failed"]);
});

test("a request that is cancelled in the middle leaves the batch; one that waits never enters it", async () => {
  const before = memory().tensors;
  const begun: number[] = [];
  let turns = 0;
  const runner: Runner = new Runner(model, 2, (message) => {
    if (message.type === "begun") begun.push(message.id);
    if (message.type === "progress" && ++turns === 2) {
      runner.cancel(0);
      runner.cancel(2);
      runner.cancel(99);
    }
    if (message.type === "done" && message.id === 3) runner.end();
    expect(message.type === "done" && message.id === 0).toBe(false);
  });
  for (const id of [0, 1, 2, 3])
    runner.add({ id, job: { ...job("x", { genLength: id === 0 ? 64 : 8 }), trace: true }, visuals: [] });
  await runner.run();
  expect(begun).toEqual([0, 1, 3]);
  expect(memory().tensors).toBe(before);
});
