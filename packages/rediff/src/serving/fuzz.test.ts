/** Bodies that nobody meant: the server answers each with a result or with OpenAI's error object, its own and the model's
 *  process live on, and no tensor is left. REDIFF_FUZZ sets how many (`REDIFF_FUZZ=10000 npm test -- fuzz`). */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { bodiesOf } from "./testing/schema-bodies.js";
import { isBuilt, metric, startTestServer, type TestServer, until } from "./testing/start.js";

// Processes that load libtorch, on machines that do much else.
const total = Number(process.env.REDIFF_FUZZ ?? 300);
const together = 8;

const failure = z.strictObject({
  error: z.strictObject({
    message: z.string().min(1).max(2000),
    type: z.enum(["invalid_request_error", "not_found_error"]),
    param: z.string().nullable(),
    code: z.string().nullable(),
  }),
});

describe.skipIf(!isBuilt)(`${total} fuzzed bodies`, () => {
  let started: TestServer;
  let pid: number | undefined;
  let tensors: number;
  const statuses = new Map<number, number>();
  beforeAll(async () => {
    started = await startTestServer({ bodyLimit: 50_000, tiny: { maxPositions: 512 } });
    pid = started.server.engine.pid;
    tensors = await metric(started.url, "rediff_live_tensors");
  });
  afterAll(() => started[Symbol.asyncDispose]());

  async function send(path: string, body: string | Uint8Array<ArrayBuffer>): Promise<void> {
    const headers = { "content-type": "application/json" };
    const response = await fetch(started.url + path, { method: "POST", body, headers });
    statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
    const text = await response.text();
    if (response.status === 200) {
      if (response.headers.get("content-type")?.startsWith("text/event-stream"))
        expect(text).toMatch(/data: \[DONE\]\n\n$/);
      else expect(JSON.parse(text)).toBeTypeOf("object");
      return;
    }
    expect([400, 404, 413]).toContain(response.status);
    expect(failure.safeParse(JSON.parse(text)).error).toBeUndefined();
  }

  async function fuzz(
    path: string,
    bodies: fc.Arbitrary<string | Uint8Array<ArrayBuffer>>,
    share: number,
  ): Promise<void> {
    const rounds = Math.ceil((total * share) / together);
    await fc.assert(
      fc.asyncProperty(fc.array(bodies, { minLength: together, maxLength: together }), async (list) => {
        await Promise.all(list.map((body) => send(path, body)));
      }),
      { numRuns: rounds, endOnFailure: true },
    );
  }

  test.each([
    ["/v1/chat/completions", "ChatCompletionRequest", 0.5],
    ["/v1/refine", "RefineRequest", 0.15],
    ["/v1/fill", "FillRequest", 0.15],
  ] as const)(
    "%s, by its schema",
    async (path, name, share) => {
      const api = (await (await fetch(`${started.url}/openapi.json`)).json()) as never as {
        components: { schemas: Record<string, object> };
      };
      const body = bodiesOf(api.components.schemas[name]!).map((value) => JSON.stringify(value) ?? "");
      await fuzz(path, body, share);
    },
    1_800_000,
  );

  test("random bytes, and JSON that has lost some", async () => {
    const bytes = fc.uint8Array({ maxLength: 2000 }).map((array) => new Uint8Array(array));
    const broken = fc
      .tuple(fc.json(), fc.nat(), fc.nat())
      .map(
        ([text, at, length]) => text.slice(0, at % (text.length + 1)) + text.slice((at + length) % (text.length + 1)),
      );
    await fuzz("/v1/chat/completions", fc.oneof(bytes, broken, fc.json()), 0.2);
  }, 1_800_000);

  test("afterwards: the same process, nothing left, nothing to complain about", async () => {
    await until(() => started.server.engine.running === 0);
    await until(async () => (await metric(started.url, "rediff_live_tensors")) === tensors);
    expect(await metric(started.url, "rediff_forgotten_tensors")).toBe(0);
    expect(started.server.engine.pid).toBe(pid);
    expect(started.log).toEqual([]);
    expect(statuses.get(200)).toBeGreaterThan(total / 20);
    expect(statuses.get(400)).toBeGreaterThan(total / 10);
  });
});
