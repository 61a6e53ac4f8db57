/** Errors repeat what came, so that people see what is meant; but never much of it, and never raw. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ApiError, clip } from "./http/error-object.js";
import { isBuilt, pictureUrl, startTestServer, type TestServer } from "./testing/start.js";

let started: TestServer;
beforeAll(async () => {
  if (isBuilt) started = await startTestServer({ app: { accessLog: true } });
});
afterAll(() => started?.[Symbol.asyncDispose]());

const LONG = `\x1b[31m\n${"x".repeat(300_000)}`;
const SHORT = 1500;

async function answer(path: string, init: RequestInit): Promise<number> {
  const response = await fetch(started.url + path, init);
  const text = await response.text();
  expect(text.length).toBeLessThan(SHORT);
  expect(/\p{Cc}/u.test(text)).toBe(false);
  return response.status;
}

const send = (path: string, body: object) =>
  answer(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

describe.skipIf(!isBuilt)("what is far too long comes back cut short", () => {
  const values = [LONG, [LONG], { [LONG]: 1 }, [{ [LONG]: LONG }], [{ role: LONG, content: LONG }], { type: LONG }];
  const urls = [
    LONG,
    `data:${LONG},x`,
    `data:${LONG};base64,AAAA`,
    `data:image/png;${"a=b;".repeat(50_000)}base64,AAAA`,
    `data:image/png,${"%".repeat(300_000)}`,
    `data:image/png;base64,${"A".repeat(300_000)}!`,
    `http://${"a".repeat(300_000)}/`,
  ];

  test.each<[string, string, object]>([
    ["/v1/chat/completions", "model", { messages: [{ role: "user", content: "Hi." }] }],
    ["/v1/chat/completions", "messages", {}],
    ["/v1/chat/completions", "logit_bias", { messages: [{ role: "user", content: "Hi." }] }],
    ["/v1/chat/completions", "remasking", { messages: [{ role: "user", content: "Hi." }] }],
    ["/v1/chat/completions", LONG, { messages: [{ role: "user", content: "Hi." }] }],
    ["/v1/refine", "image", { draft: "A dog." }],
    ["/v1/refine", "model", { draft: "A dog.", image: isBuilt ? pictureUrl() : "" }],
    ["/v1/fill", "image", { template: "A [[1]]." }],
    ["/v1/fill", "model", { template: "A [[1]]." }],
    ["/v1/fill", LONG, { template: "A [[1]]." }],
  ])("of %s: %.20s", async (path, field, rest) => {
    for (const value of values) {
      const status = await send(path, { ...rest, [field]: value });
      expect([200, 400, 404]).toContain(status); // `user` and the like take anything
    }
  });

  test("as the URL of a picture", async () => {
    for (const url of urls) {
      expect(await send("/v1/refine", { image: url, draft: "A dog." })).toBe(400);
      const content = [{ type: "image_url", image_url: { url } }];
      expect(await send("/v1/chat/completions", { messages: [{ role: "user", content }] })).toBe(400);
    }
  });

  test("as a path, a query, a type", async () => {
    const long = "y".repeat(9000);
    expect(await answer(`/${long}`, {})).toBe(404);
    expect(await answer(`/v1/models/${long}`, {})).toBe(404);
    expect(await answer(`/v1/pictures?${long}=1`, { method: "POST", body: "x" })).toBe(400);
    expect(await answer(`/v1/pictures?max_side=${long}`, { method: "POST", body: "x" })).toBe(400);
    expect(await answer("/v1/refine", { method: "POST", headers: { "content-type": long }, body: "x" })).toBe(415);
    expect(Math.max(...started.log.map((line) => line.length))).toBeLessThan(300);
  });
});

test("half a character, sent or cut in two, is shown as one that cannot be", () => {
  expect(new ApiError(400, "a\ud83d", { param: "\udc00😀" }).body.error).toMatchObject({
    message: "a\ufffd",
    param: "\ufffd😀",
  });
  expect(clip("a😀", 2)).toBe("a\ufffd...");
});
