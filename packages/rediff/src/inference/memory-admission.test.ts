/** Requests that are counted before they are decoded: refused, made to wait, or let in. */
import { expect, vi } from "vitest";
import type { Wording } from "../errors.js";
import { asFlag, OptionError, UserError } from "../errors.js";
import { test } from "../testing/fixtures.js";
import { expectNoLeaks } from "../testing/leaks.js";
import { fixturePath } from "../vision/fixtures/pillow.js";
import { Batcher, type ForwardPass } from "./batcher.js";
import { bytesTogether, memoryRoom, needOf } from "./limits/memory-room.js";
import type { DescribeOptions } from "./request.js";
import { resolveDescribe } from "./resolve.js";
import { type Submission, submission } from "./submission.js";
import type { VisionLanguageModel } from "./vision-language-model.js";

const NO_CACHES = { caches: 0 };

interface Ends {
  texts: string[];
  errors: unknown[];
}

function submissionsOf(model: VisionLanguageModel, count: number, ends: Ends, options: DescribeOptions = {}) {
  const request = resolveDescribe(model.askable, 0, { genLength: 8, tokensPerStep: 2, prompt: "?", ...options });
  const all = Array.from({ length: count }, () =>
    submission("describe", request, [], {
      answered: ({ text }) => void ends.texts.push(text),
      failed: (error) => void ends.errors.push(error),
    }),
  );
  return { all, need: needOf(model.model, request, []) };
}

const sourceOf = (all: readonly Submission[]) => {
  const left = [...all];
  return { take: () => left.shift() ?? ("over" as const) };
};

test("a batch is smaller rather than take more memory than there is: told once, and with the same answers", async ({
  model,
}) => {
  expectNoLeaks();
  const ends: Ends = { texts: [], errors: [] };
  const { all, need } = submissionsOf(model, 5, ends);
  const memoryBytes = bytesTogether(model.model, [need, need], NO_CACHES);
  expect(bytesTogether(model.model, [need, need, need], NO_CACHES)).toBeGreaterThan(memoryBytes);
  const told: Wording[] = [];
  const batcher = new Batcher(model.model, 4, { memoryBytes, onNarrowed: (words) => told.push(words) });
  const passes: (ForwardPass | undefined)[] = [];
  for await (const pass of batcher.run(sourceOf(all))) passes.push(pass);
  expect(Math.max(...passes.map((pass) => pass?.batch ?? 0))).toBe(2);
  expect(ends.errors).toEqual([]);
  expect(ends.texts).toHaveLength(5);
  expect(new Set(ends.texts).size).toBe(1);
  expect(told.map((words) => new UserError(words).spelled(asFlag))).toEqual([
    expect.stringMatching(/^2 of --batch 4 are decoded together.* --cache none, a model .*--quantize int8/),
  ]);
});

test("one that waits for memory can be given up", async ({ model }) => {
  expectNoLeaks();
  const ends: Ends = { texts: [], errors: [] };
  const { all, need } = submissionsOf(model, 2, ends);
  const [, second] = all;
  const batcher = new Batcher(model.model, 2, { memoryBytes: bytesTogether(model.model, [need], NO_CACHES) });
  for await (const _ of batcher.run(sourceOf(all))) if (second) batcher.cancel(second);
  expect(ends.texts).toHaveLength(1);
});

test("one that fits without its cache only is told so; one that fits in no way, what would help", async ({ model }) => {
  expectNoLeaks();
  const ends: Ends = { texts: [], errors: [] };
  const { all, need } = submissionsOf(model, 1, ends, { cache: "refresh" });
  expect(need.cacheBytes).toBeGreaterThan(0);
  const without = bytesTogether(model.model, [need], NO_CACHES);
  const caches = Number.POSITIVE_INFINITY;
  for (const memoryBytes of [without, without - 1])
    for await (const _ of new Batcher(model.model, 1, { memoryBytes, cacheBytes: caches }).run(sourceOf(all)));
  const [cached, plain] = ends.errors as [OptionError, OptionError];
  expect([cached.option, cached.code]).toEqual(["cache", "not_enough_memory"]);
  expect(cached.spelled(asFlag)).toMatch(/takes about .* are available\. Use --cache none \(.*--no-memory-check/);
  expect([plain.option, plain.code]).toEqual(["genLength", "not_enough_memory"]);
  expect(plain.spelled(asFlag)).toMatch(/Use fewer or smaller pictures, a shorter answer.*--quantize int8/);
  // Where caches have no room of their own it is decoded without, as always.
  for await (const _ of new Batcher(model.model, 1, { memoryBytes: without, cacheBytes: 0 }).run(sourceOf(all)));
  expect(ends.texts).toHaveLength(1);
});

test("guidance takes two sequences, the original's rules ask about all, and pictures are counted", ({ model }) => {
  const facts = (options: DescribeOptions, pictures = 0) => {
    const request = resolveDescribe(model.askable, pictures, { genLength: 8, prompt: "?", ...options });
    const picture = { kind: "picture", tiles: 5, imageSize: { width: 60, height: 60 } } as const;
    return needOf(model.model, request, Array(pictures).fill(picture));
  };
  const plain = facts({});
  expect(facts({ cfgScale: 1, cache: "refresh" })).toMatchObject({
    rows: 2 * plain.rows,
    asked: 2 * plain.asked,
    cacheBytes: 2 * facts({ cache: "refresh" }).cacheBytes,
  });
  expect(facts({ compat: true }).asked).toBeGreaterThan(plain.rows);
  expect(facts({}, 1).tiles).toBe(5);
  expect(facts({}, 1).rows).toBeGreaterThan(plain.rows);
});

test("the library refuses what the machine has no memory for, unless the model was loaded without the check", async ({
  model,
}) => {
  expectNoLeaks();
  using _ = { [Symbol.dispose]: () => void vi.restoreAllMocks() };
  vi.spyOn(process, "constrainedMemory").mockReturnValue(1); // less than the process has: nothing is left
  const asked = model.describe(fixturePath("color.jpg"), { genLength: 8 });
  await expect(asked).rejects.toThrow(OptionError);
  await expect(asked).rejects.toMatchObject({ problem: "memory" });
  expect(memoryRoom({ ...model.model, memoryCheck: false }).all).toBe(Number.POSITIVE_INFINITY);
  expect(memoryRoom({ ...model.model, device: "cuda" }).all).toBe(Number.POSITIVE_INFINITY);
});
