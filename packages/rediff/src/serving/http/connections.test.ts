/** Clients by the hundred, and descriptors that run out. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { afterEach, describe, expect, test } from "vitest";
import { program } from "../../testing/command-line.js";
import { isBuilt, metric, post, until } from "../testing/start.js";
import { connectionLimit } from "./connections.js";
import { listen } from "./listen.js";

describe("how many there may be", () => {
  test("1,024, or as many as leave 160 descriptors", () => {
    expect(connectionLimit(undefined, Number.POSITIVE_INFINITY)).toBe(1024);
    expect(connectionLimit(undefined, 1024)).toBe(864);
    expect(connectionLimit(2000, 1_048_576)).toBe(2000);
  });

  test("more than there are descriptors for is an error that says how many, and what to do", () => {
    expect(() => connectionLimit(1000, 1024)).toThrow(/1000 needs 1160 open files, and this process may have 1024/);
    expect(() => connectionLimit(undefined, 128)).toThrow(/may open 128 files, and a server needs 161/);
  });
});

let sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  sockets = [];
});

function open(url: string, head = ""): Socket {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.on("error", () => undefined);
  socket.write(head);
  sockets.push(socket);
  return socket;
}

const GET = "GET / HTTP/1.1\r\nhost: localhost\r\n";

test("one connection too many is told so in the API's form and closed; the others go on; the log says it once", async () => {
  const log: string[] = [];
  let refused = 0;
  const listener = await listen(async () => new Response("ok"), {
    host: "127.0.0.1",
    port: 0,
    requestTimeout: 20,
    writeTimeout: 20,
    maxConnections: 3,
    log: (line) => log.push(line),
    onRefused: () => refused++,
  });
  try {
    const [first] = [1, 2, 3].map(() => open(listener.url));
    await until(() => listener.connections === 3);
    for (let i = 0; i < 3; i++) {
      const [head = "", body = ""] = (await text(open(listener.url, `${GET}\r\n`))).split("\r\n\r\n");
      expect(head).toMatch(/^HTTP\/1\.1 503 /);
      expect(head).toMatch(/^retry-after: 1\r?$/m);
      expect(JSON.parse(body)).toMatchObject({
        error: { type: "service_unavailable_error", param: null, code: "too_many_connections" },
      });
    }
    const silent = open(listener.url);
    await once(silent, "close"); // in a second, asked or not
    expect(refused).toBe(4);
    expect(log).toEqual([expect.stringMatching(/^more than 3 connections at once: .*--max-connections/)]);
    first?.write(`${GET}connection: close\r\n\r\n`);
    expect(await text(first!)).toMatch(/^HTTP\/1\.1 200 /);
    await until(() => listener.connections === 2);
    expect(await text(open(listener.url, `${GET}connection: close\r\n\r\n`))).toMatch(/^HTTP\/1\.1 200 /);
  } finally {
    await listener.close();
  }
});

test("hundreds beyond the limit are closed without a word, and counted", async () => {
  let refused = 0;
  const listener = await listen(async () => new Response("ok"), {
    host: "127.0.0.1",
    port: 0,
    requestTimeout: 20,
    writeTimeout: 20,
    maxConnections: 3,
    log: () => undefined,
    onRefused: () => refused++,
  });
  try {
    for (let i = 0; i < 203; i++) open(listener.url);
    await until(() => refused === 200);
    expect(listener.connections).toBeLessThanOrEqual(3 + 32);
  } finally {
    await listener.close();
  }
});

// Windows has no such limit, and no `ulimit`.
describe.skipIf(!isBuilt || process.platform === "win32")("a server with few descriptors", () => {
  test("refuses what is too much, and goes on to decode pictures and to start models", async () => {
    const args = [program, "serve", "--port", "0", "--threads", "1"];
    const child = spawn("/bin/sh", ["-c", 'ulimit -n 256; exec "$0" "$@"', process.execPath, ...args], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    try {
      const [url] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
      const all = Array.from({ length: 400 }, () => open(url));
      const [kept] = all;
      await until(() => all.filter(({ closed }) => closed).length > 200);
      const body = JSON.stringify({ messages: [{ role: "user", content: "a" }], max_tokens: 2, model: "llada-v-demo" });
      kept?.write(
        `POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      );
      // A second model: a process of its own, started while the place for clients is full.
      expect(await text(kept!)).toMatch(/^HTTP\/1\.1 200 /);
      for (const socket of all) socket.destroy();
      await until(async () => (await metric(url, "rediff_connections")) <= 2);
      expect(await metric(url, "rediff_refused_connections_total")).toBeGreaterThan(200);
      expect((await post(url, "/v1/chat/completions", JSON.parse(body))).status).toBe(200);
    } finally {
      child.kill("SIGKILL");
    }
  });
});
