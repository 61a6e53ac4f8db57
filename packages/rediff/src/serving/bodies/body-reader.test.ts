/** Large bodies are read elsewhere, and no otherwise. */
import { createHash } from "node:crypto";
import { afterAll, describe, expect, test } from "vitest";
import { embeddedModelFolder } from "../../embedded.js";
import { OptionError } from "../../errors.js";
import { readAskable } from "../../inference/model-facts.js";
import { ApiError } from "../http/error-object.js";
import { isBuilt, pictureUrl } from "../testing/start.js";
import type { Asking } from "./asking.js";
import { BodyReader } from "./body-reader.js";
import { type AskedBy, judgeBody, packRefusal, unpackRefusal } from "./judge-body.js";

const { facts } = await readAskable(embeddedModelFolder());
const asking: Asking = {
  models: [{ model: { id: "one", embedded: true, revises: true, genLength: undefined }, facts }],
  media: {
    allowUrls: false,
    maxPixels: 1e6,
    maxBytes: 1 << 24,
    fetchTimeoutMs: 1000,
    maxPictures: 4,
    requestPixels: 6e6,
    pictureSeconds: 30,
    videoSeconds: 60,
  },
};
const reader = new BodyReader(16 << 20);
afterAll(() => reader.close());

const bytesOf = (body: unknown): Uint8Array => {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  bytes.write(text);
  return bytes;
};

const ask = (content: unknown, fields: object = {}) => ({ messages: [{ role: "user", content }], ...fields });
const seeing = (url: string, fields: object = {}) =>
  ask(
    [
      { type: "image_url", image_url: { url } },
      { type: "text", text: "What is here?" },
    ],
    fields,
  );
const PAD = "x".repeat(20_000);
const VIDEO = { type: "video_url", video_url: { url: `data:video/mp4;base64,${"QUFB".repeat(20_000)}` } };

/** What came of it, in a form to compare. */
async function outcome(work: () => unknown): Promise<unknown> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ApiError) return { status: error.status, body: error.body, headers: error.headers };
    if (error instanceof OptionError) return { option: error.option, line: error.line, problem: error.problem };
    throw error;
  }
}

describe.skipIf(!isBuilt)("a body that is read in a thread", () => {
  test.each<[string, keyof AskedBy, unknown]>([
    ["a question", "chat", ask("What is here?", { user: PAD, max_completion_tokens: 9, stream: true })],
    ["pictures", "chat", seeing(pictureUrl(), { user: PAD, diffusion_trace: true, stop: ["a"] })],
    ["a small picture among what is large", "chat", seeing("data:,%41", { user: PAD })],
    ["a video", "chat", ask([VIDEO, { type: "text", text: "a" }])],
    ["a conversation", "chat", { messages: [{ role: "system", content: "s" }, ...ask("a").messages], user: PAD }],
    [
      "a draft",
      "refine",
      { image: `data:image/png;base64,${"QUFB".repeat(8000)}`, draft: "A cat.", model: null, prompt: "a" },
    ],
    ["a template", "fill", { template: "A [[2]].", image: `data:image/png;base64,${"QUFB".repeat(8000)}` }],
    ["an unknown field", "chat", ask("a", { user: PAD, temprature: 1 })],
    ["a wrong value", "fill", { template: PAD, seed: "x" }],
    ["another model", "chat", ask("a", { user: PAD, model: "two" })],
    ["a text that never fits", "chat", ask("word ".repeat(200_000))],
    ["a URL that is none", "refine", { image: `data:image/png;base64,${"=".repeat(20_000)}`, draft: "a" }],
    ["many keys", "chat", `{"a":[${"0,".repeat(60_000)}0]}`],
    ["no JSON", "chat", `{"a":"${PAD}`],
    ["no UTF-8", "chat", `{"a":"${PAD}"}`],
  ])("%s: judged as on the spot", async (what, route, body) => {
    const bytes = bytesOf(body);
    if (what === "no UTF-8") bytes[100] = 0xff;
    expect(bytes.length).toBeGreaterThan(16 << 10);
    const expected = await outcome(() => judgeBody({ route, pieces: [bytes], asking }));
    const middle = bytes.length >> 1;
    const pieces = [new Uint8Array(bytes.subarray(0, middle)), new Uint8Array(bytes.subarray(middle))];
    const found = await outcome(() => reader.read(route, pieces, asking, new AbortController().signal));
    expect(plain(found)).toEqual(plain(expected));
  });

  test("is moved there and not copied, and its pictures come back", async () => {
    const bytes = bytesOf(seeing(`data:image/png;base64,${"QUFB".repeat(300_000)}`));
    const asked = await reader.read("chat", [bytes], asking, new AbortController().signal);
    expect(bytes.length).toBe(0);
    expect(asked.media).toEqual([expect.objectContaining({ kind: "picture" })]);
    expect(asked.media[0]).toHaveProperty("bytes.length", 900_000);
  });

  test("of a client who has left is nobody's", async () => {
    const left = new AbortController();
    const reading = reader.read("chat", [bytesOf(ask(PAD))], asking, left.signal);
    left.abort(new Error("gone"));
    await expect(reading).rejects.toThrow("gone");
  });
});

test("a refusal is the same behind its way", () => {
  const error = new ApiError(413, "m", { type: "server_error", param: "p", code: "c", headers: { a: "b" } });
  const back = unpackRefusal(structuredClone(packRefusal(error)));
  expect(back).toBeInstanceOf(ApiError);
  expect({ ...back }).toMatchObject({ status: 413, headers: { a: "b" }, body: error.body });
});

/** Its pictures by their digests: a Buffer becomes a plain array of bytes on its way. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return createHash("sha256").update(value).digest("hex");
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}
