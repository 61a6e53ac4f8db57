/** The cache through the model that uses it: exact where everything is refreshed, approximate where it is not. */
import { describe, expect } from "vitest";
import type { FeatureCacheOptions } from "../diffusion/cache/cache-options.js";
import { test } from "../testing/fixtures.js";
import { expectNoLeaks } from "../testing/leaks.js";
import { type TinyModelOptions, writeTinyModel } from "../testing/tiny-model.js";
import { fixturePath } from "../vision/fixtures/pillow.js";
import { loadModel } from "./vision-language-model.js";

const photo = fixturePath("color.jpg");
const SHORT = { genLength: 24, prompt: "What is in the picture?" };

const kinds: [string, TinyModelOptions][] = [
  ["as many key heads as query heads", {}],
  ["grouped queries", { kvHeads: 2 }],
  ["one key head for all", { kvHeads: 1 }],
];

describe.each(kinds)("%s", (_, shape) => {
  // Only what runs the very same operators may be compared token by token; how near the numbers are otherwise is in
  // diffusion/cache/feature-cache.test.ts.
  test("everything computed anew in every pass gives the tokens that it gives without", async ({ folder }) => {
    using model = await loadModel(writeTinyModel(folder, shape));
    const cache: FeatureCacheOptions = { promptInterval: 1, genInterval: 1, transferRatio: 0 };
    const plain = await model.describe(photo, { ...SHORT, revise: true });
    const cached = await model.describe(photo, { ...SHORT, revise: true, cache });
    expect(cached.tokenIds).toEqual(plain.tokenIds);
    expect(cached.edits).toEqual(plain.edits);
  });

  test("LLaDA-V's setting answers in as many steps, with other tokens, the same each time", async ({ folder }) => {
    using model = await loadModel(writeTinyModel(folder, shape));
    const cache = { promptInterval: 25, genInterval: 7, transferRatio: 0.25 };
    const plain = await model.describe(photo, SHORT);
    const cached = await model.describe(photo, { ...SHORT, cache });
    expect(cached.steps).toBe(plain.steps);
    expect(cached.tokenIds).toHaveLength(plain.tokenIds.length);
    expect(cached.tokenIds).not.toEqual(plain.tokenIds);
    expect((await model.describe(photo, { ...SHORT, cache })).tokenIds).toEqual(cached.tokenIds);
  });
});

test("features are freed with the answer, also when it is given up", async ({ model }) => {
  expectNoLeaks();
  const options = { ...SHORT, cache: { promptInterval: 4, genInterval: 2, transferRatio: 0.5 } };
  await model.describe(photo, options);
  for await (const { step } of model.watch(photo, options)) if (step === 3) break;
});
