/** What is answered before a body is read, or a route is found. */
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isBuilt, startTestServer, type TestServer } from "../testing/start.js";

let started: TestServer;
beforeAll(async () => {
  if (isBuilt) started = await startTestServer({ bodyLimit: 1000 });
});
afterAll(() => started?.[Symbol.asyncDispose]());

/** All that comes back. */
async function send(head: readonly string[], body = ""): Promise<string> {
  const socket = connect(Number(new URL(started.url).port), "127.0.0.1");
  socket.write([...head, "Host: localhost", "Connection: close", "", body].join("\r\n"));
  return text(socket);
}

function errorIn(answer: string): [number, unknown] {
  const [head = "", body = ""] = answer.split("\r\n\r\n");
  const { error } = JSON.parse(body) as { error: { code: unknown; message: string; type: string } };
  expect(Object.keys(error)).toEqual(["message", "type", "param", "code"]);
  return [Number(head.split(" ")[1]), error.code];
}

describe.skipIf(!isBuilt)("errors have the API's form", () => {
  test.each(["TRACE", "OPTIONS", "PROPFIND", "PUT", "DELETE"])("%s where only GET is possible", async (method) => {
    const answer = await send([`${method} /v1/models HTTP/1.1`]);
    expect(errorIn(answer)).toEqual([405, "method_not_allowed"]);
    expect(answer).toMatch(/^allow: GET\r$/im);
    expect(errorIn(await send([`${method} /v1/refine HTTP/1.1`]))).toEqual([405, "method_not_allowed"]);
  });

  test("an expectation that nobody knows", async () => {
    expect(errorIn(await send(["GET /health HTTP/1.1", "Expect: 200-maybe"]))).toEqual([417, "expectation_failed"]);
  });
});

describe.skipIf(!isBuilt)("leave to send a body", () => {
  const post = ["POST /v1/refine HTTP/1.1", "Expect: 100-continue"];
  const json = "Content-Type: application/json";

  test.each<[string, string[], [number, string]]>([
    ["too large", [json, "Content-Length: 5000"], [413, "body_too_large"]],
    ["of another type", ["Content-Type: text/plain", "Content-Length: 2"], [415, "unsupported_media_type"]],
  ])("is not given to one that is %s", async (_, headers, expected) => {
    const answer = await send([...post, ...headers]);
    expect(answer).not.toContain("100 Continue");
    expect(errorIn(answer)).toEqual(expected);
  });

  test("is given to one that will be read", async () => {
    const answer = await send([...post, json, "Content-Length: 2"], "{}");
    const [leave, rest = ""] = answer.split(/(?<=100 Continue\r\n\r\n)/);
    expect(leave).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    expect(errorIn(rest)).toEqual([400, "invalid_value"]);
  });
});
