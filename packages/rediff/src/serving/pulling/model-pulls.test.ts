/** Models that clients add: pulled from a hub, served beside the others, refused where they must be. */
import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Hono } from "hono";
import { beforeAll, describe, expect, test } from "vitest";
import { pull } from "../../hub/pull.js";
import { pulledModels } from "../../hub/pulled-models.js";
import { COMMIT } from "../../hub/testing/fake-hub.js";
import { fakeHub, ID, QUICK_RETRY, settingsFor } from "../../hub/testing/hub-setup.js";
import { readAskable } from "../../inference/model-facts.js";
import { folderOfFile, folderOfTest } from "../../testing/folders.js";
import { writeTinyModel } from "../../testing/tiny-model.js";
import type { AppEnv } from "../http/api-keys.js";
import { BodyBudget } from "../http/body-budget.js";
import { errorResponse, toApiError } from "../http/error-object.js";
import { PieceTurns } from "../http/piece-turns.js";
import { pullRoutes } from "../routes/pulls.js";
import { isBuilt, metric, post, startTestServer, until } from "../testing/start.js";
import { ModelPulls, type NewModel } from "./model-pulls.js";

const { at } = folderOfFile();
const origin = at("origin");
beforeAll(() => void writeTinyModel(origin, { seed: 7 }));

const filesOf = (folder: string): Record<string, Buffer> =>
  Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))]));

interface Pull {
  id: string;
  status: string;
  bytes: number | null;
  total_bytes: number | null;
  error: { message: string; code: string } | null;
}

const besideOf = (id: string, folder: string): NewModel => ({
  engine: { folder, load: {}, threads: 1, batch: 1, queue: 1, visionWorkers: 1 },
  model: { id, embedded: false, revises: false, genLength: 16 },
});

/** The routes, and a hub with one model; what is served is noted. */
async function scene(files = filesOf(origin)) {
  const hub = await fakeHub({ files });
  const cacheDir = folderOfTest();
  const served: NewModel[] = [];
  const log: string[] = [];
  const pulls = new ModelPulls({
    beside: besideOf,
    hub: { settings: settingsFor(hub, cacheDir), retry: QUICK_RETRY },
    isServed: (id) => served.some(({ model }) => model.id === id),
    judge: async ({ engine }) => void (await readAskable(engine.folder)),
    serve: async (model) => void served.push(model),
    log: (line) => log.push(line),
  });
  const app = new Hono<AppEnv>().onError((error) => errorResponse(toApiError(error, () => undefined)));
  pullRoutes(app, { pulls, bodyLimit: 1 << 20, bodies: new BodyBudget(1 << 20), turns: new PieceTurns() });
  const ask = async (path: string, body?: object, headers: Record<string, string> = { host: "127.0.0.1" }) => {
    const type = { "content-type": "application/json" };
    const sent = body && { method: "POST", body: JSON.stringify(body) };
    const response = await app.request(path, { ...sent, headers: { ...type, ...headers } });
    return { status: response.status, body: (await response.json()) as never };
  };
  const list = async () => ((await ask("/v1/pulls")).body as { data: Pull[] }).data;
  return {
    ...{ hub, cacheDir, served, log, pulls, ask, list },
    begin: (model: unknown = ID) => ask("/v1/pulls", { model }),
    cancel: (id: string) => ask(`/v1/pulls/${id}/cancel`, {}),
    ended: async (): Promise<Pull> => {
      await until(async () => (await list())[0]?.status !== "running");
      return (await list())[0]!;
    },
  };
}
const STALLS = { stallAfter: 70_000 };

describe("a model that a client adds", () => {
  test("is pulled, its progress told, and served from the hub's cache as `rediff pull` leaves it", async () => {
    const { begin, ended, list, cacheDir, served } = await scene();
    const begun = await begin();
    expect(begun).toMatchObject({
      status: 202,
      body: { object: "rediff.pull", model: ID, status: "running", error: null },
    });
    const bytes = Object.values(filesOf(origin)).reduce((sum, file) => sum + file.length, 0);
    expect(await ended()).toMatchObject({ status: "done", bytes, total_bytes: bytes, error: null });
    expect(await list()).toHaveLength(1);
    const folder = join(cacheDir, "models--org--tiny/snapshots", COMMIT);
    expect(served).toMatchObject([{ model: { id: ID }, engine: { folder, load: {} } }]);
    expect(readFileSync(join(cacheDir, "models--org--tiny/refs/main"), "utf8")).toBe(COMMIT);
    expect(await begin()).toMatchObject({ status: 409, body: { error: { code: "model_served", param: "model" } } });
  });

  test("comes one at a time, and can be cancelled; a later pull goes on where it stopped", async () => {
    const { begin, cancel, ended, hub, cacheDir, list, served } = await scene();
    hub.misbehave = ({ kind }) => (kind === "cdn" ? STALLS : undefined);
    const { id } = (await begin()).body as Pull;
    await until(() => [...hub.sent.values()].some((sent) => sent >= 65_536));
    await until(async () => ((await list())[0]?.bytes ?? 0) > 65_536);
    expect(await begin("org/other")).toMatchObject({ status: 409, body: { error: { code: "pull_running" } } });
    expect(await cancel(id)).toMatchObject({ status: 200, body: { id, status: "cancelled", error: null } });
    expect(served).toEqual([]);
    // The name of the branch does not lead to half a model.
    expect(existsSync(join(cacheDir, "models--org--tiny/refs/main"))).toBe(false);
    expect(await cancel("none")).toMatchObject({ status: 404, body: { error: { code: "pull_not_found" } } });
    hub.misbehave = () => undefined;
    await begin();
    expect(await ended()).toMatchObject({ status: "done" });
    expect(hub.requests.some(({ range }) => range !== undefined)).toBe(true);
    expect(await cancel(id)).toMatchObject({ body: { status: "cancelled" } });
  });

  test("is refused before its weights come where this server cannot run it", async () => {
    const { begin, ended, hub, served, log } = await scene({
      ...filesOf(origin),
      "config.json": Buffer.from('{"model_type":"gpt2"}'),
    });
    await begin();
    expect(await ended()).toMatchObject({ status: "failed", error: { code: "pull_failed" } });
    expect(log.at(-1)).toMatch(/org\/tiny was not added: .*config\.json/);
    expect(hub.requests.some(({ path }) => path.endsWith(".safetensors"))).toBe(false);
    expect(served).toEqual([]);
  });

  test("may not lead out of its folder: an adapter, which names a base, is none", async () => {
    const config = {
      base_model_name_or_path: origin,
      peft_type: "LORA",
      r: 2,
      lora_alpha: 2,
      target_modules: ["q_proj"],
    };
    const { begin, ended } = await scene({
      "adapter_config.json": Buffer.from(JSON.stringify(config)),
      "adapter_model.safetensors": Buffer.alloc(100),
    });
    await begin();
    expect((await ended()).error?.message).toMatch(/org\/tiny is an adapter.*--also org\/tiny/);
  });

  test("has no vision tower but its own, whatever folder of this machine its config names", async () => {
    const config: object = JSON.parse(readFileSync(join(origin, "config.json"), "utf8"));
    const files = { "config.json": Buffer.from(JSON.stringify({ ...config, mm_vision_tower: origin })) };
    const { begin, ended, served } = await scene({ ...filesOf(origin), ...files });
    await begin();
    await ended();
    const [{ engine } = besideOf("", "")] = served;
    expect(engine.load.visionTower).toBe(engine.folder);
    expect(engine.folder).not.toBe(origin);
  });

  test("needs a name that is one, and that the hub knows", async () => {
    const { begin, ask, ended, hub } = await scene();
    const long = "x".repeat(600);
    for (const name of [
      "../../etc",
      "/etc/passwd",
      "org/../x",
      "a/b/c",
      "https://hub.example/org/x",
      "..",
      "",
      long,
      7,
    ])
      expect([name, await begin(name)]).toMatchObject([
        name,
        { status: 400, body: { error: { param: "model", code: "invalid_value" } } },
      ]);
    const withBranch = await ask("/v1/pulls", { model: ID, revision: "../x" });
    expect(withBranch).toMatchObject({ status: 400, body: { error: { param: "revision" } } });
    expect(hub.requests).toEqual([]);
    await begin("org/none");
    expect((await ended()).error?.message).toMatch(/has no model org\/none/);
  });

  test("that fails says why, and to other machines no folders", async () => {
    const { begin, ended, ask, cacheDir } = await scene({
      ...filesOf(origin),
      "config.json": Buffer.from("{"),
    });
    await begin();
    expect((await ended()).error?.message).toContain(cacheDir);
    for (const headers of [{ host: "127.0.0.1", "x-forwarded-for": "203.0.113.9" }, { host: "models.example" }]) {
      const told = JSON.stringify((await ask("/v1/pulls", undefined, headers)).body);
      expect(told).toMatch(/config\.json|\.\.\./);
      expect(told).not.toContain(cacheDir);
    }
  });

  test("is offered again by the next server, and so is what `rediff pull` brought, where it is whole and ours", async () => {
    const { begin, ended, cacheDir } = await scene();
    await begin();
    await ended();
    const other = await fakeHub({ files: { ...filesOf(origin), "config.json": Buffer.from('{"model_type":"gpt2"}') } });
    const cut = await fakeHub({ files: filesOf(origin) });
    const elsewhere = folderOfTest();
    for (const hub of [other, cut]) {
      const into = hub === cut ? elsewhere : folderOfTest();
      await pull(ID, { settings: settingsFor(hub, into), retry: QUICK_RETRY });
      const name = hub === cut ? "models--org--cut" : "models--org--gpt";
      cpSync(join(into, "models--org--tiny"), join(cacheDir, name), { recursive: true, verbatimSymlinks: true });
    }
    rmSync(join(cacheDir, "models--org--cut/snapshots", COMMIT, "model.safetensors"));
    expect((await pulledModels(cacheDir)).map(({ id }) => id)).toEqual(["org/gpt", ID]);

    const served: NewModel[] = [];
    const log: string[] = [];
    const again = new ModelPulls({
      beside: besideOf,
      pulled: () => pulledModels(cacheDir),
      isServed: (id) => served.some(({ model }) => model.id === id),
      judge: async ({ engine }) => void (await readAskable(engine.folder)),
      serve: async (model) => void served.push(model),
      log: (line) => log.push(line),
    });
    await until(() => log.length > 0);
    await again.close();
    expect(log).toEqual([`offered too, from the hub's cache: ${ID}`]);
    expect(served).toMatchObject([
      { model: { id: ID }, engine: { folder: join(cacheDir, "models--org--tiny/snapshots", COMMIT) } },
    ]);
    expect(await pulledModels(join(cacheDir, "none"))).toEqual([]);
  });

  test("ends with the server", async () => {
    const { begin, list, hub, pulls, log } = await scene();
    hub.misbehave = ({ kind }) => (kind === "cdn" ? STALLS : undefined);
    await begin();
    await until(async () => ((await list())[0]?.bytes ?? 0) > 0);
    await pulls.close();
    expect(log.at(-1)).toBe(`the pull of ${ID} was cancelled`);
    expect(await begin()).toMatchObject({ status: 503, body: { error: { code: "shutting_down" } } });
  });
});

test.skipIf(!isBuilt)("a server lists what was added, and loads it when it is asked", async () => {
  const hub = await fakeHub({ files: filesOf(origin) });
  const pulling = { settings: settingsFor(hub, folderOfTest()), retry: QUICK_RETRY };
  await using started = await startTestServer({ app: { apiKeys: ["key"] }, pulling });
  const { url } = started;
  const headers = { "content-type": "application/json", authorization: "Bearer key" };
  const get = async (path: string) => (await (await fetch(url + path, { headers })).json()) as never;
  expect((await post(url, "/v1/pulls", { model: ID })).status).toBe(401);
  expect(await get("/v1/models")).toMatchObject({ rediff: { pull: true } });
  expect((await post(url, "/v1/pulls", { model: ID }, { headers })).status).toBe(202);
  await until(async () => ((await get("/v1/pulls")) as { data: Pull[] }).data[0]?.status !== "running");
  expect(await get("/v1/models")).toMatchObject({
    data: [{ rediff: { status: "ready" } }, { id: ID, rediff: { status: "idle", problem: null, dtype: "float32" } }],
  });
  const question = { model: ID, messages: [{ role: "user", content: "hello" }], max_tokens: 4 };
  expect(await post(url, "/v1/chat/completions", question, { headers })).toMatchObject({ body: { model: ID } });
  expect(await metric(url, `rediff_model_up{model="${ID}"}`)).toBe(1);
  expect(await get("/ready")).toMatchObject({ models: { [ID]: "ready" } });
});

test("where it is not allowed nothing is pulled, and the remedy is told", async () => {
  const app = new Hono<AppEnv>().onError((error) => errorResponse(toApiError(error, () => undefined)));
  pullRoutes(app, { pulls: undefined, bodyLimit: 1 << 20, bodies: new BodyBudget(1 << 20), turns: new PieceTurns() });
  for (const [path, method] of [
    ["/v1/pulls", "GET"],
    ["/v1/pulls", "POST"],
    ["/v1/pulls/x/cancel", "POST"],
  ] as const) {
    const response = await app.request(path, { method });
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({
      error: { code: "pull_not_allowed", message: expect.stringContaining("--allow-pull") },
    });
  }
});
