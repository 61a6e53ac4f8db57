/** Caches and `fast` in requests: every kind of answer says what was on, the server counts, and nothing is kept. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isBuilt, metric, pictureUrl, post, startTestServer, type TestServer } from "./testing/start.js";

interface Answer {
  approximate?: string[];
  quantize?: string;
  cache?: { kind: string; on: boolean; cached_passes: number; full_passes: number };
  diffusion?: { type: string; approximate?: string[]; request?: { fast?: true } }[];
}

const CHAT = "/v1/chat/completions";
const say = (extra: object) => ({ messages: [{ role: "user", content: "x" }], max_tokens: 12, ...extra });
const about = { image: pictureUrl(), draft: "a b c d e f" };
const FAST = ["fast", "cache refresh", "rule threshold"];

describe.skipIf(!isBuilt)("approximate answers", () => {
  let plain: TestServer;
  let fast: TestServer;
  beforeAll(async () => {
    plain = await startTestServer();
    fast = await startTestServer({
      model: { fast: true },
      engine: { cacheBytes: 0, memoryBytes: 4 << 20, load: { quantize: "int4" } },
    });
  });
  afterAll(async () => {
    await plain[Symbol.asyncDispose]();
    await fast[Symbol.asyncDispose]();
  });
  const ask = async (server: TestServer, body: object, path = CHAT): Promise<Answer> =>
    (await post(server.url, path, body)).body;

  test("name what was on, in every kind of answer", async () => {
    expect(await ask(plain, say({}))).not.toHaveProperty("approximate");
    const answer = await ask(plain, say({ fast: true, diffusion_trace: true }));
    expect(answer.approximate).toEqual(FAST);
    expect(answer.cache).toMatchObject({ kind: "refresh", on: true });
    expect(answer.diffusion?.at(-1)).toMatchObject({ type: "end", approximate: FAST });
    expect(answer.diffusion?.find(({ type }) => type === "step")?.request).toMatchObject({ fast: true });
    expect((await ask(plain, { template: "A [[6]].", fast: true }, "/v1/fill")).approximate).toEqual(FAST);
    const refined = await ask(plain, { ...about, cache: "refresh", refresh_every: 3 }, "/v1/refine");
    expect(refined.cache?.kind).toBe("refresh");
  });

  test("are counted, and what they kept is given back", async () => {
    await ask(plain, say({ cache: "refresh", refresh_every: 4 }));
    expect(await metric(plain.url, 'rediff_cache_passes_total{kind="cached"}')).toBeGreaterThan(0);
    expect(await metric(plain.url, 'rediff_cache_passes_total{kind="full"}')).toBeGreaterThan(0);
    expect(await metric(plain.url, 'rediff_cache_rows_total{kind="kept"}')).toBeGreaterThan(0);
    await expect.poll(() => metric(plain.url, "rediff_cache_bytes"), { timeout: 30_000 }).toBe(0);
  });

  test("what has no memory beside the model is refused with a code, and what has is answered", async () => {
    const { status, body } = await post(fast.url, CHAT, say({ max_tokens: 2048 }));
    const { error } = body as { error: object };
    expect([status, error]).toEqual([
      400,
      {
        ...{ type: "invalid_request_error", param: "max_tokens", code: "not_enough_memory" },
        message: expect.stringMatching(/^this request takes about .* and 4 MiB are available\. Use fewer/),
      },
    ]);
    expect((await ask(fast, say({}))).approximate).toContain("fast");
  });

  test("of a server that is fast by itself: for whoever asks for no way of their own, and without room told so", async () => {
    const answer = await ask(fast, say({}));
    expect(answer.approximate).toEqual(["fast", "quantize int4", "rule threshold"]); // no bytes for caches: decoded without
    expect(answer.quantize).toBe("int4");
    expect(answer.cache).toMatchObject({ on: false, cached_passes: 0 });
    for (const own of [{ fast: false }, { steps: 4 }, { cache: "none" }, { rule: "schedule" }])
      expect((await ask(fast, say(own))).approximate ?? []).not.toContain("fast");
    const listed = (await (await fetch(`${fast.url}/v1/models`)).json()) as { data: { rediff: object }[] };
    expect(listed.data.map(({ rediff }) => rediff)).toMatchObject([{ fast: true, quantize: "int4" }]);
  });
});
