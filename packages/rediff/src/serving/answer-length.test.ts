/** How long an answer may be: clients send a max_tokens by habit, which a model of few positions has no room for. */
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isBuilt, pictureUrl, post, startTestServer, type TestServer } from "./testing/start.js";

const CHAT = "/v1/chat/completions";
const say = (content: unknown, extra: object = {}) => ({ messages: [{ role: "user", content }], ...extra });

interface Answer {
  choices: { finish_reason: string }[];
  usage: { prompt_tokens: number; completion_tokens: number };
  warnings?: { message: string; param: string; code: string }[];
  diffusion: { type: string; gen_length?: number; steps?: number }[];
  error: { message: string; param: string; code: string };
}

describe.skipIf(!isBuilt)("a model of 256 positions, whose answers have 16 tokens", () => {
  let started: TestServer;
  beforeAll(async () => {
    started = await startTestServer({ tiny: { maxPositions: 256 } });
  });
  afterAll(() => started[Symbol.asyncDispose]());
  const ask = async (body: object) => {
    const { status, body: answer } = await post(started.url, CHAT, { diffusion_trace: true, ...body });
    return { status, ...(answer as Answer) };
  };
  const fast = { tokens_per_step: 64 };

  test("a length that fits is decoded as it was asked for", async () => {
    const { status, warnings, usage, choices } = await ask(say("hello", { max_tokens: 100, ...fast }));
    expect([status, warnings, usage.completion_tokens, choices[0]?.finish_reason]).toEqual([
      200,
      undefined,
      100,
      "length",
    ]);
  });

  test.each([
    ["max_tokens", 250],
    ["max_tokens", 1024],
    ["max_completion_tokens", 32_768],
    ["max_tokens", Number.MAX_SAFE_INTEGER],
  ])("%s %i is cut to four usual lengths, and that is told", async (field, length) => {
    const { status, warnings, usage, choices } = await ask(say("hello", { [field]: length, ...fast }));
    expect([status, usage.completion_tokens, choices[0]?.finish_reason]).toEqual([200, 64, "length"]);
    expect(warnings).toEqual([
      {
        param: field,
        code: "length_cut",
        message: `${field} ${length} does not fit behind a prompt of ${usage.prompt_tokens} tokens; the answer's length was cut to 64`,
      },
    ]);
  });

  test("to less where there is less room; even the usual length", async () => {
    const promptOf = async (words: number) =>
      (await ask(say("why ".repeat(words), { max_tokens: 1 }))).usage.prompt_tokens;
    const [one, two] = [await promptOf(1), await promptOf(2)];
    const long = "why ".repeat(1 + Math.floor((256 - 2 - one) / (two - one)));
    for (const extra of [{ max_tokens: 1024 }, {}]) {
      const { status, usage, warnings } = await ask(say(long, extra));
      expect([status, usage.prompt_tokens + usage.completion_tokens]).toEqual([200, 256]);
      expect(usage.completion_tokens).toBeLessThan(16);
      expect(warnings?.[0]?.param).toBe("max_tokens");
    }
  });

  test.each([
    [{ steps: 256 }, { gen_length: 64, steps: 16 }],
    [{ tokens_per_step: 8 }, { gen_length: 64, steps: 8 }],
    [
      { block_length: 32, tokens_per_step: 8 },
      { gen_length: 64, steps: 8 },
    ],
    [
      { block_length: 512, steps: 64 },
      { gen_length: 64, steps: 4 },
    ],
  ])("blocks keep their length, steps their share: %j", async (extra, expected) => {
    const { diffusion } = await ask(say("hello", { max_tokens: 1024, ...extra }));
    expect(diffusion[0]).toMatchObject(expected);
  });

  test("what would not fit together if it were long enough is refused all the same", async () => {
    expect(await ask(say("hello", { max_tokens: 1024, block_length: 100 }))).toMatchObject({
      status: 400,
      error: {
        param: "block_length",
        message: expect.stringMatching(/^max_tokens 1024 is not a multiple of block_length/),
      },
    });
    expect(await ask(say("hello", { max_tokens: 1024, steps: 2000 }))).toMatchObject({
      status: 400,
      error: { param: "steps" },
    });
  });

  test("a prompt that leaves no room is too long, whatever was asked for", async () => {
    const content = [
      { type: "image_url", image_url: { url: pictureUrl() } },
      { type: "text", text: "why ".repeat(300) },
    ];
    for (const extra of [{}, { max_tokens: 4 }, { max_tokens: 4096 }]) {
      const { status, error } = await ask(say(content, extra));
      expect([status, error.code, error.param]).toEqual([400, "context_length_exceeded", "messages"]);
      expect(error.message).toMatch(
        /^the prompt has \d+ tokens with its pictures, and the model's 256 positions leave/,
      );
    }
  });

  test("a stream tells it in its last chunk with a choice, and the official client goes on", async () => {
    const client = new OpenAI({ baseURL: `${started.url}/v1`, apiKey: "any", maxRetries: 0 });
    const stream = await client.chat.completions.create({
      model: "tiny",
      messages: [{ role: "user", content: "hello" }],
      max_completion_tokens: 1024,
      stream: true,
      ...fast,
    });
    const told: unknown[] = [];
    for await (const chunk of stream) {
      const { warnings } = chunk as unknown as Answer;
      if (warnings) told.push(chunk.choices[0]?.finish_reason, warnings[0]?.code);
    }
    expect(told).toEqual(["length", "length_cut"]);
  });

  test("a text to repair and a template do not become shorter: they are refused by name", async () => {
    const image = pictureUrl();
    const long = "why ".repeat(250);
    for (const [path, body, param] of [
      ["/v1/refine", { image, draft: long }, "draft"],
      ["/v1/fill", { image, template: `${long} [[2]]` }, "template"],
    ] as const) {
      const { status, body: answer } = await post(started.url, path, body);
      expect([status, (answer as Answer).error.param, (answer as Answer).error.code]).toEqual([
        400,
        param,
        "context_length_exceeded",
      ]);
    }
  });
});

describe.skipIf(!isBuilt)("a server whose longest answer has 12 tokens", () => {
  let started: TestServer;
  beforeAll(async () => {
    started = await startTestServer({ tiny: { maxPositions: 256 }, model: { genLength: undefined, maxAnswer: 12 } });
  });
  afterAll(() => started?.[Symbol.asyncDispose]());
  const ask = async (path: string, body: object) => {
    const { status, body: answer } = await post(started.url, path, body);
    return { status, ...(answer as Answer) };
  };

  test("gives as many to who asks for more, and tells it", async () => {
    const { warnings, usage } = await ask(CHAT, say("hello", { max_tokens: 100 }));
    expect(usage.completion_tokens).toBe(12);
    const message =
      "max_tokens 100 is more than the 12 tokens of this server's longest answer; the answer's length was cut to 12";
    expect(warnings).toEqual([{ message, param: "max_tokens", code: "length_cut" }]);
  });

  test("has nothing to tell to who asks for less, or for no length", async () => {
    for (const [fields, length] of [
      [{ max_tokens: 7 }, 7],
      [{}, 12],
    ] as const) {
      const { warnings, usage } = await ask(CHAT, say("hello", fields));
      expect([warnings, usage.completion_tokens]).toEqual([undefined, length]);
    }
  });

  test("refuses a draft and a template of more, by their fields", async () => {
    const image = pictureUrl();
    const refused = await ask("/v1/refine", { image, draft: "hello ".repeat(40) });
    expect([refused.status, refused.error.param, refused.error.code]).toEqual([
      400,
      "draft",
      "context_length_exceeded",
    ]);
    expect(refused.error.message).toMatch(/^draft has \d+ tokens, and an answer of this server 12 at most\. Send/);
    const filled = await ask("/v1/fill", { template: "[[13]]" });
    expect([filled.status, filled.error.param, filled.error.code]).toEqual([
      400,
      "template",
      "context_length_exceeded",
    ]);
    expect((await ask("/v1/fill", { template: "[[12]]" })).status).toBe(200);
  });

  test("says so where it lists its models", async () => {
    const { data } = (await (await fetch(`${started.url}/v1/models`)).json()) as { data: { rediff: object }[] };
    expect(data[0]?.rediff).toMatchObject({ max_answer: 12, default_gen_length: 12 });
  });
});
