/** The border: keys, origins, limits, strange bodies, files. */
import { spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { folderOfFile } from "../testing/folders.js";
import { isBuilt, pictureUrl, post, startTestServer, type TestServer } from "./testing/start.js";

// Processes that load libtorch, on machines that do much else.
const CHAT = "/v1/chat/completions";
const say = (content: unknown, extra: object = {}) => ({ messages: [{ role: "user", content }], ...extra });
const picture = (url: string) => say([{ type: "image_url", image_url: { url } }]);
interface Failure {
  error: { message: string; type: string; param: string | null; code: string | null };
}

describe.skipIf(!isBuilt)("keys, origins, files", () => {
  const studio = folderOfFile().path;
  const secret = folderOfFile().path;
  let started: TestServer;
  beforeAll(async () => {
    started = await startTestServer({
      app: { apiKeys: ["first", "second"], corsOrigins: ["https://page.example"], studioFolder: studio },
      media: { allowUrls: true },
    });
  });
  afterAll(async () => {
    await started[Symbol.asyncDispose]();
  });
  const withKey = (key?: string) => ({
    headers: { "content-type": "application/json", ...(key !== undefined && { authorization: key }) },
  });

  test("API keys", async () => {
    for (const key of [undefined, "", "Bearer", "Bearer ", "Bearer third", "first", "Bearer firs", "Bearer first2"]) {
      const { status, body } = await post(started.url, CHAT, say("hello"), withKey(key));
      expect([key, status]).toEqual([key, 401]);
      expect((body as Failure).error).toMatchObject({ type: "authentication_error", code: "invalid_api_key" });
    }
    for (const key of ["Bearer first", "bearer second"])
      expect((await post(started.url, CHAT, say("hello"), withKey(key))).status).toBe(200);
    expect((await fetch(`${started.url}/v1/models`)).status).toBe(401);
    for (const path of ["/health", "/ready", "/metrics", "/openapi.json"])
      expect((await fetch(started.url + path)).status).toBe(200);
  });

  test("CORS: asked-for origins only, and the preflight needs no key", async () => {
    const preflight = (origin: string) =>
      fetch(started.url + CHAT, {
        method: "OPTIONS",
        headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "authorization" },
      });
    const allowed = await preflight("https://page.example");
    expect(allowed.headers.get("access-control-allow-origin")).toBe("https://page.example");
    expect(allowed.headers.get("access-control-allow-headers")).toContain("authorization");
    expect((await preflight("https://other.example")).headers.get("access-control-allow-origin")).toBeNull();
  });

  test("pictures from this machine's network are not fetched", async () => {
    for (const url of [
      `${started.url}/metrics`,
      "http://169.254.169.254/latest/meta-data",
      "http://[::1]/",
      "http://localhost/",
    ]) {
      const { status, body } = await post(started.url, CHAT, picture(url), withKey("Bearer first"));
      expect([url, status]).toEqual([url, 400]);
      expect((body as Failure).error.message).toMatch(/cannot be fetched. Only public addresses are asked/);
    }
  });

  test("the studio: says what is missing, then serves its files and nothing else", async () => {
    const missing = await fetch(started.url);
    expect(missing.status).toBe(503);
    expect(await missing.text()).toContain("npm run build");

    mkdirSync(join(studio, "assets"));
    writeFileSync(join(studio, "assets", "app-1.js"), "export {};");
    writeFileSync(join(secret, "secret.txt"), "secret");
    symlinkSync(join(secret, "secret.txt"), join(studio, "link.txt"));
    writeFileSync(join(studio, "index.html"), "<!doctype html><title>Studio</title>");
    const page = await fetch(started.url);
    expect([page.status, page.headers.get("content-type"), page.headers.get("cache-control")]).toEqual([
      200,
      "text/html; charset=utf-8",
      "no-cache",
    ]);
    expect(page.headers.get("content-security-policy")).toMatch(/^default-src 'none'; script-src 'self';/);
    expect(page.headers.get("x-content-type-options")).toBe("nosniff");
    const script = await fetch(`${started.url}/assets/app-1.js`);
    expect([script.headers.get("content-type"), script.headers.get("cache-control")]).toEqual([
      "text/javascript; charset=utf-8",
      "public, max-age=31536000, immutable",
    ]);

    // Encoded as the browser takes it.
    const styles = `a { color: red }\n`.repeat(200);
    writeFileSync(join(studio, "assets", "style-1.css"), styles);
    writeFileSync(join(studio, "index.html"), "<!doctype html><title>Built anew</title>");
    utimesSync(join(studio, "index.html"), 1, 1);
    for (const [accepted, encoding] of [
      ["gzip, deflate, br", "br"],
      ["gzip", "gzip"],
      ["identity", null],
      ["br;q=0", null],
      ["zstd", null],
    ] as const) {
      const style = await fetch(`${started.url}/assets/style-1.css`, { headers: { "accept-encoding": accepted } });
      expect([accepted, style.headers.get("content-encoding")]).toEqual([accepted, encoding]);
      expect(style.headers.get("vary")).toBe("Accept-Encoding");
      expect(await style.text()).toBe(styles);
    }
    expect(script.headers.get("vary")).toBeNull(); // too small to gain

    // fetch() would tidy these paths up.
    const raw = (path: string) =>
      new Promise<number | undefined>((resolve, reject) => {
        const { hostname, port } = new URL(started.url);
        httpRequest({ hostname, port, path }, (response) => {
          response.resume();
          resolve(response.statusCode);
        })
          .on("error", reject)
          .end();
      });
    const folder = secret.split("/").at(-1);
    for (const path of [
      "/link.txt",
      `/../${folder}/secret.txt`,
      `/%2e%2e/${folder}/secret.txt`,
      `/..%2f${folder}%2fsecret.txt`,
      "/assets",
      "/assets/../../x",
      "//etc/passwd",
      "/index.html%00.js",
    ])
      expect([path, await raw(path)]).toEqual([path, 404]);
  });
});

describe.skipIf(!isBuilt)("bodies and pictures", () => {
  let started: TestServer;
  beforeAll(async () => {
    started = await startTestServer({ bodyLimit: 200_000 });
  });
  afterAll(() => started[Symbol.asyncDispose]());
  const ask = async (body: unknown, path = CHAT) => {
    const { status, body: answer } = await post(started.url, path, body);
    const { error } = answer as Failure;
    return { status, ...error };
  };

  test("bodies that are none", async () => {
    expect(await ask("")).toMatchObject({ status: 400, code: "invalid_json" });
    expect(await ask("{")).toMatchObject({ status: 400, code: "invalid_json" });
    expect(await ask("null")).toMatchObject({ status: 400, type: "invalid_request_error" });
    expect(await ask("[]")).toMatchObject({ status: 400 });
    expect(await ask(`{"messages":${"[".repeat(90_000)}${"]".repeat(90_000)}}`)).toMatchObject({ status: 400 });
    expect(await ask(`${'{"messages":'.repeat(10_000)}1${"}".repeat(10_000)}`)).toMatchObject({ status: 400 });
    expect(await ask(`{"__proto__":{"messages":[]}}`)).toMatchObject({ status: 400 });
    const latin = await fetch(started.url + CHAT, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: Buffer.from('{"messages":[{"role":"user","content":"\xe9"}]}', "latin1"),
    });
    expect([latin.status, ((await latin.json()) as Failure).error.message]).toEqual([
      400,
      "the body is not valid UTF-8",
    ]);
    expect(await ask(say("x".repeat(250_000)))).toMatchObject({ status: 413, code: "body_too_large" });
  });

  test("a body without a length is counted while it comes", async () => {
    const body = new ReadableStream({
      pull(controller) {
        controller.enqueue(Buffer.alloc(50_000, 32));
      },
    });
    const init = {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
      duplex: "half",
    } as RequestInit;
    const answer = await fetch(started.url + CHAT, init).then(
      ({ status }) => status,
      () => "cut off", // the server does not wait for the end of what has none
    );
    expect([413, "cut off"]).toContain(answer);
    expect((await ask(say("hello"))).status).toBe(200);
  });

  test("a client that goes in the middle of its body is nothing to report", async () => {
    const { hostname, port } = new URL(started.url);
    const headers = { "content-type": "application/json", "content-length": 1000 };
    const request = httpRequest({ hostname, port, path: CHAT, method: "POST", headers });
    request.on("error", () => undefined).write('{"messages":');
    await new Promise((resolve) => setTimeout(resolve, 100));
    request.destroy();
    expect((await ask(say("hello"))).status).toBe(200);
    expect(started.log).toEqual([]);
  });

  test.each([
    [{}, "messages"],
    [{ messages: [] }, "messages"],
    [{ messages: "hello" }, "messages"],
    [say(null), "messages[0].content"],
    [say(7), "messages[0].content"],
    [say([{ type: "image_url", image_url: "data:" }]), "messages[0].content[0].image_url"],
    [say([{ type: "image_url", image_url: { url: 5 } }]), "messages[0].content[0].image_url.url"],
    [say([{ type: "input_audio", input_audio: {} }]), "messages[0].content[0].type"],
    [{ messages: [{ role: "tool", content: "x" }] }, "messages[0].role"],
    [{ messages: [{ role: "assistant", content: "x" }] }, "messages"],
    [
      {
        messages: [
          { role: "user", content: "x" },
          { role: "system", content: "x" },
        ],
      },
      "messages[1].role",
    ],
    [
      {
        messages: [
          { role: "user", content: "x" },
          { role: "assistant", content: null, tool_calls: [{}] },
        ],
      },
      "messages[1].tool_calls",
    ],
    [say("x", { tools: [{ type: "function" }] }), "tools"],
    [say("x", { logprobs: true }), "logprobs"],
    [say("x", { response_format: { type: "json_object" } }), "response_format.type"],
    [say("x", { top_p: 0.5 }), "top_p"],
    [say("x", { top_k: 5 }), "top_k"],
    [say("x", { temperature: -1 }), "temperature"],
    [say("x", { temperature: "hot" }), "temperature"],
    [say("x", { max_tokens: 0 }), "max_tokens"],
    [say("x", { max_tokens: 1.5 }), "max_tokens"],
    [say("x", { max_tokens: 8, max_completion_tokens: 9 }), "max_tokens"],
    [say("x", { steps: 100_000 }), "steps"],
    [say("x", { seed: 1e300 }), "seed"],
    [say("x", { stop: ["a", "b", "c", "d", "e"] }), "stop"],
    [say("x", { stop: "" }), "stop"],
    [say("x", { stream_options: { other: true } }), "stream_options.other"],
    [
      say(Array(5).fill({ type: "image_url", image_url: { url: pictureUrl("bilevel.png", "image/png") } })),
      "messages[0].content[4].image_url.url",
    ],
  ])("%j: %s is named", async (body, param) => {
    expect(await ask(body)).toMatchObject({ status: 400, type: "invalid_request_error", param });
  });

  test("fields of OpenAI's that do not touch the answer are accepted", async () => {
    const harmless = {
      user: "me",
      metadata: { a: "b" },
      store: false,
      service_tier: "auto",
      n: 1,
      top_p: 1,
      logprobs: false,
    };
    const neutral = {
      presence_penalty: 0,
      frequency_penalty: 0,
      tools: [],
      response_format: { type: "text" },
      stop: null,
    };
    expect((await ask(say("x", { ...harmless, ...neutral, seed: null, max_tokens: null }))).status).toBe(200);
  });

  test("refine and fill", async () => {
    const image = pictureUrl("bilevel.png", "image/png");
    expect(await ask({ draft: "x" }, "/v1/refine")).toMatchObject({ status: 400, param: "image" });
    expect(await ask({ image, draft: "" }, "/v1/refine")).toMatchObject({ status: 400, param: "draft" });
    expect(await ask({ image, draft: " \n" }, "/v1/refine")).toMatchObject({ status: 200 });
    expect(await ask({ image: "x", draft: "a" }, "/v1/refine")).toMatchObject({ status: 400, param: "image" });
    expect(await ask({ template: "no blank" }, "/v1/fill")).toMatchObject({ status: 400 });
    expect(await ask({ template: "[[4096]]" }, "/v1/fill")).toMatchObject({ status: 400, param: "template" });
    expect(await ask({ template: "[[9999999999]]" }, "/v1/fill")).toMatchObject({ status: 400 });
  });

  test("pictures: too large, bombs, truncated, none at all", async () => {
    const png = async (width: number, height: number) =>
      `data:image/png;base64,${(
        await sharp({ create: { width, height, channels: 3, background: "red" } })
          .png()
          .toBuffer()
      ).toString("base64")}`;
    const huge = await ask(picture(await png(2000, 2000)));
    expect(huge).toMatchObject({ status: 400, code: "invalid_image", param: "messages[0].content[0].image_url.url" });
    expect(huge.message).toMatch(/2000 x 2000 pixels; at most 1000000/);

    // A header of modest size before data that would fill a gigabyte.
    const modest = Buffer.from((await png(100, 100)).split(",")[1]!, "base64");
    const bomb = deflateSync(Buffer.alloc(100 << 20));
    const chunk = Buffer.concat([Buffer.alloc(4), Buffer.from("IDAT"), bomb, Buffer.alloc(4)]);
    chunk.writeUInt32BE(bomb.length, 0);
    const at = modest.indexOf("IDAT") - 4;
    const bombed = Buffer.concat([modest.subarray(0, at), chunk, modest.subarray(at)]);
    const started = performance.now();
    expect([200, 400]).toContain((await ask(picture(`data:image/png;base64,${bombed.toString("base64")}`))).status);
    expect(performance.now() - started).toBeLessThan(5000);

    const whole = Buffer.from(pictureUrl().split(",")[1]!, "base64");
    for (const share of [0.1, 0.5, 0.9]) {
      const cut = whole.subarray(0, Math.floor(whole.length * share)).toString("base64");
      expect(await ask(picture(`data:image/jpeg;base64,${cut}`))).toMatchObject({ status: 400, code: "invalid_image" });
    }
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>').toString("base64");
    expect(await ask(picture(`data:image/svg+xml;base64,${svg}`))).toMatchObject({
      status: 400,
      code: "invalid_image",
    });
  });

  test.skipIf(spawnSync("ffmpeg", ["-version"]).status !== 0)("videos come as bytes", async () => {
    const made = spawnSync("ffmpeg", [
      ...["-v", "error", "-f", "lavfi", "-i", "testsrc=s=64x48:r=5:d=2", "-c:v", "mpeg4", "-f", "matroska", "pipe:1"],
    ]);
    const video = (url: string) =>
      say([
        { type: "video_url", video_url: { url } },
        { type: "text", text: "What happens?" },
      ]);
    const url = `data:video/x-matroska;base64,${made.stdout.toString("base64")}`;
    expect((await ask(video(url))).status).toBe(200);
    const param = "messages[0].content[0].video_url.url";
    const cut = made.stdout.subarray(0, 600).toString("base64");
    for (const wrong of ["data:video/mp4;base64,AAAA", `data:video/x-matroska;base64,${cut}`])
      expect(await ask(video(wrong))).toMatchObject({ status: 400, code: "invalid_video", param });
    expect(await ask(video("http://example.com/x.mp4"))).toMatchObject({ status: 400, param });
  });

  test("the description of the API has the schemas that check it", async () => {
    const api = (await (await fetch(`${started.url}/openapi.json`)).json()) as {
      openapi: string;
      paths: object;
      components: {
        schemas: Record<string, { properties: object; required: string[]; additionalProperties: boolean }>;
      };
    };
    expect(api.openapi).toBe("3.1.0");
    expect(Object.keys(api.paths)).toEqual(expect.arrayContaining([CHAT, "/v1/refine", "/v1/fill"]));
    const { ChatCompletionRequest: chat, RefineRequest: refine } = api.components.schemas;
    expect(Object.keys(chat!.properties)).toEqual(
      expect.arrayContaining(["messages", "steps", "revise", "diffusion_trace"]),
    );
    expect([chat!.required, chat!.additionalProperties]).toEqual([["messages"], false]);
    expect(refine!.required).toEqual(["image", "draft"]);
    const refs = JSON.stringify(api).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g);
    for (const [, name] of refs) expect(api.components.schemas).toHaveProperty(name!);
  });
});
