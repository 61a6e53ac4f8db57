/** Clients that are slow, broken or gone, on a real socket. */
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Listener, listen } from "./listen.js";

let listener: Listener;
let bodies = 0;
beforeAll(async () => {
  listener = await listen(
    async (request) => {
      const url = new URL(request.url);
      if (url.pathname === "/body") {
        await request.arrayBuffer();
        bodies++;
      }
      const large = url.pathname === "/large";
      return new Response(large ? Buffer.alloc(64 << 20) : "ok");
    },
    { host: "127.0.0.1", port: 0, requestTimeout: 1, writeTimeout: 3, maxConnections: 100, log: () => undefined },
  );
});
afterAll(() => listener.close());

const open = (head: string): Socket => {
  const socket = connect(Number(new URL(listener.url).port), "127.0.0.1");
  socket.on("error", () => undefined);
  socket.write(head);
  return socket;
};

async function answer(socket: Socket): Promise<{ status: string; body: { error: { message: string } } }> {
  const [head = "", body = ""] = (await text(socket)).split("\r\n\r\n");
  return { status: head.split(" ")[1] ?? "", body: JSON.parse(body) };
}

test("a body that does not come, headers that do not come: 408 with an error object", async () => {
  const post = "POST /body HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
  for (const head of [`${post}content-length: 100\r\n\r\n{`, "GET / HTTP/1.1\r\nhost: x\r\nx-slow:"]) {
    const { status, body } = await answer(open(head));
    expect(status).toBe("408");
    expect(body.error.message).toBe("the request did not arrive in time");
  }
  expect(bodies).toBe(0);
});

test("what is not HTTP, and what is too much of it", async () => {
  expect(await answer(open("\x16\x03\x01 hello\r\n\r\n"))).toMatchObject({
    status: "400",
    body: { error: { param: null } },
  });
  expect(await answer(open(`GET / HTTP/1.1\r\nhost: x\r\nx: ${"y".repeat(20_000)}\r\n\r\n`))).toMatchObject({
    status: "431",
  });
  expect(await answer(open("CONNECT evil.example:443 HTTP/1.1\r\nhost: evil.example:443\r\n\r\n"))).toMatchObject({
    status: "405",
    body: { error: { message: "this is no proxy" } },
  });
  expect(await answer(open("GET /a\\b HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"))).toMatchObject({
    status: "400",
  });
});

test("a client that takes nothing of its answer is dropped, one that is slow is not", async () => {
  const head = "GET /large HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
  const idle = open(head).pause();
  const closed = new Promise((resolve) => idle.once("close", resolve));
  const slow = open(head);
  let bytes = 0;
  slow.on("data", (chunk) => {
    bytes += chunk.length;
    slow.pause();
    setTimeout(() => slow.resume(), 1);
  });
  await new Promise((resolve) => slow.once("end", resolve));
  expect(bytes).toBeGreaterThan(64 << 20);
  const connections = () => new Promise<number>((resolve) => listener.server.getConnections((_, n) => resolve(n)));
  while ((await connections()) > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  idle.resume(); // it learns only by reading that it was dropped
  await closed;
  expect(idle.bytesRead).toBeLessThan(64 << 20);
}, 60_000);

test("a client that takes nothing and sends a byte now and then is dropped, too", async () => {
  const socket = open("GET /large HTTP/1.1\r\nhost: x\r\n\r\n");
  const closed = new Promise((resolve) => socket.once("close", resolve));
  await new Promise((resolve) => socket.once("connect", resolve));
  socket.pause();
  // Empty lines between requests are allowed.
  const trickle = setInterval(() => socket.write("\r\n"), 200);
  try {
    const connections = () => new Promise<number>((resolve) => listener.server.getConnections((_, n) => resolve(n)));
    while ((await connections()) > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  } finally {
    clearInterval(trickle);
  }
  socket.resume();
  await closed;
  expect(socket.bytesRead).toBeLessThan(64 << 20);
}, 30_000);

test("a port that is taken, an address that is not ours", async () => {
  const port = Number(new URL(listener.url).port);
  const options = { requestTimeout: 1, writeTimeout: 1, maxConnections: 100, log: () => undefined };
  const fetch = async () => new Response("");
  await expect(listen(fetch, { host: "127.0.0.1", port, ...options })).rejects.toMatchObject({
    line: `port ${port} on 127.0.0.1 is in use. Choose another --port; 0 takes a free one`,
  });
  await expect(listen(fetch, { host: "192.0.2.1", port: 0, ...options })).rejects.toThrow(/no address of this machine/);
});
