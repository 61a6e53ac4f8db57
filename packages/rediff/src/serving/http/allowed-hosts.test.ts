import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { isBuilt, startTestServer } from "../testing/start.js";
import { isLoopback } from "./allowed-hosts.js";

/** A status, and the code of the error that came with it. */
async function ask(url: string, path: string, hosts: readonly string[], version = "1.1"): Promise<[number, unknown]> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  const lines = [`GET ${path} HTTP/${version}`, ...hosts.map((host) => `Host: ${host}`), "connection: close"];
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
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
  ["", false],
])("%j leads to this machine only: %s", (host, expected) => {
  expect(isLoopback(host)).toBe(expected);
});

describe.skipIf(!isBuilt)("a server without keys on loopback", () => {
  test("answers nobody who calls it by another name, whatever is asked for", async () => {
    await using started = await startTestServer({ app: { allowedHosts: ["box.example"] } });
    const { url } = started;
    for (const path of ["/health", "/metrics", "/v1/models", "/openapi.json", "/", "/nothing"]) {
      expect(await ask(url, path, ["evil.example"])).toEqual([421, "unknown_host"]);
      expect(await ask(url, path, ["localhost.evil.example:8080"])).toEqual([421, "unknown_host"]);
    }
    const { port } = new URL(url);
    for (const host of [`127.0.0.1:${port}`, "localhost", "[::1]:80", "box.example:9", "BOX.example"])
      expect(await ask(url, "/health", [host])).toEqual([200, undefined]);
  });

  test("refuses two hosts, and none, in the API's form", async () => {
    await using started = await startTestServer({ app: { allowedHosts: [] } });
    const { url } = started;
    expect(await ask(url, "/health", ["localhost", "evil.example"])).toEqual([400, "invalid_host"]);
    expect(await ask(url, "/health", ["evil.example", "localhost"])).toEqual([400, "invalid_host"]);
    expect(await ask(url, "/health", [])).toEqual([400, "invalid_host"]);
    expect(await ask(url, "/health", [], "1.0")).toEqual([421, "unknown_host"]);
  });
});

test.skipIf(!isBuilt)("a server that is open to others answers under every name", async () => {
  await using started = await startTestServer();
  expect(await ask(started.url, "/health", ["gpu-box.example"])).toEqual([200, undefined]);
});
