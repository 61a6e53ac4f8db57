/** Clients that send on when their answer is there, on a real socket. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Listener, listen } from "./listen.js";

let listener: Listener;
beforeAll(async () => {
  listener = await listen(
    async (request) => {
      if (new URL(request.url).pathname === "/some") await request.body?.getReader().read();
      return new Response("refused", { status: 413, headers: { connection: "close" } });
    },
    { host: "127.0.0.1", port: 0, requestTimeout: 60, writeTimeout: 60, maxConnections: 100, log: () => undefined },
  );
});
afterAll(() => listener.close());

const open = (head: string): Socket => {
  const socket = connect({ port: Number(new URL(listener.url).port), host: "127.0.0.1", allowHalfOpen: true });
  socket.on("error", () => undefined);
  socket.write(head);
  return socket;
};

const BODY = 16 << 20;
const post = (path: string, more = "") =>
  `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${more}content-length: ${BODY}\r\n\r\n`;

test.each([
  ["is not read at all", post("/none"), "413"],
  ["is read in part", post("/some"), "413"],
  ["has no Host header before it", post("/none").replace("host: x\r\n", ""), "400"],
  ["has an expectation before it", post("/none", "expect: more\r\n"), "417"],
  ["has another expectation before it than leave to come", post("/none", "expect: 100-continue, more\r\n"), "417"],
  ["is none", "CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n", "405"],
  ["comes behind what is not HTTP", "hello\r\n\r\n", "400"],
])("a client that sends all of its body before it reads gets its answer where the body %s", async (_, head, status) => {
  const socket = open(head).pause();
  await new Promise((sent) => socket.write(Buffer.alloc(BODY), sent));
  socket.end();
  expect(await text(socket)).toMatch(`HTTP/1.1 ${status} `);
});

describe("a connection whose answer is the last", () => {
  test("ends soon, though its client sends a byte now and then", async () => {
    const heads = ["hello\r\n\r\n", "CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n", post("/none")];
    const ends = heads.map(async (head) => {
      const socket = open(head).resume();
      const trickle = setInterval(() => socket.write("x"), 200);
      await new Promise((closed) => socket.once("close", closed));
      clearInterval(trickle);
    });
    await Promise.all(ends);
  }, 20_000);

  test("ends at once with the server", async () => {
    const other = await listen(async () => new Response(), {
      ...{ host: "127.0.0.1", port: 0, requestTimeout: 60, writeTimeout: 60, maxConnections: 100 },
      log: () => undefined,
    });
    const socket = connect({ port: Number(new URL(other.url).port), host: "127.0.0.1", allowHalfOpen: true });
    socket.on("error", () => undefined).write("CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n");
    await once(socket, "data");
    const started = performance.now();
    await other.close();
    expect(performance.now() - started).toBeLessThan(2000);
    socket.destroy();
  });
});
