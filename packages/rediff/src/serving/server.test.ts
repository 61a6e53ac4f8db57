/** The server as clients meet it: the official client, batches, clients that leave, full queues. */
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TraceEvent, TraceStep } from "../inference/trace-format.js";
import { loadModel } from "../inference/vision-language-model.js";
import { fixturePath } from "../vision/fixtures/pillow.js";
import { openApi } from "./openapi.js";
import { isBuilt, metric, pictureUrl, post, startTestServer, type TestServer, TINY, until } from "./testing/start.js";

// Processes that load libtorch, on machines that do much else.
const question = (text: string, ...urls: string[]) => [
  {
    role: "user" as const,
    content: [
      ...urls.map((url) => ({ type: "image_url" as const, image_url: { url } })),
      { type: "text" as const, text },
    ],
  },
];
interface Answer {
  choices: { message: { content: string } }[];
}

describe.skipIf(!isBuilt)(`the server${isBuilt ? "" : " (SKIPPED: run npx tsc -b first)"}`, () => {
  let started: TestServer;
  let client: OpenAI;
  let tensors: number;
  beforeAll(async () => {
    started = await startTestServer();
    client = new OpenAI({ baseURL: `${started.url}/v1`, apiKey: "any", maxRetries: 0 });
    tensors = await metric(started.url, "rediff_live_tensors");
  });
  afterAll(async () => {
    await until(() => started.server.engine.running === 0);
    await until(async () => (await metric(started.url, "rediff_live_tensors")) === tensors);
    expect(await metric(started.url, "rediff_forgotten_tensors")).toBe(0);
    await started[Symbol.asyncDispose]();
  });

  test("the official client: an answer, its usage, the same again", async () => {
    const ask = () =>
      client.chat.completions.create({ model: TINY, messages: question("What is it?", pictureUrl()), max_tokens: 12 });
    const answer = await ask();
    expect(answer.choices[0]?.message.content).toMatch(/\S/);
    expect(answer.choices[0]?.finish_reason).toBe("length");
    expect(answer.usage?.completion_tokens).toBe(12);
    expect(answer.usage!.prompt_tokens).toBeGreaterThan(50);
    expect((await ask()).choices[0]?.message.content).toBe(answer.choices[0]?.message.content);
  });

  test("a second question about a picture does not encode it again, and is answered as the first time", async () => {
    const counted = async () => {
      const text = await (await fetch(`${started.url}/metrics`)).text();
      return ["kept", "encoded"].map((from) =>
        Number(new RegExp(`^rediff_pictures_total\\{features="${from}"\\} (\\d+)`, "m").exec(text)?.[1]),
      );
    };
    const ask = async () => {
      const messages = question("Whose is it?", pictureUrl());
      const answer = await client.chat.completions.create({ model: TINY, messages, max_tokens: 8 });
      return answer.choices[0]?.message.content;
    };
    const first = await ask();
    await until(async () => (await counted())[1] === 1);
    const [kept] = await counted();
    expect(await ask()).toBe(first);
    await until(async () => (await counted())[0] === (kept as number) + 1);
    expect(await counted()).toEqual([(kept as number) + 1, 1]);
    expect(await metric(started.url, "rediff_kept_pictures")).toBe(1);
    expect(await metric(started.url, "rediff_kept_picture_bytes")).toBeGreaterThan(0);
  });

  test.each([false, true])("streaming: the pieces join to the whole answer; revise %s", async (revise) => {
    const extra = { revise, block_length: 8, tokens_per_step: 2 };
    const request = { model: TINY, messages: question("What is it?", pictureUrl()), max_tokens: 32, ...extra };
    const whole = await client.chat.completions.create(request);
    const stream = await client.chat.completions.create({
      ...request,
      stream: true,
      stream_options: { include_usage: true },
    });
    const pieces: string[] = [];
    const reasons: unknown[] = [];
    let usage: unknown;
    for await (const chunk of stream) {
      const [choice] = chunk.choices;
      if (choice?.delta.content) pieces.push(choice.delta.content);
      if (choice?.finish_reason) reasons.push(choice.finish_reason);
      if (chunk.usage) usage = chunk.usage;
    }
    expect(pieces.join("")).toBe(whole.choices[0]?.message.content);
    expect(pieces.length).toBeGreaterThan(1);
    expect(reasons).toEqual(["length"]);
    expect(usage).toEqual(whole.usage);
  });

  test("a trace: each step's tokens join to the text, revisions included", async () => {
    type Diffusion = { type: string; changes: { position: number; token: string; kind: string }[]; text: string };
    const request = { messages: question("?", pictureUrl()), max_tokens: 16, revise: true, diffusion_trace: true };
    const { body } = await post(started.url, "/v1/chat/completions", request);
    const { diffusion } = body as { diffusion: Diffusion[] };
    expect(diffusion.map(({ type }) => type)).toEqual(["start", ...Array(16).fill("step"), "end"]);
    const tokens: string[] = [];
    for (const { changes } of diffusion.filter(({ type }) => type === "step"))
      for (const { position, token } of changes) tokens[position] = token;
    expect(tokens.join("")).toBe(diffusion.at(-1)?.text);
    expect(diffusion.some(({ changes }) => changes?.some(({ kind }) => kind === "revise"))).toBe(true);

    const stream = await client.chat.completions.create({ model: TINY, ...request, stream: true });
    const streamed: Diffusion[] = [];
    for await (const chunk of stream) {
      if (!("diffusion" in chunk)) continue;
      expect(chunk.choices).toEqual([]);
      streamed.push(chunk.diffusion as Diffusion);
    }
    const timeless = (list: Diffusion[]) => list.map((each) => ({ ...each, seconds: 0 }));
    expect(timeless(streamed)).toEqual(timeless(diffusion));
  });

  test("a stop text ends the answer before it, streaming or not", async () => {
    const request = { messages: question("What is it?", pictureUrl()), max_tokens: 24 };
    const full = ((await post(started.url, "/v1/chat/completions", request)).body as Answer).choices[0]!.message
      .content;
    const stop = full.slice(9, 12);
    const expected = full.slice(0, full.indexOf(stop));
    const stopped = await client.chat.completions.create({ model: TINY, ...request, stop });
    expect(stopped.choices[0]).toMatchObject({ message: { content: expected }, finish_reason: "stop" });
    let text = "";
    for await (const chunk of await client.chat.completions.create({
      model: TINY,
      ...request,
      stop: [stop],
      stream: true,
    }))
      text += chunk.choices[0]?.delta.content ?? "";
    expect(text).toBe(expected);
  });

  test("a rule and its numbers are in the trace's request, and every pass is counted", async () => {
    const rules = { rule: "joint", threshold: 0.1, edit_threshold: 0, post_edit_steps: 2 };
    const request = { messages: question("?", pictureUrl()), max_tokens: 8, diffusion_trace: true, ...rules };
    const { body } = await post(started.url, "/v1/chat/completions", request);
    const { diffusion } = body as { diffusion: Partial<TraceStep>[] };
    expect(diffusion[1]?.request).toMatchObject({ ...rules, revise: true });
    const taken = diffusion.filter(({ type }) => type === "step").length;
    expect(diffusion.at(-1)).toMatchObject({ type: "end", steps: taken });
  });

  test("steps of a trace have all ids, and the first one the request with nothing left open", async () => {
    const request = { messages: question("?", pictureUrl()), max_tokens: 8, tokens_per_step: 4, diffusion_trace: true };
    const { body } = await post(started.url, "/v1/chat/completions", request);
    const [, first, second] = (body as { diffusion: Partial<TraceStep>[] }).diffusion;
    expect(Object.keys(first!)).toEqual(
      "type step block tokens confidence filled revised changes seconds request".split(" "),
    );
    expect(first).toMatchObject({ tokens: { length: 8 }, filled: { length: 4 } });
    expect(first?.request).toMatchObject({ kind: "describe", gen_length: 8, steps: 2, image_join: "legacy", seed: 42 });
    expect(first?.request).not.toHaveProperty("rule");
    expect(second).not.toHaveProperty("request");
    const { properties } = openApi().components.schemas.TraceStep;
    expect(Object.keys(properties)).toEqual([...Object.keys(first!), "given"]);
  });

  test.each([
    ["/v1/refine", { draft: "A cat, on a\n mat.", rounds: 2 }],
    ["/v1/fill", { template: "A [[2]] is at the [[3]].", tokens_per_step: 2 }],
  ])(
    "%s is told step by step: what is given, what each pass wrote, and the answer at the end",
    async (path, fields) => {
      const request = { image: pictureUrl(), ...fields, diffusion_trace: true };
      const {
        seconds: _,
        diffusion,
        ...whole
      } = (await post(started.url, path, request)).body as {
        seconds: number;
        diffusion: TraceEvent[];
      };
      const headers = { "content-type": "application/json" };
      const body = JSON.stringify({ ...request, stream: true });
      const response = await fetch(`${started.url}${path}`, { method: "POST", headers, body });
      expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
      const events = (await response.text())
        .split("\n\n")
        .filter((event) => event.startsWith("data: {"))
        .map((event) => JSON.parse(event.slice(6)) as { diffusion?: TraceEvent; result?: { text: string } });
      expect(events.at(-1)?.result).toMatchObject(whole);
      const told = events.slice(0, -1).map((event) => event.diffusion);
      expect(told.map((event) => event?.type)).toEqual(diffusion.map(({ type }) => type));
      const [start, first] = told;
      if (start?.type !== "start" || first?.type !== "step") return expect.fail("no start, or no step");
      expect(first.given).toEqual(start.given);
      const tokens = start.given?.map(({ token }) => token).join("");
      if (path === "/v1/refine") expect(tokens).toBe("A cat, on a\n mat.");
      else expect(start.given!.length).toBeLessThan(start.gen_length);
      // What is wrong is told with its status, not in a stream.
      const wrong = await post(started.url, path, { ...request, stream: true, image: "x" });
      expect([wrong.status, (wrong.body as { error: { param: string } }).error.param]).toEqual([400, "image"]);
    },
  );

  test("answers do not depend on who is decoded beside them", async () => {
    const requests = [
      { messages: question("What is it?", pictureUrl()), max_tokens: 24 },
      { messages: question("Which colours?", pictureUrl("rgba.png", "image/png")), max_tokens: 16, revise: true },
      { messages: question("No picture."), max_tokens: 40, steps: 10 },
      { messages: question("By chance", pictureUrl()), temperature: 1, seed: 7, max_tokens: 20 },
      { messages: question("Two", pictureUrl(), pictureUrl("grey.jpg")), block_length: 8, remasking: "random" },
      { messages: question("Guided", pictureUrl()), cfg_scale: 1.5 },
    ];
    const textOf = ({ body }: Awaited<ReturnType<typeof post>>) => (body as Answer).choices[0]?.message.content;
    const ask = (request: object) => post(started.url, "/v1/chat/completions", request).then(textOf);
    const alone: unknown[] = [];
    for (const request of requests) alone.push(await ask(request));
    expect(await Promise.all([...requests, ...requests].map(ask))).toEqual([...alone, ...alone]);
  });

  test("several turns, a system message, messages that came back from the client's objects", async () => {
    const [user] = question("What is it?", pictureUrl());
    const first = await client.chat.completions.create({ model: TINY, messages: [user!], max_tokens: 8 });
    const turns = [user!, first.choices[0]!.message, { role: "user" as const, content: "Sure?" }];
    const ask = (messages: OpenAI.ChatCompletionMessageParam[]) =>
      client.chat.completions.create({ model: TINY, messages, max_tokens: 8 });
    const second = await ask(turns);
    expect(second.choices[0]?.message.content).toMatch(/\S/);
    expect(second.usage!.prompt_tokens).toBeGreaterThan(first.usage!.prompt_tokens);
    // The usual system message is longer.
    const brief = await ask([{ role: "developer", content: "Be brief." }, ...turns]);
    expect(brief.usage!.prompt_tokens).toBeLessThan(second.usage!.prompt_tokens);
  });

  test("refine and fill", async () => {
    const draft = "the cat is on the mat";
    const refined = (await post(started.url, "/v1/refine", { image: pictureUrl(), draft, rounds: 2 })).body as {
      text: string;
      edits: { start: number; end: number; from: string; to: string }[];
    };
    for (const { start, end, from } of refined.edits) expect(draft.slice(start, end)).toBe(from);
    expect(refined.edits.length).toBeGreaterThan(0);

    const filled = (await post(started.url, "/v1/fill", { image: pictureUrl(), template: "A [[2]] is at the [[3]]." }))
      .body as { text: string; blanks: { start: number; end: number; text: string }[] };
    expect(filled.text).toMatch(/^A .+ is at the .+\.$/);
    for (const { start, end, text } of filled.blanks) expect(filled.text.slice(start, end)).toBe(text);
  });

  test("a client that leaves frees its place", async () => {
    const controller = new AbortController();
    const long = { messages: question("Long"), max_tokens: 2000, stream: true };
    const response = await fetch(`${started.url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(long),
      signal: controller.signal,
    });
    await response.body!.getReader().read();
    expect(started.server.engine.running).toBe(1);
    controller.abort();
    await until(() => started.server.engine.running === 0);
    const silent = new AbortController();
    const waiting = post(started.url, "/v1/chat/completions", { ...long, stream: false }, { signal: silent.signal });
    await until(() => started.server.engine.running === 1);
    silent.abort();
    await expect(waiting).rejects.toThrow();
    await until(() => started.server.engine.running === 0);
  });

  test("mistakes reach the client as the client's own errors", async () => {
    const ask = (request: object) =>
      client.chat.completions
        .create({ model: TINY, messages: question("?"), ...request })
        .catch((error: unknown) => error);
    const wrong = await ask({ n: 2 });
    expect(wrong).toBeInstanceOf(OpenAI.BadRequestError);
    expect(wrong).toMatchObject({ status: 400, param: "n", code: "unsupported_parameter" });
    expect(await ask({ model: "other" })).toBeInstanceOf(OpenAI.NotFoundError);
    expect(await ask({ max_tokens: 16, block_length: 5 })).toMatchObject({ status: 400 });
    expect(await ask({ messages: question("?", "data:image/png;base64,AAAA") })).toMatchObject({
      status: 400,
      param: "messages[0].content[0].image_url.url",
      code: "invalid_image",
    });
    // Before anything was sent, a stream fails with a status, too.
    expect(await ask({ stream: true, messages: question("?", "data:image/png;base64,AAAA") })).toMatchObject({
      status: 400,
    });
    expect(await ask({ messages: [{ role: "user", content: "x".repeat(40_000) }] })).toMatchObject({
      status: 400,
      code: "context_length_exceeded",
    });
  });

  test("the models, and what is not there", async () => {
    const { data } = await client.models.list();
    expect(data).toHaveLength(1);
    expect(data[0]).toMatchObject({ id: TINY, rediff: { image_size: 28, max_length: 4096, default_gen_length: 16 } });
    expect((await client.models.retrieve(TINY)).id).toBe(TINY);
    await expect(client.models.retrieve("none")).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    const { status, body } = await post(started.url, "/v1/embeddings", {});
    expect(status).toBe(404);
    expect(body).toMatchObject({
      error: { message: expect.stringMatching(/there is no POST \/v1\/embeddings; there are \/v1\/chat/) },
    });
    const wrongMethod = await fetch(`${started.url}/v1/chat/completions`);
    expect([wrongMethod.status, wrongMethod.headers.get("allow")]).toEqual([405, "POST"]);
    const form = await post(started.url, "/v1/refine", "a=b", { headers: { "content-type": "text/plain" } });
    expect(form.status).toBe(415);
    expect(await (await fetch(`${started.url}/ready`)).json()).toEqual({ status: "ready", model: TINY });
    expect(await (await fetch(`${started.url}/health`)).json()).toEqual({ status: "ok" });
  });
});

test.skipIf(!isBuilt).for([
  ["a model that says nothing of itself", {}, 128, "legacy"],
  ["one of the scene world", { world: "scenes" }, 48, "correct"],
  ["one that knows better", { gen_length: 20, image_join: "correct" }, 20, "correct"],
] as const)("what a request leaves out is what the library takes: %s", async ([, rediff, length, join]) => {
  await using started = await startTestServer({ tiny: { config: { rediff } }, model: { genLength: undefined } });
  const { body: listed } = await post(started.url, "/v1/models", undefined, { method: "GET", body: null });
  expect((listed as { data: unknown[] }).data).toMatchObject([
    { rediff: { default_gen_length: length, image_join: join } },
  ]);
  const request = { messages: question("What is it?", pictureUrl()), diffusion_trace: true, tokens_per_step: 4 };
  const { body } = await post(started.url, "/v1/chat/completions", request);
  const { choices, diffusion } = body as Answer & { diffusion: TraceEvent[] };
  expect(diffusion[0]).toMatchObject({ type: "start", gen_length: length, steps: length / 4 });

  using model = await loadModel(started.folder);
  const steps: TraceStep[] = [];
  const { text } = await model.describe(fixturePath("color.jpg"), {
    prompt: "What is it?",
    tokensPerStep: 4,
    maxPixels: 1_000_000,
    onTrace: (step) => steps.push(step),
  });
  expect(choices[0]?.message.content).toBe(text);
  const timeless = (list: readonly TraceEvent[]) => list.map((each) => ({ ...each, seconds: 0 }));
  expect(timeless(diffusion.slice(1, -1))).toEqual(timeless(steps));
});

test.skipIf(!isBuilt)("a picture is seen upright, or as it is stored where the request says so", async () => {
  await using started = await startTestServer();
  using model = await loadModel(started.folder);
  const seen: unknown[] = [];
  for (const asStored of [false, true]) {
    const request = {
      messages: question("What is it?", pictureUrl("exif6.jpg")),
      max_tokens: 8,
      diffusion_trace: true,
      ...(asStored && { as_stored: true }),
    };
    const { body } = await post(started.url, "/v1/chat/completions", request);
    const [first] = (body as { diffusion: TraceEvent[] }).diffusion.filter((event) => event.type === "step");
    expect(first?.request).toMatchObject({ auto_orient: !asStored });
    const steps: TraceStep[] = [];
    const options = { prompt: "What is it?", genLength: 8, asStored, onTrace: (step: TraceStep) => steps.push(step) };
    await model.describe(fixturePath("exif6.jpg"), options);
    expect(first?.confidence).toEqual(steps[0]?.confidence);
    seen.push(first?.confidence);
  }
  expect(seen[0]).not.toEqual(seen[1]);
});

test.skipIf(!isBuilt)("a stop text of the server's ends what it ends in the library", async () => {
  await using started = await startTestServer();
  using model = await loadModel(started.folder);
  const asked = { prompt: "What is it?", genLength: 24 };
  const whole = await model.describe(fixturePath("color.jpg"), asked);
  const stop = whole.text.slice(5, 8);
  const { text, tokenIds } = await model.describe(fixturePath("color.jpg"), { ...asked, stop: [stop] });
  const request = { messages: question("What is it?", pictureUrl()), max_tokens: 24, stop };
  const { body } = await post(started.url, "/v1/chat/completions", request);
  const { choices, usage } = body as Answer & { usage: { completion_tokens: number } };
  expect(choices).toMatchObject([{ message: { content: text }, finish_reason: "stop" }]);
  expect(usage.completion_tokens).toBe(tokenIds.length);
});
