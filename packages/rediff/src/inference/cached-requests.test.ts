/** Caches as the library's users have them: described, refined, filled in, and many at once. */
import { expect } from "vitest";
import { test } from "../testing/fixtures.js";
import { expectNoLeaks } from "../testing/leaks.js";
import { fixturePath } from "../vision/fixtures/pillow.js";
import { Batcher, type Taken } from "./batcher.js";
import { describeMany } from "./describe-many.js";
import type { DescribeOptions } from "./request.js";
import { resolveDescribe } from "./resolve.js";
import { type Submission, submission } from "./submission.js";

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

/** Draws in a row that are the same every time. */
function drawing(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * below);
  };
}

test("1,000 requests that enter, leave and are given up, with caches of every kind: no tensor and no byte stays", async ({
  model,
}) => {
  expectNoLeaks();
  const draw = drawing(7);
  const kinds: DescribeOptions[] = [
    { cache: "refresh", refreshEvery: 3, revise: true },
    { cache: "refresh", refreshEvery: 2, cfgScale: 0.5 },
    { cache: "fast-dllm", refreshEvery: 2, blockLength: 2 },
    { cache: { promptInterval: 3, genInterval: 2, transferRatio: 0.5 } },
    { fast: true },
    {},
  ];
  const held: number[] = [];
  const waiting: Submission[] = [];
  const ends = { answered: 0, failed: 0, left: 0 };
  let made = 0;
  const batcher = new Batcher(model.model, 8, { cacheBytes: 400_000 });
  const make = (): Submission => {
    const options = { genLength: 4, prompt: "?", ...kinds[draw(kinds.length)] } as DescribeOptions;
    const request = resolveDescribe(model.askable, 0, options);
    const isOver = () => waiting.splice(waiting.indexOf(one), 1);
    const one: Submission = submission("describe", request, [], {
      answered: () => {
        ends.answered++;
        isOver();
      },
      failed: () => {
        ends.failed++;
        isOver();
      },
    });
    waiting.push(one);
    return one;
  };
  const source = { take: (): Taken => (made++ < 1000 ? make() : "over") };
  for await (const pass of batcher.run(source)) {
    held.push(pass?.cache?.bytes ?? 0);
    if (draw(3) > 0) continue;
    const leaves = waiting[draw(waiting.length)];
    if (leaves === undefined) continue;
    batcher.cancel(leaves);
    waiting.splice(waiting.indexOf(leaves), 1);
    ends.left++;
  }
  expect(ends.failed).toBe(0);
  expect(ends.answered + ends.left).toBe(1000);
  expect(ends.left).toBeGreaterThan(50);
  expect(Math.max(...held)).toBeGreaterThan(0);
  expect(Math.max(...held)).toBeLessThanOrEqual(400_000);
  expect(waiting).toEqual([]);
});
