import { scope } from "@rediff/torch";
import { describe, expect } from "vitest";
import { UserError } from "../errors.js";
import { test } from "../testing/fixtures.js";
import { folderOfFile } from "../testing/folders.js";
import { expectNoLeaks } from "../testing/leaks.js";
import { writeTinyModel } from "../testing/tiny-model.js";
import { fixturePath } from "../vision/fixtures/pillow.js";
import { describeMany, type ManyResult } from "./describe-many.js";
import type { ManyOptions } from "./request.js";
import { loadModel, type VisionLanguageModel } from "./vision-language-model.js";

const { at } = folderOfFile();
const pictures = ["color.jpg", "rgba.png", "grey.jpg", "palette.png", "alpha.webp"].map(fixturePath);

async function all(
  model: VisionLanguageModel,
  groups: readonly (readonly string[])[],
  options: ManyOptions,
): Promise<ManyResult[]> {
  const results: ManyResult[] = [];
  for await (const result of describeMany(model, groups, options)) results.push(result);
  return results;
}

const idsOf = (result: ManyResult): number[] | string =>
  result.ok ? result.description.tokenIds : (result.error as UserError).message;

describe("pictures decoded together", () => {
  const options = { genLength: 12, tokensPerStep: 3, revise: true } as const;

  test.for([1, 2, 8])("%i at a time: each has the tokens that it has alone, in order", async (batch, { model }) => {
    const results = await all(
      model,
      pictures.map((picture) => [picture]),
      { ...options, batch },
    );
    expect(results.map(({ index }) => index)).toEqual(pictures.map((_, i) => i));
    for (const [i, result] of results.entries()) {
      const alone = await model.describe(pictures[i]!, options);
      expect(idsOf(result)).toEqual(alone.tokenIds);
      expect(result).toMatchObject({ ok: true, description: { steps: alone.steps, edits: alone.edits } });
    }
  });

  test("of different lengths: one that ends makes room for the next", async ({ model }) => {
    const { tokenIds } = await model.describe(pictures[1]!, { genLength: 12 });
    const stop = [model.model.tokenizer.decode(tokenIds.slice(3, 4))];
    const seen: number[][] = [];
    const results = await all(
      model,
      pictures.map((picture) => [picture]),
      { genLength: 12, stop, batch: 2, onStep: (index) => void seen.push([index]) },
    );
    for (const [i, result] of results.entries())
      expect(idsOf(result)).toEqual((await model.describe(pictures[i]!, { genLength: 12, stop })).tokenIds);
    expect(new Set(seen.flat()).size).toBe(pictures.length);
  });

  test("several pictures to a prompt, and none", async ({ model }) => {
    const prompt = "What is there?";
    const results = await all(model, [pictures.slice(0, 2), [], pictures.slice(2, 3)], {
      genLength: 8,
      batch: 3,
      prompt,
    });
    expect(idsOf(results[0]!)).toEqual((await model.describe(pictures.slice(0, 2), { genLength: 8, prompt })).tokenIds);
    expect(idsOf(results[1]!)).toEqual((await model.describe([], { genLength: 8, prompt })).tokenIds);
  });
});

test("one that fails does not end the others", async ({ model }) => {
  const none = at("none.jpg");
  const groups = [[none], [pictures[0]!], [fixturePath("pillow.json")], [pictures[1]!], [none]];
  const results = await all(model, groups, { genLength: 4, batch: 2 });
  expect(results.map(({ index, ok }) => [index, ok])).toEqual([
    [0, false],
    [1, true],
    [2, false],
    [3, true],
    [4, false],
  ]);
  expect(idsOf(results[0]!)).toMatch(/no such file/);
  expect(idsOf(results[2]!)).toMatch(/looks like text/);
});

test("an output that is not a number ends its own prompt only", async ({ folder }) => {
  using model = await loadModel(writeTinyModel(folder, { textOnly: true }));
  const prompts = ["one", "two", "three"];
  const ask = async (questions: string[]) => {
    const results: ManyResult[] = [];
    const items = questions.map((prompt) => ({ sources: [], prompt }));
    for await (const result of describeMany(model, items, { genLength: 8, batch: 4 })) results.push(result);
    return results;
  };
  const whole = (await ask(prompts)).map(idsOf);
  const [tilde] = model.model.tokenizer.encode("~");
  scope(() => void model.model.llada.weights.embedTokens.narrow(0, tilde as number, 1).fill_(Number.NaN));
  for (const place of [0, 1, 3]) {
    const results = await ask(prompts.toSpliced(place, 0, "~"));
    const [damaged] = results.splice(place, 1);
    expect(damaged).toMatchObject({ index: place, ok: false });
    expect(idsOf(damaged!)).toMatch(/not a number at step 0/);
    expect(results.map(idsOf)).toEqual(whole);
  }
});

test("results come as they are ready, and the input is taken only as far as it is needed", async ({ model }) => {
  let taken = 0;
  function* endless(): Generator<string[]> {
    while (true) {
      taken++;
      yield [taken % 3 === 0 ? at("none.jpg") : pictures[0]!];
    }
  }
  expectNoLeaks();
  let seen = 0;
  for await (const { index, ok } of describeMany(model, endless(), { genLength: 4, batch: 2 })) {
    expect(index).toBe(seen);
    expect(ok).toBe((index + 1) % 3 !== 0);
    if (++seen === 7) break;
  }
  expect(taken).toBeLessThan(30);
});

test("an abort ends it between two steps", async ({ model }) => {
  expectNoLeaks();
  const abort = new AbortController();
  let steps = 0;
  const onStep = () => {
    if (++steps === 5) abort.abort(new Error("enough"));
  };
  const groups = pictures.map((picture) => [picture]);
  await expect(all(model, groups, { genLength: 64, batch: 2, onStep, signal: abort.signal })).rejects.toThrow("enough");
  expect(steps).toBeLessThanOrEqual(6); // both prompts of the step that was under way
});

test("wrong options are an error at once", async ({ model }) => {
  let taken = 0;
  function* groups(): Generator<string[]> {
    taken++;
    yield [pictures[0]!];
  }
  for (const [options, message] of [
    [{ genLength: 10, blockLength: 4 }, /is not a multiple of/],
    [{ genLength: 2, draft: "too long for two tokens" }, /the draft has \d+ tokens but genLength is 2/],
    [{ batch: 0 }, /batch must be a whole number from 1, got 0/],
  ] as const) {
    const error = await describeMany(model, groups(), options)
      .next()
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).message).toMatch(message);
  }
  expect(taken).toBe(0);
});

test("pictures may be a plain list, and what is none ends its own prompt only, wherever it stands", async ({
  model,
}) => {
  const groups = [pictures[0]!, null, [pictures[1]!], 5, pictures[1]!] as unknown as string[][];
  const results = await all(model, groups, { genLength: 4, batch: 1 });
  expect(results.map(({ ok }) => ok)).toEqual([true, false, true, false, true]);
  expect(idsOf(results[4]!)).toEqual(idsOf(results[2]!));
  expect(idsOf(results[1]!)).toMatch(/a picture is a path, a URL, or a file's bytes.*got null/);
});

test.each([
  ["photo.jpg", /takes a list of pictures, got "photo\.jpg"/],
  [null, /takes a list of pictures, got null/],
  [new Uint8Array(4), /takes a list of pictures/],
  [{ sources: [] }, /takes a list of pictures/],
])("%j is no list of pictures", async (groups, message) => {
  const many = describeMany({ model: {} } as never, groups as never);
  await expect(many.next()).rejects.toThrow(message);
});

test("a model is asked for by name where none is", async () => {
  await expect(describeMany(null as never, []).next()).rejects.toThrow(/takes a model first, got null/);
});
