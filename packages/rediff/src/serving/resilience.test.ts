/** What the server does when there is too much to do, when its model dies, and when it is told to end. */
import { expect, test } from "vitest";
import { isBuilt, metric, pictureUrl, post, startTestServer, type TestServer, until } from "./testing/start.js";

// Processes that load libtorch, on machines that do much else.
const CHAT = "/v1/chat/completions";
const ask = (text: string, extra: object = {}) => ({ messages: [{ role: "user", content: text }], ...extra });
/** Thousands of steps: it will be there for as long as a test wants. */
const endless = (text = "Long") => ask(text, { max_tokens: 3500 });
interface Failure {
  error: { code: string; type: string; message: string };
}

test.skipIf(!isBuilt)(
  "a full queue answers 429 and says when to come again; what waits is decoded in turn",
  async () => {
    await using started = await startTestServer({ engine: { batch: 1, queue: 2 } });
    const { url, server } = started;
    const stop = new AbortController();
    // One is decoded and two are prepared ahead, two wait: then it is full.
    const occupants = [1, 2, 3, 4, 5].map(() =>
      post(url, CHAT, endless(), { signal: stop.signal }).catch(() => "left"),
    );
    await until(() => server.engine.running === 3 && server.engine.queued === 2);
    const refused = await post(url, CHAT, ask("me too"));
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    expect((refused.body as Failure).error).toMatchObject({ type: "rate_limit_error", code: "queue_full" });
    expect(await metric(url, "rediff_queue_length")).toBe(2);
    expect((await fetch(`${url}/health`)).status).toBe(200);
    stop.abort();
    expect(await Promise.all(occupants)).toEqual(Array(5).fill("left"));
    await until(() => server.engine.running + server.engine.queued === 0);
    expect((await post(url, CHAT, ask("now"))).status).toBe(200);
  },
);

test.skipIf(!isBuilt)("one client's many requests do not keep another from its turn", async () => {
  await using started = await startTestServer({
    engine: { batch: 1, queue: 6 },
    app: { apiKeys: ["greedy", "modest"] },
  });
  const { url, server } = started;
  const as = (key: string) => ({ headers: { "content-type": "application/json", authorization: `Bearer ${key}` } });
  const order: string[] = [];
  const send = (key: string) =>
    post(url, CHAT, ask(key, { max_tokens: 64 }), as(key)).then(({ status }) => order.push(`${key} ${status}`));
  const greedy = Array.from({ length: 9 }, () => send("greedy"));
  await until(() => server.engine.queued === 6);
  // The queue is full of one client; the other gets a place all the same, and the next turn.
  await Promise.all([...greedy, send("modest")]);
  expect(order.filter((line) => line === "greedy 429")).toHaveLength(1);
  const served = order.filter((line) => line.endsWith("200"));
  expect(served).toHaveLength(9);
  expect(served.indexOf("modest 200")).toBeLessThan(6);
});

async function crashed(started: TestServer, send: (url: string) => Promise<unknown>): Promise<unknown> {
  const { server, url } = started;
  const answer = send(url);
  await until(() => server.engine.running > 0);
  await until(async () => (await metric(url, "rediff_steps_total")) > 0);
  process.kill(server.engine.pid!, "SIGKILL");
  return answer;
}

test.skipIf(!isBuilt)("a model that dies: its request gets an error, those that wait an answer", async () => {
  await using started = await startTestServer({ engine: { batch: 1 } });
  const { url, server, log } = started;
  const waiting: Promise<{ status: number }>[] = [];
  const lost = (await crashed(started, (to) => {
    const first = post(to, CHAT, endless());
    for (const text of ["a", "b", "c", "d"]) waiting.push(post(to, CHAT, ask(text)));
    return first;
  })) as Awaited<ReturnType<typeof post>>;
  expect(lost.status).toBe(500);
  expect((lost.body as Failure).error).toMatchObject({ type: "server_error", code: "model_crashed" });
  expect(server.engine.status).toBe("restarting");
  expect((await fetch(`${url}/ready`)).status).toBe(503);
  expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  expect(await metric(url, "rediff_model_restarts")).toBe(1);
  expect((await fetch(`${url}/ready`)).status).toBe(200);
  expect(log.join("\n")).toMatch(/SIGKILL.*starting it again/);
});

test.skipIf(!isBuilt)("a model that dies in the middle of a stream: an error as its last event", async () => {
  await using started = await startTestServer();
  const text = await crashed(started, async (url) => {
    const body = JSON.stringify(ask("Long", { max_tokens: 3500, stream: true }));
    const response = await fetch(url + CHAT, { method: "POST", body, headers: { "content-type": "application/json" } });
    return response.text();
  });
  const events = String(text).trim().split("\n\n");
  expect(JSON.parse(events.at(-1)!.replace(/^data: /, ""))).toMatchObject({ error: { code: "model_crashed" } });
});

test.skipIf(!isBuilt)(
  "draining: what is there is answered, what comes is refused, what takes too long is told",
  async () => {
    const started = await startTestServer({ engine: { batch: 1 } });
    const { url, server } = started;
    // The model is there: what follows is about answers, not about how long it takes to start.
    expect((await post(url, CHAT, ask("first"))).status).toBe(200);
    const answers = [ask("a"), ask("b"), endless(), endless()].map((body) => post(url, CHAT, body));
    await until(() => server.engine.running === 3);
    const ended = server.drain(2);
    expect((await fetch(`${url}/health`)).status).toBe(200);
    expect(await (await fetch(`${url}/ready`)).json()).toEqual({ status: "draining" });
    const late = await post(url, CHAT, ask("late"));
    expect([late.status, (late.body as Failure).error.code]).toEqual([503, "shutting_down"]);
    const finished = await Promise.all(answers);
    expect(finished.map(({ status }) => status)).toEqual([200, 200, 503, 503]);
    await ended;
    await expect(fetch(`${url}/health`)).rejects.toThrow();
    await started[Symbol.asyncDispose]();
  },
);

test.skipIf(!isBuilt)(
  "one request's damage is not the others': damaged pictures and wrong options in a batch",
  async () => {
    await using started = await startTestServer({ engine: { batch: 8 } });
    const good = ask("fine", { max_tokens: 32 });
    const picture = (url: string) => ({
      messages: [{ role: "user", content: [{ type: "image_url", image_url: { url } }] }],
    });
    const bodies = [
      good,
      ask("x", { max_tokens: 32, steps: 5, block_length: 16 }),
      picture(pictureUrl().slice(0, 400)),
      picture(pictureUrl()),
      { messages: [{ role: "user", content: 5 }] },
      good,
    ];
    const statuses = await Promise.all(
      bodies.map((body) => post(started.url, CHAT, body).then(({ status }) => status)),
    );
    expect(started.log).toEqual([]);
    expect(statuses).toEqual([200, 400, 400, 200, 400, 200]);
    expect(started.log).toEqual([]);
  },
);

test.skipIf(!isBuilt)("a model that cannot be loaded says so once", async () => {
  await expect(startTestServer({ tiny: { config: { hidden_size: 65 } } })).rejects.toThrow(/hidden_size|shape/i);
});
