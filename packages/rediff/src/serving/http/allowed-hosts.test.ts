import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isBuilt, startTestServer, type TestServer } from "../testing/start.js";
import { isLoopback } from "./allowed-hosts.js";

/** A status, and the code of the error that came with it. */
async function ask(url: string, path: string, hosts: readonly string[], version = "1.1"): Promise<[number, unknown]> {
  return send(url, [`GET ${path} HTTP/${version}`, ...hosts.map((host) => `Host: ${host}`)]);
}

async function send(url: string, lines: readonly string[], sent = ""): Promise<[number, unknown]> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.write([...lines, "connection: close", "", sent].join("\r\n"));
  const [head = "", body = ""] = (await text(socket)).split("\r\n\r\n");
  const status = Number(head.split(" ")[1]);
  return [status, status < 400 ? undefined : (JSON.parse(body) as { error: { code: unknown } }).error.code];
}

test.each([
  ["localhost", true],
  ["LOCALHOST", true],
  ["studio.localhost", true],
  ["127.0.0.1", true],
  ["127.9.9.9", true],
  ["[::1]", true],
  ["::1", true],
  ["localhost.evil.example", false],
  ["127.0.0.1.evil.example", false],
  ["notlocalhost", false],
  ["0.0.0.0", false],
  ["localhost.", true],
  ["127.0.0.1.nip.io", false],
  ["127.0.0.1.", false],
  ["0177.0.0.1", false],
  ["0x7f.0.0.1", false],
  ["2130706433", false],
  ["127.1", false],
  ["user@localhost", false],
  ["localhost,evil.example", false],
  ["[::1%lo]", false],
  ["", false],
])("%j leads to this machine only: %s", (host, expected) => {
  expect(isLoopback(host)).toBe(expected);
});

describe.skipIf(!isBuilt)("a server without keys on loopback", () => {
  let started: TestServer;
  beforeAll(async () => {
    const app = { allowedHosts: ["box.example"], corsOrigins: ["https://app.example"] };
    started = await startTestServer({ app });
  });
  afterAll(() => started[Symbol.asyncDispose]());

  test("answers nobody who calls it by another name, whatever is asked for", async () => {
    for (const path of ["/health", "/metrics", "/v1/models", "/openapi.json", "/", "/nothing"]) {
      expect(await ask(started.url, path, ["evil.example"])).toEqual([421, "unknown_host"]);
      expect(await ask(started.url, path, ["localhost.evil.example:8080"])).toEqual([421, "unknown_host"]);
    }
    const { port } = new URL(started.url);
    for (const host of [`127.0.0.1:${port}`, "localhost", "[::1]:80", "box.example:9", "BOX.example"])
      expect(await ask(started.url, "/health", [host])).toEqual([200, undefined]);
  });

  test("refuses two hosts, and none, in the API's form", async () => {
    expect(await ask(started.url, "/health", ["localhost", "evil.example"])).toEqual([400, "invalid_host"]);
    expect(await ask(started.url, "/health", ["evil.example", "localhost"])).toEqual([400, "invalid_host"]);
    expect(await ask(started.url, "/health", [])).toEqual([400, "invalid_host"]);
    expect(await ask(started.url, "/health", [], "1.0")).toEqual([421, "unknown_host"]);
  });

  test("takes a host in the request line, an upgrade, a preflight, and leave to send a body for no way around", async () => {
    expect(await ask(started.url, "http://evil.example/v1/models", ["localhost"])).toEqual([400, "invalid_host"]);
    expect(await ask(started.url, "http://localhost/v1/models", ["evil.example"])).toEqual([400, "invalid_host"]);
    expect(await ask(started.url, "http://evil.example/v1/models", ["evil.example"])).toEqual([421, "unknown_host"]);
    expect(await ask(started.url, "http://LOCALHOST/health", ["localhost"])).toEqual([200, undefined]);
    const evil = "Host: evil.example";
    for (const head of [
      ["GET / HTTP/1.1", evil, "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: x"],
      ["OPTIONS /v1/refine HTTP/1.1", evil, "Origin: http://evil.example", "Access-Control-Request-Method: POST"],
      ["POST /v1/refine HTTP/1.1", evil, "Expect: 100-continue", "Content-Length: 2"],
      ["GET /metrics HTTP/1.1", evil, "X-Forwarded-Host: localhost", "Forwarded: host=localhost"],
    ])
      expect(await send(started.url, head)).toEqual([421, "unknown_host"]);
    // A Host header that is none; which of us refuses it does not matter.
    for (const host of [
      "user@localhost",
      "localhost:80:80",
      "localhost/x",
      "localhost evil.example",
      "[::1%lo]",
      "\u24dbocalhost",
    ])
      expect((await ask(started.url, "/metrics", [host]))[0]).toBe(400);
  });

  const JSON_BODY = ["Host: localhost", "Content-Type: application/json", "Content-Length: 2"];
  const EVERY_POST = ["/v1/chat/completions", "/v1/refine", "/v1/fill", "/v1/pictures"];

  test("works for no page of another site, and for those that are named", async () => {
    for (const path of EVERY_POST)
      for (const from of [
        "Origin: http://evil.example",
        "Origin: http://localhost.evil.example",
        "Origin: null",
        "Origin: chrome-extension://abcdef",
        "Sec-Fetch-Site: cross-site",
      ])
        expect(await send(started.url, [`POST ${path} HTTP/1.1`, ...JSON_BODY, from], "{}")).toEqual([
          403,
          "foreign_origin",
        ]);
    for (const from of [
      `Origin: ${started.url}`,
      "Origin: http://localhost:5173",
      "Origin: https://box.example",
      "Origin: https://app.example",
      "Sec-Fetch-Site: same-origin",
      "X: what is no browser says nothing",
    ])
      expect((await send(started.url, [`POST /v1/refine HTTP/1.1`, ...JSON_BODY, from], "{}"))[0]).toBe(400);
  });

  test("reads no body that a page could send without asking first", async () => {
    for (const path of EVERY_POST)
      for (const type of [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        undefined,
      ]) {
        const head = [
          `POST ${path} HTTP/1.1`,
          "Host: localhost",
          ...(type === undefined ? [] : [`Content-Type: ${type}`]),
        ];
        expect(await send(started.url, [...head, "Content-Length: 2"], "{}")).toEqual([415, "unsupported_media_type"]);
      }
  });
});

test.skipIf(!isBuilt)("a server that is open to others answers under every name", async () => {
  await using started = await startTestServer();
  expect(await ask(started.url, "/health", ["gpu-box.example"])).toEqual([200, undefined]);
});

test.skipIf(!isBuilt)("what a path says cannot steer the terminal that shows the log", async () => {
  await using started = await startTestServer({ app: { accessLog: true } });
  await ask(started.url, "/%1b%5b31m%0a2026-01-01T00:00:00Z%20GET%20/forged%20200%c2%9b%e2%80%ae", ["localhost"]);
  const [line, ...more] = started.log;
  expect(more).toEqual([]);
  expect(line).toMatch(/^\S+ GET \/\u00b7\[31m\u00b72026-01-01T00:00:00Z GET \/forged 200\u00b7\u00b7 404 \d/);
});
