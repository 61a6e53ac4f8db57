/** Corrections against a real server: what is sent, what is kept, and that nothing is asked twice. */
import { createHash } from "node:crypto";
import { appendFileSync, existsSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { test } from "../../testing/fixtures.js";
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

const prices = { in: 1, out: 10 };

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
