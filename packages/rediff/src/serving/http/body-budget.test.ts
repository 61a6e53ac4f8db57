import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { isBuilt, metric, post, startTestServer, until } from "../testing/start.js";

const CHAT = "/v1/chat/completions";
const ask = (content: string) => ({ messages: [{ role: "user", content }], max_tokens: 2 });
const held = (url: string) => metric(url, "rediff_body_bytes");

/** A request that has begun and does not come to its end. */
function begin(url: string, bytes: number): Socket {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.on("error", () => undefined);
  socket.write(
    `POST ${CHAT} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n"${"a".repeat(bytes - 1)}`,
  );
  return socket;
}

describe.skipIf(!isBuilt)("bodies of all requests under way", () => {
  test("count from their first byte until the answer has gone; beyond the limit a request is asked to come again", async () => {
    await using started = await startTestServer({ bodyLimit: 100_000, bodiesLimit: 150_000 });
    const { url } = started;
    const first = begin(url, 60_000);
    const second = begin(url, 60_000);
    await until(async () => (await held(url)) === 120_000);

    const refused = await post(url, CHAT, ask("x".repeat(40_000)));
    expect(refused.status).toBe(503);
    expect(refused.headers.get("retry-after")).toBe("1");
    expect((refused.body as { error: { code: string } }).error.code).toBe("too_many_bodies");
    expect((await post(url, CHAT, ask("small"))).status).toBe(200);

    first.destroy();
    await until(async () => (await held(url)) === 60_000);
    expect((await post(url, CHAT, ask("x".repeat(40_000)))).status).not.toBe(503);
    second.destroy();
    await until(async () => (await held(url)) === 0);
  });

  test("are given back whatever becomes of the request", async () => {
    await using started = await startTestServer({ bodyLimit: 100_000 });
    const { url } = started;
    const bodies = [ask("fine"), "{", '{"a":'.repeat(100), { messages: 5 }, "x".repeat(200_000), ask("<image>")];
    for (const body of bodies) await post(url, CHAT, body).catch(() => undefined);
    const socket = begin(url, 5000);
    await until(async () => (await held(url)) === 5000);
    socket.end();
    await text(socket);
    await until(async () => (await held(url)) === 0);
  });
});
