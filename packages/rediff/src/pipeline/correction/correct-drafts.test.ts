/** Corrections against a real server: what is sent, what is kept, and that nothing is asked twice. */
import { createHash } from "node:crypto";
import { appendFileSync, existsSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { test } from "../../testing/fixtures.js";
import { folderOfTest } from "../../testing/folders.js";
import { readExpertPrompt } from "../expert/expert-prompt.js";
import { correctDrafts } from "./correct-drafts.js";
import { Selection } from "./select-records.js";
import { chunkTokenizer } from "./testing/chunk-tokenizer.js";
import { expert, linesOf, manyDrafts, quick, writeDrafts } from "./testing/drafts.js";
import type { Behaviour } from "./testing/fake-expert.js";

const sha256 = (text: string | Buffer) => createHash("sha256").update(text).digest("hex");

test("a request is the original's: prompt, picture as a data URL, text; the answer comes with its provenance", async ({
  folder,
}) => {
  const reply = '[{"org": "cat", "target": "dog"}]';
  const fake = await expert(() => ({ reply, headers: { "x-request-id": "req-7" } }));
  const drafted = { record: 3, model: "ReDiff", revise: true };
  const draft = {
    id: "a",
    img: "grey.jpg",
    ques: "<image>\nWhat is it? ",
    ans: "A dog.",
    pred: "A cat sat.",
    drafted: undefined,
  };
  const options = quick(folder, fake, [{ ...draft, made_with: drafted }]);
  const report = await correctDrafts({
    ...options,
    apiKey: "sk-0123456789",
    temperature: 0.5,
    extraBody: { reasoning_effort: "low" },
  });

  const [call] = fake.calls;
  expect(fake.calls).toHaveLength(1);
  expect(call?.path).toBe("/v1/chat/completions");
  expect(call?.headers).toMatchObject({ authorization: "Bearer sk-0123456789", "content-type": "application/json" });
  const { messages: _messages, ...fields } = call?.body ?? {};
  expect(fields).toEqual({ model: "o4-mini", max_completion_tokens: 8000, temperature: 0.5, reasoning_effort: "low" });
  const prompt = await readExpertPrompt();
  expect(call?.system).toBe(prompt);
  expect(call?.text).toBe("Question: What is it?\nAnswer: A dog.\nPrediction: A cat sat.");
  const picture = readFileSync(join(options.imageFolder ?? "", "grey.jpg"));
  expect(call?.picture).toBe(`data:image/jpeg;base64,${picture.toString("base64")}`);

  const [line] = linesOf(options.output);
  expect(line).toEqual({
    key: expect.stringMatching(/^[0-9a-f]{64}$/),
    id: "a",
    img: "grey.jpg",
    ques: draft.ques,
    ans: "A dog.",
    pred: "A cat sat.",
    made_with: drafted,
    revise: reply,
    expert: {
      model: "o4-mini",
      answered_by: "fake-2026",
      host: new URL(fake.url).host,
      prompt_sha256: sha256(prompt),
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      request_id: "req-7",
      finish_reason: "stop",
      usage: { prompt_tokens: 1000, completion_tokens: 100 },
      seconds: expect.any(Number),
    },
  });
  expect(report).toMatchObject({ drafts: 1, requests: 1, failed: {}, stopped: null, unconfirmed_cost: null });
  expect(report.run).toMatchObject({ answers: 1, corrected: 1, cost: null });
  expect(existsSync(join(folder, "out.jsonl.lock"))).toBe(false);

  const selection = new Selection(chunkTokenizer());
  const source = { value: line ?? {}, index: 0, file: options.output, where: async () => "" };
  expect(await selection.take(source)).toMatchObject({
    id: "a",
    image: "grey.jpg",
    revise: [{ org: "cat", target: "dog" }],
  });
});

test("pictures have the type of their bytes; what chat APIs do not take becomes PNG", async ({ folder }) => {
  const fake = await expert();
  const types = {
    "color.jpg": "jpeg",
    "rgba.png": "png",
    "alpha.webp": "webp",
    "small_frame.gif": "gif",
    "animated.gif": "png",
    "color.tif": "png",
  };
  const drafts = Object.keys(types).map((img) => ({ img, ques: "", pred: img }));
  const options = quick(folder, fake, drafts);
  await correctDrafts(options);
  const sent = fake.calls.map(({ prediction, picture }) => [
    prediction,
    /^data:image\/(\w+);base64,/.exec(picture)?.[1],
  ]);
  expect(Object.fromEntries(sent)).toEqual(types);
  for (const { picture, text } of fake.calls) {
    const bytes = Buffer.from(picture.slice(picture.indexOf(",") + 1), "base64");
    if (picture.startsWith("data:image/png")) expect(bytes.subarray(1, 4).toString()).toBe("PNG");
    expect(text).not.toContain("Answer:");
  }
});

test("run again it asks for nothing; what is new is asked", async ({ folder }) => {
  const fake = await expert();
  const options = quick(folder, fake, manyDrafts(5));
  await correctDrafts({ ...options, limit: 3 });
  expect(fake.calls).toHaveLength(3);
  const again = await correctDrafts({ ...options, limit: 3 });
  expect(fake.calls).toHaveLength(3);
  expect(again).toMatchObject({
    drafts: 3,
    answered_before: 3,
    requests: 0,
    not_asked: 0,
    run: { answers: 0 },
    total: { answers: 3 },
  });
  await correctDrafts(options);
  expect(fake.calls.map(({ prediction }) => prediction).sort()).toEqual(["d0", "d1", "d2", "d3", "d4"]);
  // Another expert, another prompt, another question: other drafts. Another name or answer: the same.
  await correctDrafts({ ...options, modelName: "gpt" });
  writeFileSync(join(folder, "mine.txt"), "Be strict.");
  await correctDrafts({ ...options, promptFile: join(folder, "mine.txt") });
  expect(fake.calls.at(-1)?.system).toBe("Be strict.");
  expect(fake.calls).toHaveLength(15);
  const [first] = manyDrafts(1);
  await correctDrafts(
    quick(folder, fake, [
      { ...first, id: "other", ans: "No." },
      { ...first, ques: "<image>\nWho?" },
    ]),
  );
  expect(fake.calls).toHaveLength(16);
  expect(linesOf(options.output)).toHaveLength(16);
});

test("drafts that come several times are asked once, also the same picture under another name; empty ones not at all", async ({
  folder,
}) => {
  const fake = await expert(() => ({ delayMs: 20 }));
  const [draft = {}] = manyDrafts(1);
  const copy = join(folder, "copy.jpg");
  const options = quick(folder, fake, []);
  writeFileSync(copy, readFileSync(join(options.imageFolder ?? "", "color.jpg")));
  const drafts = [draft, draft, { ...draft, id: 9 }, { ...draft, img: copy }, { ...draft, pred: " " }];
  const other = writeDrafts(folder, [draft], "other.jsonl");
  const report = await correctDrafts({ ...options, drafts: [writeDrafts(folder, drafts), other] });
  expect(fake.calls).toHaveLength(1);
  expect(report).toMatchObject({ drafts: 6, duplicates: 4, empty: 1, requests: 1, run: { answers: 1 } });
});

test("the original's list is read, and an answer that is in it makes room for the new one", async ({ folder }) => {
  const fake = await expert(() => ({ reply: "right" }));
  const options = quick(folder, fake, []);
  writeFileSync(
    join(folder, "o4.json"),
    JSON.stringify(
      manyDrafts(2).map((draft) => ({ ...draft, revise: "old" })),
      null,
      4,
    ),
  );
  await correctDrafts({ ...options, drafts: join(folder, "o4.json") });
  expect(linesOf(options.output).map(({ revise }) => revise)).toEqual(["right", "right"]);
});

const choice = (finish_reason: string, message: object) => ({ choice: { index: 0, message, finish_reason } });

test("answers that cannot be used were paid for: they are kept, counted by kind, and asked again only when told", async ({
  folder,
}) => {
  const replies: Record<string, Behaviour> = {
    d0: { reply: "right" },
    d1: { reply: "[]" },
    d2: { reply: '```json\n[{"org":"a","target":"b"}]\n```' },
    d3: choice("length", { content: '[{"org": "a", ' }),
    d4: choice("content_filter", { content: null }),
    d5: choice("stop", { content: null, refusal: "I cannot help with that." }),
    d6: { reply: "Looks good to me!" },
    d7: { reply: '{"a": 1}' },
    d8: { reply: "" },
    d9: { reply: '["a"]' },
    d10: choice("stop", {
      content: [
        { type: "text", text: "ri" },
        { type: "text", text: "ght" },
      ],
    }),
  };
  const fake = await expert(({ prediction }) => replies[prediction]);
  const options = quick(folder, fake, manyDrafts(11));
  const report = await correctDrafts(options);
  expect(report.run).toMatchObject({
    answers: 11,
    right: 3,
    corrected: 1,
    unusable: { cut_off: 1, content_filter: 1, refusal: 1, not_json: 1, not_a_list: 1, no_reply: 1, malformed: 1 },
  });
  const kept = Object.fromEntries(
    linesOf(options.output).map(({ pred, revise, expert }) => [pred, { revise, expert }]),
  );
  expect(kept.d3).toMatchObject({ revise: '[{"org": "a", ', expert: { finish_reason: "length" } });
  expect(kept.d5).toMatchObject({ revise: null, expert: { refusal: "I cannot help with that." } });
  expect((await correctDrafts(options)).requests).toBe(0);
  fake.behave = ({ prediction }) => (prediction === "d3" ? { reply: "still no list" } : undefined);
  expect(await correctDrafts({ ...options, askAgain: true })).toMatchObject({ requests: 7, answered_before: 4 });
  expect(await correctDrafts({ ...options, askAgain: true })).toMatchObject({ requests: 1, answered_before: 10 });
});

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

test("half a line goes, a line without its end stays, anything else is not ours", async ({ folder }) => {
  const fake = await expert();
  const options = quick(folder, fake, manyDrafts(3));
  await correctDrafts(options);
  const text = readFileSync(options.output, "utf8");
  truncateSync(options.output, text.length - 30);
  expect(await correctDrafts(options)).toMatchObject({ requests: 1, total: { answers: 3 } });
  truncateSync(options.output, readFileSync(options.output).length - 1);
  expect(await correctDrafts(options)).toMatchObject({ requests: 0, total: { answers: 3 } });
  expect(linesOf(options.output)).toHaveLength(3);
  appendFileSync(options.output, '{"id": 1}\n');
  await expect(correctDrafts(options)).rejects.toThrow(/out\.jsonl: line 4 is no expert's answer/);
  const others = join(folder, "others.jsonl");
  writeFileSync(others, "my notes\n");
  await expect(correctDrafts({ ...options, output: others })).rejects.toThrow(/line 1 is no/);
  expect(readFileSync(others, "utf8")).toBe("my notes\n");
});

test("a second run on the same file is refused while the first goes on", async ({ folder }) => {
  const fake = await expert(() => ({ delayMs: 200 }));
  const options = quick(folder, fake, manyDrafts(2));
  const first = correctDrafts(options);
  while (fake.calls.length === 0) await new Promise((later) => setTimeout(later, 5));
  await expect(correctDrafts(options)).rejects.toThrow(/another process is writing .*out\.jsonl/);
  expect((await first).run.answers).toBe(2);
  expect(fake.calls).toHaveLength(2);
});

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

test("wrong drafts and options are told before anything is sent", async ({ folder }) => {
  const fake = await expert();
  const options = quick(folder, fake, [{ img: "color.jpg", ques: "" }]);
  await expect(correctDrafts(options)).rejects.toThrow(/drafts\.jsonl:1: pred: /);
  const good = quick(folder, fake, manyDrafts(1));
  const wrong: [Partial<typeof good>, RegExp][] = [
    [{ output: join(folder, "out.json") }, /answers are appended as JSON lines/],
    [{ budget: 1 }, /needs the prices/],
    [{ budget: 1, prices, extraBody: { max_completion_tokens: null } }, /needs a bound/],
    [{ drafts: join(folder, "none.jsonl") }, /no such file/],
    [{ drafts: join(folder, "drafts.jsonl"), output: join(folder, "drafts.jsonl") }, /is read and cannot be written/],
    [{ baseUrl: "localhost:8000" }, /expected http/],
    [{ baseUrl: "http://me:secret@localhost/v1" }, /^(?!.*secret)/],
    [{ extraBody: { messages: [] } }, /sets "messages"/],
    [{ apiKey: "two\nlines" }, /^(?!.*two)/],
    [{ promptFile: join(folder, "none.txt") }, /no such file/],
    [{ concurrency: 0 }, /concurrency is 0/],
  ];
  for (const [change, message] of wrong) await expect(correctDrafts({ ...good, ...change })).rejects.toThrow(message);
  expect(fake.calls).toEqual([]);
  expect(linesOf(good.output)).toEqual([]);
});
