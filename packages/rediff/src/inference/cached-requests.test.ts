/** Caches as the library's users have them: described, refined, filled in, and many at once. */
import { expect } from "vitest";
import { test } from "../testing/fixtures.js";
import { expectNoLeaks } from "../testing/leaks.js";
import { fixturePath } from "../vision/fixtures/pillow.js";
import { describeMany } from "./describe-many.js";

const photo = fixturePath("color.jpg");
const cached = { cache: "refresh", refreshEvery: 4 } as const;
const exact = { cache: "refresh", refreshEvery: 1 } as const;

test("every kind of answer says what was on, and is the one without a cache when all is refreshed", async ({
  model,
}) => {
  expectNoLeaks();
  const describe = { genLength: 16, revise: true };
  const plain = await model.describe(photo, describe);
  expect(plain).not.toHaveProperty("cache");
  const same = await model.describe(photo, { ...describe, ...exact });
  expect(same.tokenIds).toEqual(plain.tokenIds);
  expect(same.cache).toMatchObject({ kind: "refresh", on: true, cachedPasses: 0, fullPasses: plain.steps });
  const faster = await model.describe(photo, { ...describe, ...cached });
  expect(faster.cache?.cachedPasses).toBeGreaterThan(0);
  expect(faster.cache).toHaveProperty("certified");

  const [draft, form] = ["a b c d", "A [[2]] is a [[2]]."];
  const refined = await model.refine(photo, draft, { rounds: 4 });
  expect((await model.refine(photo, draft, { rounds: 4, ...exact })).text).toBe(refined.text);
  expect((await model.refine(photo, draft, { rounds: 4, ...cached })).cache).toMatchObject({ kind: "refresh" });
  const filled = await model.fill(photo, form);
  expect((await model.fill(photo, form, exact)).text).toBe(filled.text);
  expect((await model.fill(photo, form, { cache: "fast-dllm" })).cache).toMatchObject({ kind: "fast-dllm" });
});

test("of many at once, each has the tokens that it has alone; leaving early frees what was kept", async ({ model }) => {
  expectNoLeaks();
  const photos = ["color.jpg", "grey.jpg", "color.jpg"].map((name) => fixturePath(name));
  const options = { genLength: 12, revise: true, ...cached };
  const alone = await Promise.all(photos.map((one) => model.describe(one, options)));
  for await (const result of describeMany(model, photos, { ...options, batch: 3 }))
    expect(result.ok && result.description.tokenIds).toEqual(alone[result.index]?.tokenIds);
  for await (const _ of describeMany(model, photos, { ...options, batch: 2 })) break;
});
