/** A server with two models: `model` of a request chooses, the second is loaded when it is first asked for. */
import { beforeAll, expect, test } from "vitest";
import { folderOfFile } from "../testing/folders.js";
import { writeTinyModel } from "../testing/tiny-model.js";
import { isBuilt, metric, pictureUrl, post, startTestServer, TINY, until } from "./testing/start.js";

const CHAT = "/v1/chat/completions";
const ask = (model?: string, extra: object = {}) => ({
  messages: [{ role: "user", content: "hello" }],
  ...(model !== undefined && { model }),
  ...extra,
});
const { at } = folderOfFile();
const second = at("second");
beforeAll(() => writeTinyModel(second, { seed: 5 }));

interface Listed {
  data: { id: string; rediff: { max_length: number } }[];
}
interface Answered {
  model: string;
  choices: { message: { content: string } }[];
}
const contentOf = ({ body }: { body: unknown }) => (body as Answered).choices[0]?.message.content;

test.skipIf(!isBuilt)("each model answers under its own name, and who names none gets the first", async () => {
  await using started = await startTestServer({ others: { second }, engine: { load: { quantize: "int8" } } });
  const { url } = started;
  const listed = (await (await fetch(`${url}/v1/models`)).json()) as Listed;
  expect(listed.data.map(({ id }) => id)).toEqual([TINY, "second"]);
  // Known before it is loaded.
  expect(listed.data[1]?.rediff).toMatchObject({ status: "idle", quantize: "int8" });
  expect(listed.data[1]?.rediff.max_length).toBe(listed.data[0]?.rediff.max_length);
  const [unnamed, named, other] = [
    await post(url, CHAT, ask()),
    await post(url, CHAT, ask(TINY)),
    await post(url, CHAT, ask("second")),
  ];
  expect([unnamed, named, other].map(({ body }) => (body as Answered).model)).toEqual([TINY, TINY, "second"]);
  expect(contentOf(named)).toBe(contentOf(unnamed));
  expect(contentOf(other)).not.toBe(contentOf(named));
  const refined = await post(url, "/v1/refine", { model: "second", image: pictureUrl(), draft: "a" });
  expect(refined.body).toMatchObject({ model: "second" });
  const filled = await post(url, "/v1/fill", { model: "second", template: "a [[1]]" });
  expect(filled.body).toMatchObject({ model: "second" });
  const one = await fetch(`${url}/v1/models/second`);
  expect(await one.json()).toMatchObject({ id: "second" });
});

test.skipIf(!isBuilt)(
  "the second model has no process until a request names it, and then it is ready too",
  async () => {
    await using started = await startTestServer({ others: { second } });
    const { url, server } = started;
    const readiness = async () => (await fetch(`${url}/ready`)).json();
    expect(server.engines[1]?.pid).toBeUndefined();
    expect(await readiness()).toEqual({ status: "ready", model: TINY, models: { [TINY]: "ready", second: "idle" } });
    expect(await metric(url, `rediff_model_up{model="second"}`)).toBe(0);
    const answers = await Promise.all([
      post(url, CHAT, ask("second")),
      post(url, CHAT, ask("second")),
      post(url, CHAT, ask()),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(await readiness()).toMatchObject({ models: { [TINY]: "ready", second: "ready" } });
    expect(await metric(url, `rediff_model_up{model="second"}`)).toBe(1);
    const pids = server.engines.map(({ pid }) => pid);
    expect(new Set(pids).size).toBe(2);
    expect(await metric(url, "rediff_queue_length")).toBe(0);
    await until(async () => (await metric(url, "rediff_running_requests")) === 0);
  },
);

test.skipIf(!isBuilt)("an unknown name is a 404 that names the models there are", async () => {
  await using started = await startTestServer({ others: { second } });
  const { status, body } = await post(started.url, CHAT, ask("third"));
  expect(status).toBe(404);
  expect(body).toMatchObject({
    error: {
      message: 'there is no model "third"; this server has "tiny" and "second"',
      code: "model_not_found",
      param: "model",
    },
  });
});

test.skipIf(!isBuilt)("the second model's death is its own: the first answers on, and it comes back", async () => {
  await using started = await startTestServer({ others: { second } });
  const { url, server } = started;
  expect((await post(url, CHAT, ask("second"))).status).toBe(200);
  process.kill(server.engines[1]?.pid ?? 0, "SIGKILL");
  await until(() => server.engines[1]?.status === "restarting");
  expect((await fetch(`${url}/ready`)).status).toBe(200);
  expect((await post(url, CHAT, ask())).status).toBe(200);
  expect((await post(url, CHAT, ask("second"))).status).toBe(200);
  expect(await metric(url, "rediff_model_restarts")).toBe(1);
});

test.skipIf(!isBuilt)("a second model that cannot be loaded fails who asked for it, and nobody else", async () => {
  const broken = at("broken");
  writeTinyModel(broken, { config: { num_hidden_layers: 9 } });
  await using started = await startTestServer({ others: { broken } });
  const { url } = started;
  for (const _ of [1, 2]) {
    const { status, body } = await post(url, CHAT, ask("broken"));
    expect(status).toBe(500);
    expect(body).toMatchObject({
      error: { code: "model_failed", message: "the model cannot be loaded; the server's log says why" },
    });
    expect(JSON.stringify(body)).not.toContain(broken);
  }
  expect(started.log.join("\n")).toMatch(/missing/);
  expect((await post(url, CHAT, ask())).status).toBe(200);
});

test.skipIf(!isBuilt)("told to end, it lets the requests of both finish", async () => {
  await using started = await startTestServer({ others: { second } });
  const { url, server } = started;
  const answers = [post(url, CHAT, ask()), post(url, CHAT, ask("second"))];
  await until(() => server.engines.every(({ running, queued }) => running + queued > 0));
  await server.drain(20);
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200]);
});

test.skipIf(!isBuilt)("the list of models says how the server was started, to this machine", async () => {
  await using started = await startTestServer({ command: "npx rediff serve --port 9000" });
  const listed = await (await fetch(`${started.url}/v1/models`)).json();
  expect(listed).toMatchObject({ rediff: { command: "npx rediff serve --port 9000" } });
  const behindProxy = await fetch(`${started.url}/v1/models`, { headers: { "x-forwarded-for": "203.0.113.9" } });
  expect(await behindProxy.json()).not.toHaveProperty("rediff");
});
