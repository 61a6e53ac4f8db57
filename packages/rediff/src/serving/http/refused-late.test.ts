/** Refusals reach clients that are still sending. */
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isBuilt, metric, startTestServer, type TestServer, until } from "../testing/start.js";

const LIMIT = 1 << 20;
let started: TestServer;
beforeAll(async () => {
  if (isBuilt) started = await startTestServer({ bodyLimit: LIMIT, bodiesLimit: 2 * LIMIT });
});
afterAll(() => started?.[Symbol.asyncDispose]());

/** All that comes back to who goes on sending whatever it hears. */
async function send(head: string, body: readonly Uint8Array[]): Promise<string> {
  const socket = connect(Number(new URL(started.url).port), "127.0.0.1");
  socket.write(`POST ${head}\r\nhost: localhost\r\ncontent-type: application/json\r\n\r\n`);
  for (const piece of body) socket.write(piece);
  return text(socket);
}

const large = Buffer.alloc(LIMIT, "x");
const chunkOf = (bytes: number) => Buffer.from(`${bytes.toString(16)}\r\n${"x".repeat(bytes)}\r\n`);
const chunk = chunkOf(LIMIT);
const CHUNKED = "transfer-encoding: chunked";

describe.skipIf(!isBuilt)("an answer that comes before the body's end", () => {
  test.each<[string, string, readonly Uint8Array[], RegExp]>([
    ["a length beyond the limit", `content-length: ${12 * LIMIT}`, Array(12).fill(large), /^HTTP\/1\.1 413 /],
    ["chunks beyond the limit", CHUNKED, Array(12).fill(chunk), /^HTTP\/1\.1 413 /],
    ["the same, to be closed", `connection: close\r\n${CHUNKED}`, Array(12).fill(chunk), /^HTTP\/1\.1 413 /],
  ])("is read by its client: %s", async (_, header, body, expected) => {
    const answer = await send(`/v1/refine HTTP/1.1\r\n${header}`, body);
    expect(answer).toMatch(expected);
    expect(answer).toMatch(/^connection: close\r$/im);
    expect(answer).toContain('"code":"body_too_large"');
  });

  test("is read by its client: a path that there is not", async () => {
    expect(await send(`/nothing HTTP/1.1\r\n${CHUNKED}`, Array(12).fill(chunk))).toMatch(/^HTTP\/1\.1 404 /);
  });

  test("does not keep the connection for who sends for ever", async () => {
    const socket = connect(Number(new URL(started.url).port), "127.0.0.1");
    socket.on("error", () => undefined);
    socket.write(`POST /nothing HTTP/1.1\r\nhost: localhost\r\n${CHUNKED}\r\n\r\n`);
    const more = setInterval(() => socket.write(chunk), 20);
    await new Promise((resolve) => socket.once("close", resolve));
    clearInterval(more);
    await until(async () => (await metric(started.url, "rediff_connections")) <= 1);
  });
});

describe.skipIf(!isBuilt)("chunks of a byte, each of which is a call,", () => {
  const fine = (count: number) => Buffer.from("1\r\nx\r\n".repeat(count));

  test("are refused", async () => {
    const answer = await send(`/v1/refine HTTP/1.1\r\n${CHUNKED}`, [fine(100_000)]);
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r$/m);
    expect(answer).toMatch(/^connection: close\r$/im);
    expect(answer).toContain('"code":"chunks_too_small"');
  });

  test("are refused where nobody reads a body", async () => {
    for (const head of ["/nothing HTTP/1.1", "/health HTTP/1.1"])
      expect(await send(`${head}\r\n${CHUNKED}`, [fine(100_000)])).toMatch(/^HTTP\/1\.1 40[045] /);
  });

  test("end their parse there: what was read with them is not looked at", async () => {
    // Behind the first refusal lies a chunk with a size that is none.
    const answer = await send(`/v1/refine HTTP/1.1\r\n${CHUNKED}`, [
      Buffer.concat([fine(3000), Buffer.from("zz\r\n")]),
    ]);
    expect(answer).toContain('"code":"chunks_too_small"');
  });

  test("come as they like in small requests, and among larger ones", async () => {
    const bodies = [
      fine(500),
      ...Array(50)
        .fill(fine(50))
        .flatMap((few) => [few, chunkOf(1000)]),
    ];
    const answer = await send(`/v1/refine HTTP/1.1\r\nconnection: close\r\n${CHUNKED}`, [
      ...bodies,
      Buffer.from("0\r\n\r\n"),
    ]);
    expect(answer).toContain('"code":"invalid_json"');
  });
});
