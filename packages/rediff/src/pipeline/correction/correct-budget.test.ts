import { expect } from "vitest";
import { test } from "../../testing/fixtures.js";
import { correctDrafts } from "./correct-drafts.js";
import { expert, linesOf, manyDrafts, quick } from "./testing/drafts.js";

const prices = { in: 1, out: 10 };

test("a budget is never exceeded, whatever runs at the same time, and counts what earlier runs spent", async ({
  folder,
}) => {
  const fake = await expert(() => ({ delayMs: 5, usage: { prompt_tokens: 4000, completion_tokens: 8000 } }));
  const options = { ...quick(folder, fake, manyDrafts(40)), prices };
  const first = await correctDrafts({ ...options, budget: 0.5 });
  expect(first).toMatchObject({ stopped: "budget", failed: {} });
  expect(first.run.answers).toBe(5); // 0.084 each
  expect(first.not_asked).toBe(35);
  expect(first.run.cost).toBeCloseTo(0.42, 8);
  expect(linesOf(options.output)[0]).toMatchObject({ expert: { cost: 0.084 } });
  const none = await correctDrafts({ ...options, budget: 0.5 });
  expect(none).toMatchObject({ stopped: "budget", requests: 0, answered_before: 5 });
  const more = await correctDrafts({ ...options, budget: 0.7 });
  expect(more.total).toMatchObject({ answers: 8 });
  expect(more.total.cost).toBeLessThanOrEqual(0.7);
});

test("the signal counts while a spent budget waits for its last answers", async ({ folder }) => {
  const fake = await expert(({ prediction }) => (prediction === "d0" ? { delayMs: 5000 } : {}));
  const end = { signal: AbortSignal.timeout(300), graceMs: 50, timeoutMs: 20_000 };
  const options = { ...quick(folder, fake, manyDrafts(3)), ...end, prices, budget: 0.171, concurrency: 2 };
  const started = performance.now();
  await expect(correctDrafts(options)).rejects.toMatchObject({ name: "TimeoutError" });
  expect(performance.now() - started).toBeLessThan(3000);
});

test("what is held back is given back: cheap answers let the run go on with a small budget", async ({ folder }) => {
  const fake = await expert();
  const report = await correctDrafts({ ...quick(folder, fake, manyDrafts(20)), prices, budget: 0.2 });
  expect(report).toMatchObject({ stopped: null, run: { answers: 20 } });
  expect(report.run.cost).toBeCloseTo(0.04, 8);
});

test("the bound of an answer's tokens is the one that is sent", async ({ folder }) => {
  const fake = await expert();
  const options = { ...quick(folder, fake, manyDrafts(1)), prices, budget: 0.02 };
  expect(await correctDrafts(options)).toMatchObject({ stopped: "budget", requests: 0 });
  const extraBody = { max_tokens: 1000, max_completion_tokens: null };
  expect(await correctDrafts({ ...options, extraBody })).toMatchObject({ stopped: null, requests: 1 });
});

test("answers that got lost may be billed: they count against the budget", async ({ folder }) => {
  const fake = await expert(() => ({ cutAfter: 20 }));
  const report = await correctDrafts({ ...quick(folder, fake, manyDrafts(1)), prices, budget: 0.2 });
  expect(report).toMatchObject({ stopped: "budget", requests: 2, not_asked: 1 });
  expect(report.unconfirmed_cost).toBeGreaterThan(2 * 0.08);
});

test("a server that tells no tokens is counted at the most it can cost", async ({ folder }) => {
  const fake = await expert(() => ({ usage: null }));
  const report = await correctDrafts({ ...quick(folder, fake, manyDrafts(1)), prices });
  expect(report.run).toMatchObject({ answers: 1, without_usage: 1, prompt_tokens: 0 });
  expect(report.run.cost).toBeGreaterThan(0.08);
});
