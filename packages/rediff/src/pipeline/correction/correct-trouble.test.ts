import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { test } from "../../testing/fixtures.js";
import { folderOfTest } from "../../testing/folders.js";
import { correctDrafts } from "./correct-drafts.js";
import { expert, linesOf, manyDrafts, quick, writeDrafts } from "./testing/drafts.js";
import type { Behaviour } from "./testing/fake-expert.js";

test.each<[string, Behaviour]>([
  ["429", { status: 429, body: { error: { message: "slow down", type: "rate_limit" } } }],
  ["500", { status: 500, body: "oops" }],
  ["503", { status: 503, body: "" }],
  ["no JSON", { body: "<html>login</html>" }],
  ["half of JSON", { body: '{"choices": [{"mess' }],
  ["no body", { body: "" }],
  ["another schema", { body: { text: "right" } }],
  ["no choices", { body: { choices: [], usage: { prompt_tokens: 1, completion_tokens: 1 } } }],
  ["an error in place of an answer", { body: { error: { message: "upstream", code: 502 } } }],
  ["no content at all", { body: { choices: [{ finish_reason: "stop" }] } }],
  ["a provider that failed", { choice: { message: { content: "ri" }, finish_reason: "error" } }],
  ["a cut before the header", { cutAfter: 0 }],
  ["a cut in the body", { cutAfter: 30 }],
  ["silence", { hang: true }],
])("after %s it tries again", async (_name, trouble) => {
  const folder = folderOfTest();
  const fake = await expert(({ nth }) => (nth <= 2 ? trouble : undefined));
  const report = await correctDrafts({ ...quick(folder, fake, manyDrafts(2)), timeoutMs: trouble.hang ? 100 : 5000 });
  expect(report).toMatchObject({ requests: 6, failed: {}, run: { answers: 2, right: 2 } });
  expect(fake.calls.map(({ nth }) => nth).sort()).toEqual([1, 1, 2, 2, 3, 3]);
});

test("patience ends: the draft is listed with the reason, the others go on, and the next run tries it again", async ({
  folder,
}) => {
  const fake = await expert(({ prediction }) => {
    if (prediction === "d1") return { status: 500, body: { error: { message: "no\nGPU left" } } };
    return prediction === "d2"
      ? { status: 400, body: { error: { message: "bad", code: "invalid_image_format" } } }
      : undefined;
  });
  const drafts = [
    ...manyDrafts(4),
    { img: "none.jpg", ques: "", pred: "x" },
    { img: "pillow.json", ques: "", pred: "y" },
  ];
  const options = quick(folder, fake, drafts);
  const report = await correctDrafts({ ...options, retries: 2 });
  expect(report).toMatchObject({ failed: { no_answer: 1, rejected: 1, picture: 2 }, requests: 6, run: { answers: 2 } });
  const failed = linesOf(join(folder, "out.failed.jsonl")).sort((a, b) => Number(a.index) - Number(b.index));
  expect(failed).toMatchObject([
    {
      id: 1,
      img: "color.jpg",
      index: 1,
      reason: "no_answer",
      requests: 3,
      message: "HTTP 500, trouble at the server: no GPU left",
    },
    { id: 2, reason: "rejected", requests: 1, message: "HTTP 400: bad" },
    { index: 4, reason: "picture", message: expect.stringMatching(/none\.jpg: no such file/) },
    { index: 5, reason: "picture", message: expect.stringMatching(/pillow\.json: is text, expected JPEG/) },
  ]);
  fake.behave = () => undefined;
  writeDrafts(folder, manyDrafts(4));
  expect(await correctDrafts(options)).toMatchObject({ answered_before: 2, requests: 2, failed: {} });
  expect(existsSync(join(folder, "out.failed.jsonl"))).toBe(false);
});

test.each<[number, unknown, RegExp]>([
  [
    401,
    { error: { message: "Incorrect API key: sk-0123456789" } },
    /refuses the key in MY_KEY \(HTTP 401\): Incorrect API key: \[key\]\. Check/,
  ],
  [403, { error: { message: "no access" } }, /forbids this request \(HTTP 403\): no access\. Check/],
  [
    404,
    { error: { message: "no such model" } },
    /has no model o4-mini, or nothing at \/v1\/chat\/completions \(HTTP 404\): no such model\. Check/,
  ],
  [
    400,
    { error: { message: "max_completion_tokens?" } },
    /rejects the request: HTTP 400: max_completion_tokens\?\. Check .*drafts\.jsonl:\d/,
  ],
  [402, { error: "pay" }, /asks for money \(HTTP 402\): pay/],
  [429, { error: { message: "quota", code: "insufficient_quota" } }, /asks for money \(HTTP 429\): quota/],
  [302, "", /sends requests elsewhere \(HTTP 302, http:\/\/elsewhere\.example\/\)/],
])("HTTP %i ends it at once, with one line", async (status, body, line) => {
  const folder = folderOfTest();
  const headers = { location: "http://elsewhere.example/" };
  const fake = await expert(() => ({ status, body, headers }));
  const options = {
    ...quick(folder, fake, manyDrafts(30)),
    apiKey: "sk-0123456789",
    apiKeyName: "MY_KEY",
    concurrency: 2,
  };
  const error = await correctDrafts(options).catch((error: unknown) => error);
  expect(error).toMatchObject({ name: "UserError", line: expect.stringMatching(line) });
  expect(fake.calls.length).toBeLessThanOrEqual(2);
  expect(linesOf(options.output)).toEqual([]);
});

test("without a key: OpenAI is not asked at all, a server that wants one says so", async ({ folder }) => {
  const fake = await expert(() => ({ status: 401, body: "" }));
  const options = quick(folder, fake, manyDrafts(1));
  await expect(correctDrafts({ ...options, baseUrl: undefined })).rejects.toThrow("OPENAI_API_KEY is not set");
  await expect(correctDrafts(options)).rejects.toThrow("asks for a key (HTTP 401)");
  expect(fake.calls[0]?.headers.authorization).toBeUndefined();
});

test("what is answered when the end comes is kept", async ({ folder }) => {
  const fake = await expert(({ prediction }) => ({
    delayMs: 150,
    ...(prediction === "d1" && { delayMs: 50, status: 401, body: "" }),
  }));
  const options = quick(folder, fake, manyDrafts(9));
  await expect(correctDrafts({ ...options, concurrency: 3 })).rejects.toThrow("HTTP 401");
  expect(
    linesOf(options.output)
      .map(({ pred }) => pred)
      .sort(),
  ).toEqual(["d0", "d2"]);
  expect(fake.calls).toHaveLength(3);
});

test("a 400 after answers is the draft's own fault", async ({ folder }) => {
  const fake = await expert(({ prediction }) =>
    prediction === "d2" ? { status: 400, body: { error: { message: "no" } } } : undefined,
  );
  const report = await correctDrafts({ ...quick(folder, fake, manyDrafts(4)), concurrency: 1 });
  expect(report).toMatchObject({ failed: { rejected: 1 }, run: { answers: 3 } });
});

test("an expert that is down is not asked for every draft", async ({ folder }) => {
  const fake = await expert();
  await fake.close();
  const options = { ...quick(folder, fake, manyDrafts(100)), retries: 1, concurrency: 1 };
  await expect(correctDrafts(options)).rejects.toThrow(/cannot be reached: connection refused by 127\.0\.0\.1/);
  const ill = await expert(() => ({ status: 502, body: "" }));
  await expect(correctDrafts({ ...options, baseUrl: ill.url })).rejects.toThrow(/did not answer 20 drafts in a row/);
  expect(ill.calls).toHaveLength(40);
});

test("Retry-After holds for all requests; a wait of hours ends the run", async ({ folder }) => {
  let refusedAt = 0;
  const fake = await expert(({ at }) => {
    if (refusedAt > 0) return undefined;
    refusedAt = at;
    return { status: 429, headers: { "retry-after": "1" }, body: "" };
  });
  const options = { ...quick(folder, fake, manyDrafts(12)), concurrency: 2 };
  expect((await correctDrafts(options)).run.answers).toBe(12);
  const early = fake.calls.filter(({ at }) => at < refusedAt + 950);
  expect(early.length).toBeLessThanOrEqual(6); // those that were sent before the refusal came back
  fake.behave = () => ({ status: 429, headers: { "retry-after": "7200" }, body: "" });
  const started = performance.now();
  const asked = { ...options, modelName: "other" };
  await expect(correctDrafts(asked)).rejects.toThrow(/asks to wait for 120 minutes/);
  expect(performance.now() - started).toBeLessThan(2000);
});

test("no more requests at once than told, and no faster than the rate", async ({ folder }) => {
  const fake = await expert(() => ({ delayMs: 15 }));
  await correctDrafts({ ...quick(folder, fake, manyDrafts(20)), concurrency: 3 });
  expect(fake.mostUnderWay).toBe(3);
  fake.calls.length = 0;
  await correctDrafts({ ...quick(folder, fake, manyDrafts(9)), modelName: "b", requestsPerMinute: 60 * 20 });
  const times = fake.calls.map(({ at }) => at);
  expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThan(8 * 50 - 100);
});

// USAGE costs 0.001 + 0.001 at these prices; a request may cost 8000 * 0.00001 + prompt and picture * 0.000001.

test("the signal: nothing more is asked, answers under way are kept; giving up ends at once", async ({ folder }) => {
  const fake = await expert(({ prediction }) => ({ delayMs: prediction === "d1" ? 5000 : 150 }));
  const interrupt = new AbortController();
  const giveUp = new AbortController();
  const notes: string[] = [];
  const options = {
    ...quick(folder, fake, manyDrafts(10)),
    concurrency: 2,
    onNote: (line: string) => notes.push(line),
  };
  const run = correctDrafts({ ...options, timeoutMs: 20_000, signal: interrupt.signal, giveUp: giveUp.signal });
  while (fake.calls.length < 2) await new Promise((later) => setTimeout(later, 5));
  interrupt.abort(new Error("enough"));
  while (linesOf(options.output).length < 1 || notes.length === 0) await new Promise((later) => setTimeout(later, 5));
  giveUp.abort();
  const started = performance.now();
  await expect(run).rejects.toThrow("enough");
  expect(performance.now() - started).toBeLessThan(2000);
  expect(linesOf(options.output).map(({ pred }) => pred)).toEqual(["d0"]);
  expect(fake.calls).toHaveLength(2);
  expect(notes[0]).toMatch(/^waiting for 1 answers? under way/);
  const slow = await expert(() => ({ delayMs: 5000 }));
  const late = { ...options, baseUrl: slow.url, timeoutMs: 20_000, graceMs: 50, signal: AbortSignal.timeout(100) };
  await expect(correctDrafts(late)).rejects.toMatchObject({ name: "TimeoutError" });
});
