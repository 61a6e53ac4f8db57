import { describe, expect, test } from "vitest";
import { embeddedModelFolder } from "../../embedded.js";
import { readAskable } from "../../inference/model-facts.js";
import { isBuilt, metric, post, startTestServer, until } from "../testing/start.js";
import { modelBytes } from "./model-bytes.js";
import { type Resident, ResidentModels } from "./resident-models.js";

type Fake = { -readonly [K in keyof Resident["engine"]]: Resident["engine"][K] };

function fake(state: Partial<Fake> = {}): Fake {
  const engine: Fake = {
    status: "ready",
    queued: 0,
    running: 0,
    restedFor: 0,
    upFor: 0,
    async unload() {
      engine.status = "idle";
    },
    async stepAside() {
      engine.status = "idle";
    },
    ...state,
  };
  return engine;
}

function resident(engines: Record<string, Fake>, options: { memory?: number; unloadAfter?: number } = {}) {
  const told: string[] = [];
  const models = new ResidentModels({ memory: 2, log: (line) => told.push(line), ...options });
  for (const [id, engine] of Object.entries(engines))
    models.add({ id, engine, bytes: 1 }, { isLoaded: engine.status !== "idle" });
  return { models, told };
}

describe("who makes room for a model that is asked for", () => {
  test("nobody, where there is enough", async () => {
    const engines = { a: fake(), b: fake({ status: "idle" }) };
    const { models, told } = resident(engines);
    await models.admit("b");
    expect([engines.a.status, told]).toEqual(["ready", []]);
  });

  test("the one that has rested the longest, and none that works", async () => {
    const engines = {
      works: fake({ restedFor: 9e9, running: 1 }),
      lately: fake({ restedFor: 10 }),
      longAgo: fake({ restedFor: 1000 }),
      asked: fake({ status: "idle" }),
    };
    const { models, told } = resident(engines, { memory: 3 });
    await models.admit("asked");
    expect(Object.values(engines).map(({ status }) => status)).toEqual(["ready", "ready", "idle", "idle"]);
    expect(told).toEqual(["ending longAgo, whose memory asked needs; the next request for it loads it again"]);
  });

  test("where all work, the one that has been there for a while; until there is one, it waits", async () => {
    const engines = { a: fake({ running: 1, upFor: 100 }), b: fake({ status: "idle" }) };
    const { models } = resident(engines, { memory: 1 });
    let isIn = false;
    const admitted = models.admit("b").then(() => {
      isIn = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 120));
    expect(isIn).toBe(false);
    engines.a.upFor = 20_000;
    await admitted;
    expect(engines.a.status).toBe("idle");
  });

  test("two that are asked for at once do not get the same room, and one that failed to load leaves it", async () => {
    const engines = { b: fake({ status: "idle" }), c: fake({ status: "idle" }) };
    const { models } = resident(engines, { memory: 1 });
    await models.admit("b");
    engines.b.status = "loading";
    let isIn = false;
    const admitted = models.admit("c").then(() => {
      isIn = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 120));
    expect(isIn).toBe(false);
    engines.b.status = "idle";
    await admitted;
  });

  test("one that nobody asks goes after a while", async () => {
    const engines = { rests: fake({ restedFor: 2000 }), works: fake({ restedFor: 2000, queued: 1 }), new: fake() };
    const { models, told } = resident(engines, { memory: 3, unloadAfter: 1 });
    await until(() => engines.rests.status === "idle");
    models.close();
    expect([engines.works.status, engines.new.status]).toEqual(["ready", "ready"]);
    expect(told).toEqual(["ending rests, which nobody has asked for 1 s; the next request loads it again"]);
  });

  test("one that is too large for all of it is told so", async () => {
    const { models } = resident({ a: fake({ status: "idle" }) }, { memory: 0.5 });
    await expect(models.admit("a")).rejects.toMatchObject({
      code: "not_enough_memory",
      hint: expect.stringMatching(/--models-memory/),
    });
  });
});

const CHAT = "/v1/chat/completions";
const ask = (url: string, model: string) =>
  post(url, CHAT, { model, messages: [{ role: "user", content: "hello" }], max_tokens: 4 });
const modelOf = ({ body }: { body: unknown }) => (body as { model?: string }).model;

test.skipIf(!isBuilt)(
  "where two models fit one at a time, both answer, whoever asks, and one has a process",
  async () => {
    const folder = embeddedModelFolder();
    const bytes = modelBytes((await readAskable(folder)).config, {});
    await using started = await startTestServer({
      engine: { folder, life: { heartbeatTimeout: 600 } },
      others: { copy: folder },
      modelsMemory: 1.5 * bytes,
    });
    const { url, server } = started;
    const running = () => server.engines.filter(({ pid }) => pid !== undefined).length;
    for (const model of ["copy", "tiny"]) {
      const answer = await ask(url, model);
      expect([answer.status, modelOf(answer)]).toEqual([200, model]);
      expect(running()).toBe(1);
    }
    await ask(url, "copy");
    // The first is loaded by whoever asks it, so it takes requests.
    expect(await (await fetch(`${url}/ready`)).json()).toMatchObject({ models: { tiny: "idle", copy: "ready" } });
    const listed = await (await fetch(`${url}/v1/models`)).json();
    expect(listed).toMatchObject({ data: [{ id: "tiny" }, { id: "copy" }] });
    const unknown = await ask(url, "third");
    expect([unknown.status, unknown.body]).toEqual([
      404,
      { error: expect.objectContaining({ code: "model_not_found", param: "model" }) },
    ]);
    expect(started.log.filter((line) => line.startsWith("ending"))).toEqual([
      "ending tiny, whose memory copy needs; the next request for it loads it again",
      "ending copy, whose memory tiny needs; the next request for it loads it again",
      "ending tiny, whose memory copy needs; the next request for it loads it again",
    ]);
    expect(await metric(url, `rediff_model_up{model="tiny"}`)).toBe(0);
    // Not a crash.
    expect(server.engines.map(({ restarts }) => restarts)).toEqual([0, 0]);
  },
);
