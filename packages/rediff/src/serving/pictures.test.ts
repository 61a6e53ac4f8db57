/** POST /v1/pictures: what browsers cannot show, as what they can. */
import { readFileSync } from "node:fs";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fixturePath } from "../vision/fixtures/pillow.js";
import { decodingLimits } from "../vision/workers/decoding-limits.js";
import { toApiError } from "./http/error-object.js";
import { Redraws } from "./media/redraws.js";
import { isBuilt, startTestServer, type TestServer } from "./testing/start.js";

interface Answer {
  url: string;
  width: number;
  height: number;
  original: { width: number; height: number };
  error: { message: string; param: string | null; code: string };
}

describe.skipIf(!isBuilt)("pictures for the page", () => {
  let started: TestServer;
  beforeAll(async () => {
    started = await startTestServer({
      app: { apiKeys: ["key"], corsOrigins: ["https://a.example"] },
      bodyLimit: 100_000,
    });
  });
  afterAll(() => started[Symbol.asyncDispose]());

  const send = async (body: Uint8Array | string, query = "", headers: Record<string, string> = {}) => {
    const response = await fetch(`${started.url}/v1/pictures${query}`, {
      method: "POST",
      headers: { authorization: "Bearer key", "content-type": "application/octet-stream", ...headers },
      body: typeof body === "string" ? body : new Uint8Array(body),
    });
    return { status: response.status, answer: (await response.json()) as Answer };
  };
  const file = (name: string) => readFileSync(fixturePath(name));

  test.each([
    ["turned.heic", { width: 36, height: 48 }],
    ["alpha.heic", { width: 48, height: 36 }],
    ["upright6.tif", undefined],
    ["ycbcr.tif", undefined],
  ])("%s comes back upright as a PNG that requests can carry", async (name, original) => {
    const { status, answer } = await send(file(name), "?max_side=24", { "content-type": "image/x-anything" });
    expect(status).toBe(200);
    if (original !== undefined) expect(answer.original).toEqual(original);
    expect(Math.max(answer.width, answer.height)).toBe(24);
    const [head, base64 = ""] = answer.url.split(",");
    expect(head).toBe("data:image/png;base64");
    const { format, width, height, orientation } = await sharp(Buffer.from(base64, "base64")).metadata();
    expect({ format, width, height, orientation }).toEqual({
      format: "png",
      width: answer.width,
      height: answer.height,
      orientation: undefined,
    });
    const refined = await fetch(`${started.url}/v1/refine`, {
      method: "POST",
      headers: { authorization: "Bearer key", "content-type": "application/json" },
      body: JSON.stringify({ image: answer.url, draft: "a cat" }),
    });
    expect(refined.status).toBe(200);
  });

  test("without max_side it keeps its size", async () => {
    expect((await send(file("turned.heic"))).answer).toMatchObject({ width: 36, height: 48 });
  });

  test("the key is asked for, and pages of other origins need to be named", async () => {
    expect(await send(file("color.heic"), "", { authorization: "Bearer other" })).toMatchObject({ status: 401 });
    // A type that a page may send to anybody without asking first would let every page use this server.
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a"])
      expect(await send(file("color.heic"), "", { "content-type": type })).toMatchObject({ status: 415 });
    const preflight = (origin: string) =>
      fetch(`${started.url}/v1/pictures`, {
        method: "OPTIONS",
        headers: { origin, "access-control-request-method": "POST" },
      });
    expect((await preflight("https://a.example")).headers.get("access-control-allow-origin")).toBe("https://a.example");
    expect((await preflight("https://b.example")).headers.get("access-control-allow-origin")).toBeNull();
  });

  test("too large: the body, and what the header promises", async () => {
    expect(await send(Buffer.alloc(100_001))).toMatchObject({
      status: 413,
      answer: { error: { code: "body_too_large" } },
    });
    const huge = await sharp({ create: { width: 1100, height: 1000, channels: 3, background: "red" } })
      .tiff({ compression: "lzw" })
      .toBuffer();
    expect(huge.length).toBeLessThan(100_000);
    const { status, answer } = await send(huge);
    expect([status, answer.error.code]).toEqual([400, "invalid_image"]);
    expect(answer.error.message).toMatch(
      /^the picture: 1100 x 1000 pixels; at most 1000000 .*raise the server's limit/,
    );
  });

  test("no picture, a damaged one, nothing, a compressed body: each is told", async () => {
    const told = async (body: Uint8Array | string, headers = {}) => {
      const { status, answer } = await send(body, "", headers);
      return [status, answer.error.code, answer.error.message] as const;
    };
    expect(await told("words and words")).toEqual([
      400,
      "invalid_image",
      expect.stringMatching(/^the picture: looks like text; expected JPEG/),
    ]);
    expect(await told(file("color.heic").subarray(0, 300))).toEqual([
      400,
      "invalid_image",
      expect.stringMatching(/HEIC file is truncated or damaged/),
    ]);
    expect(await told("")).toEqual([400, "empty_body", "the body is empty; expected a file"]);
    expect(await told(file("color.heic"), { "content-encoding": "gzip" })).toMatchObject({ 0: 415 });
    // The next one is not the worse for it.
    expect(await send(file("color.heic"))).toMatchObject({ status: 200 });
  });

  test.each(["0", "-1", "1.5", "99999", "", "1e3", "a"])("max_side=%s is refused by name", async (side) => {
    const { status, answer } = await send(file("color.heic"), `?max_side=${side}`);
    expect([status, answer.error.param]).toEqual([400, "max_side"]);
  });

  test("other fields and other methods are refused", async () => {
    expect(await send(file("color.heic"), "?side=3")).toMatchObject({
      status: 400,
      answer: { error: { param: "side", code: "unknown_parameter" } },
    });
    const got = await fetch(`${started.url}/v1/pictures`, { headers: { authorization: "Bearer key" } });
    expect([got.status, got.headers.get("allow")]).toEqual([405, "POST"]);
  });

  test("of a crowd of pictures some wait, the others are told to come again, and nothing is left of it", async () => {
    const redraws = new Redraws(decodingLimits({}));
    const drawn = () => redraws.redraw(file("color.heic"), { maxSide: 8 }, new AbortController().signal);
    const crowd = await Promise.allSettled(Array.from({ length: 20 }, drawn));
    const refused = crowd.flatMap((each) => (each.status === "rejected" ? [each.reason] : []));
    expect(refused).toHaveLength(4);
    for (const reason of refused) expect(toApiError(reason, () => {})).toMatchObject({ status: 429 });
    expect(await drawn()).toMatchObject({ width: 8, height: 6 });
    await redraws.close();
  });

  test("nothing of a picture is logged", () => {
    expect(started.log.join("\n")).not.toMatch(/heic|the picture/i);
  });
});
