/** The client against the mock server, without a browser. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type MockServer, startMockServer } from "../testing/mock-server.js";
import type { TraceEvent } from "../trace/trace.js";
import { type Api, createApi } from "./api.js";
import { adviceFor, type Problem, type ProblemKind } from "./problem.js";

let server: MockServer;
let api: Api;
let key = "";
const { signal } = new AbortController();
beforeAll(async () => {
  server = await startMockServer();
  api = createApi({ fetch: (path, init) => fetch(`${server.url}${path}`, init), key: () => key });
});
beforeEach(() => {
  Object.assign(server.behave, { fail: undefined, garbage: undefined, breakAfter: undefined, key: undefined });
  key = "";
});
afterAll(() => server.close());

const ask = (onTrace?: (event: TraceEvent) => void) =>
  api.chat(
    [{ role: "user", text: "?" }],
    { revise: true, seed: undefined },
    onTrace === undefined ? {} : { onTrace },
    signal,
  );

async function problemOf(work: Promise<unknown>): Promise<Problem> {
  return await work.then(
    () => expect.fail("it went well"),
    (thrown) => thrown,
  );
}

test("a stream is a start, steps and an end", async () => {
  const events: TraceEvent[] = [];
  await ask((event) => events.push(event));
  expect([events[0]?.type, events.at(-1)?.type]).toEqual(["start", "end"]);
  expect(events.slice(1, -1).every(({ type }) => type === "step")).toBe(true);
  const sent = server.requests.at(-1)!.body;
  expect(sent).toMatchObject({ stream: true, diffusion_trace: true, revise: true });
  expect(sent).not.toHaveProperty("seed");
});

test("the models, their stickers, and none where they have none", async () => {
  const { data, rediff } = await api.models();
  expect(data.map(({ id }) => id)).toEqual(["rediff-demo", "llada-v-demo"]);
  expect(data[0]?.rediff).toMatchObject({ image_size: 144, embedded: true });
  expect(rediff?.command).toBe("npm start");
  const catalog = await api.stickers();
  expect(catalog?.positions).toHaveLength(9);
  const drawings = await api.drawings("noto");
  for (const { icon } of catalog?.names ?? []) expect(drawings[icon]).toContain("<svg");
  server.behave.sceneWorld = false;
  expect(await api.stickers()).toBeUndefined();
  server.behave.sceneWorld = true;
});

test("what of a question could not be read is told with its stream, and only where there is something", async () => {
  const told: unknown[] = [];
  const asked = (text: string) =>
    api.chat([{ role: "user", text }], {}, { onUnread: (unread) => void told.push(unread) }, signal);
  server.behave.unknownWords = ["zebra"];
  await asked("a zebra?");
  await asked("a cat?");
  server.behave.unknownWords = [];
  expect(told).toEqual([[{ start: 2, end: 7, text: "zebra" }]]);
});

test("a file that the browser cannot read comes back as a picture that it can, or with what is wrong with it", async () => {
  const heic = readFileSync(new URL("../../../rediff/src/vision/fixtures/turned.heic", import.meta.url));
  const { url, ...sizes } = await api.redraw(new Blob([heic]), 24, signal);
  expect(sizes).toEqual({ width: 18, height: 24, original: { width: 36, height: 48 } });
  expect(url).toMatch(/^data:image\/png;base64,/);
  expect(await api.redraw(new Blob([heic]), undefined, signal)).toMatchObject({ width: 36 });
  const problem = await problemOf(api.redraw(new Blob([heic.subarray(0, 300)]), 24, signal));
  expect([problem.kind, problem.message]).toEqual(["refused", expect.stringMatching(/^the picture: the HEIC file/)]);
  server.behave.garbage = '{"url":"javascript:alert(1)","width":1,"height":1,"original":{"width":1,"height":1}}';
  expect((await problemOf(api.redraw(new Blob([heic]), 24, signal))).kind).toBe("bad-answer");
});

test("what could not be read is told; a server that says nothing of it has read all", async () => {
  const { signal } = new AbortController();
  server.behave.unknownWords = ["zebra"];
  const { unread } = await api.refine({ draft: "a zebra" }, {}, signal);
  expect(unread).toEqual([{ start: 2, end: 7, text: "zebra" }]);
  const old = createApi({
    fetch: async () => Response.json({ text: "", edits: [], rounds: 1, seconds: 0 }),
    key: () => "",
  });
  expect((await old.refine({}, {}, signal)).unread).toEqual([]);
  server.behave.unknownWords = [];
});

test("a key is sent where one is asked for", async () => {
  server.behave.key = "secret";
  expect((await problemOf(api.models())).kind).toBe("key");
  key = "secret";
  expect((await api.models()).data[0]?.id).toBe("rediff-demo");
});

describe("what goes wrong has a kind, and advice", () => {
  const cases: [ProblemKind, Partial<MockServer["behave"]>][] = [
    ["refused", { fail: { status: 400, message: "block_length 7 does not divide 32" } }],
    ["too-large", { fail: { status: 413, message: "too large" } }],
    ["busy", { fail: { status: 429, message: "full", retryAfter: 7 } }],
    ["failed", { fail: { status: 500, message: "the worker died" } }],
    ["loading", { fail: { status: 503, message: "loading" } }],
    ["bad-answer", { garbage: 'data: {"diffusion": {"type": "jump"}}\n\n' }],
    ["gone", { breakAfter: 2 }],
    ["gone", { garbage: "data: {}\n\n" }],
  ];
  test.each(cases)("%s", async (kind, behaviour) => {
    Object.assign(server.behave, behaviour);
    const problem = await problemOf(ask());
    expect(problem.kind).toBe(kind);
    expect(adviceFor(problem, undefined).title).not.toBe("");
    if (kind === "busy") expect(adviceFor(problem, undefined).retryIn).toBe(7);
    if (kind === "refused") expect(adviceFor(problem, undefined).detail).toContain("block_length 7");
  });

  test("no server at all", async () => {
    const away = createApi({ fetch: () => fetch("http://127.0.0.1:9"), key: () => "" });
    const problem = await problemOf(away.readiness());
    expect(problem.kind).toBe("gone");
    expect(adviceFor(problem, undefined).command).toBeUndefined();
    expect(adviceFor(problem, "npx rediff serve --port 9000").command).toBe("npx rediff serve --port 9000");
  });

  test("an abort is no problem", async () => {
    const controller = new AbortController();
    server.behave.stepMs = 50;
    const onTrace = () => controller.abort();
    const thrown = await problemOf(api.chat([{ role: "user", text: "?" }], {}, { onTrace }, controller.signal));
    expect(thrown.name).toBe("AbortError");
    server.behave.stepMs = 0;
  });
});
