/** A server that speaks the API's contract without a model: what it answers, how fast and how badly is set by the test.
 *  It serves the built page with a strict security policy, as the real one does. */
import { existsSync, readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { UserError } from "../../../rediff/src/errors.js";
import { isModelId } from "../../../rediff/src/hub/hub-names.js";
import { readIconSet } from "../../../rediff/src/scenes/picture/artwork.js";
import { stickerCatalog } from "../../../rediff/src/scenes/world/catalog.js";
import { styles } from "../../../rediff/src/scenes/world/world.js";
import { redrawPicture } from "../../../rediff/src/vision/picture/redraw-picture.js";
import { decodeByScript, type Script, scripts, type TextAnswer, textEvents } from "./mock-decoding.js";

/** As the real server's. */
export const contentPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

export interface Behaviour {
  ready: "ready" | "loading" | "draining" | "restarting";
  sceneWorld: boolean;
  /** With LLaDA-V's objective as a second model. */
  embedded: boolean;
  /** Ids of further models. */
  others: readonly string[];
  /** How models stand, by their ids; default "ready". */
  standing: Readonly<Record<string, { status: string; problem?: string; loading_seconds?: number }>>;
  /** Whether further models may be pulled. */
  pull: boolean;
  /** Default: as the embedded model does not. */
  converses: boolean | undefined;
  /** What the server says it was started by. */
  command: string;
  /** Words of a draft or a template that it cannot read. */
  unknownWords: readonly string[];
  /** Between two passes. */
  stepMs: number;
  script: Script;
  /** Instead of an answer to a POST. */
  fail: { status: number; message: string; retryAfter?: number } | undefined;
  /** Files wait to be read, for as long as this is set. */
  holdPictures: boolean;
  /** The stream waits after so many passes, for as long as this is set. */
  holdAfter: number | undefined;
  /** The stream breaks off after so many passes. */
  breakAfter: number | undefined;
  /** Text that is sent as the body of every POST's answer. */
  garbage: string | undefined;
  /** Needed as the API key. */
  key: string | undefined;
}

export interface MockServer {
  url: string;
  behave: Behaviour;
  /** Bodies of the POSTs so far, and how many clients left before the end. */
  requests: { path: string; body: Record<string, unknown> }[];
  aborted: number;
  /** Newest first: tests let them go on. */
  pulls: MockPull[];
  close(): Promise<void>;
  /** Listens again at the same address after close. */
  reopen(): Promise<void>;
}

interface MockPull {
  id: string;
  model: string;
  status: "running" | "done" | "failed" | "cancelled";
  bytes: number | null;
  total_bytes: number | null;
  note: string | null;
  error: { message: string } | null;
}

const dist = fileURLToPath(new URL("../../dist", import.meta.url));

export async function startMockServer(behaviour: Partial<Behaviour> = {}): Promise<MockServer> {
  const behave: Behaviour = {
    ready: "ready",
    sceneWorld: true,
    embedded: true,
    others: [],
    standing: {},
    pull: false,
    converses: undefined,
    command: "npm start",
    unknownWords: [],
    stepMs: 0,
    script: scripts.repaired,
    fail: undefined,
    holdPictures: false,
    holdAfter: undefined,
    breakAfter: undefined,
    garbage: undefined,
    key: undefined,
    ...behaviour,
  };
  const mock: Mock = { behave, requests: [], aborted: 0, pulls: [] };
  let server = createServer((request, response) => void answer(mock, request, response));
  const listen = (port: number) =>
    new Promise<number>((done, failed) => {
      server.once("error", failed);
      server.listen(port, "127.0.0.1", () => done((server.address() as AddressInfo).port));
    });
  const port = await listen(0);
  return Object.assign(mock, {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise<void>((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
    reopen: async () => {
      server = createServer((request, response) => void answer(mock, request, response));
      await listen(port);
    },
  });
}

type Mock = Pick<MockServer, "behave" | "requests" | "aborted" | "pulls">;

async function answer(mock: Mock, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { behave } = mock;
  const path = new URL(request.url ?? "/", "http://mock").pathname;
  if (path.startsWith("/v1/") && behave.key !== undefined) {
    if (request.headers.authorization !== `Bearer ${behave.key}`) {
      refuse(response, 401, "a key is needed");
      return;
    }
  }
  if (path === "/health") {
    json(response, 200, { status: "ok" });
    return;
  }
  if (path === "/ready") {
    return json(response, behave.ready === "ready" ? 200 : 503, { status: behave.ready, model: "mock" });
  }
  if (path === "/v1/models") {
    json(response, 200, {
      object: "list",
      data: modelsOf(behave),
      rediff: { command: behave.command, pull: behave.pull },
    });
    return;
  }
  if (path === "/openapi.json") {
    // Only where it is asked for: the schemas of all requests come with it.
    const { openApi } = await import("../../../rediff/src/serving/openapi.js");
    json(response, 200, openApi());
    return;
  }
  if (path.startsWith("/v1/pulls")) return await pulling(mock, path, request, response);
  if (path.startsWith("/v1/scenes/")) {
    return await scenes(behave, path, response);
  }
  if (request.method !== "POST") {
    page(path, response);
    return;
  }
  const sent = await bytesOf(request);
  const isFile = path === "/v1/pictures";
  const body = isFile ? { bytes: sent.length } : (JSON.parse(sent.toString("utf8")) as Record<string, unknown>);
  mock.requests.push({ path, body });
  if (behave.fail !== undefined) {
    const { status, message, retryAfter } = behave.fail;
    if (retryAfter !== undefined) response.setHeader("retry-after", String(retryAfter));
    return refuse(response, status, message);
  }
  if (behave.garbage !== undefined) {
    response.end(behave.garbage);
    return;
  }
  if (path === "/v1/chat/completions") return await complete(mock, body, response);
  if (isFile) return await redraw(mock, request, sent, response);
  if (path === "/v1/refine") return await tell(mock, body, refine(body, behave), response);
  if (path === "/v1/fill") return await tell(mock, body, fill(body, behave), response);
  refuse(response, 404, `no ${path}`);
}

function modelsOf(behave: Behaviour) {
  const own = modelOf(
    behave,
    behave.embedded ? "rediff-demo" : "rediff-8b",
    behave.embedded ? "ReDiff" : "rediff-8b",
    true,
  );
  const baseline = behave.embedded ? [modelOf(behave, "llada-v-demo", "LLaDA-V's objective", false)] : [];
  return [own, ...baseline, ...behave.others.map((id) => modelOf(behave, id, id, false))];
}

/** One pull at a time, which stands as tests have it. */
async function pulling({ behave, pulls }: Mock, path: string, request: IncomingMessage, response: ServerResponse) {
  const body = await bytesOf(request);
  const [newest] = pulls;
  if (!behave.pull) return refuse(response, 403, "no models are added to this server");
  if (request.method === "GET") return json(response, 200, { object: "list", data: pulls });
  if (path.endsWith("/cancel")) {
    if (newest === undefined) return refuse(response, 404, "there is no such pull");
    newest.status = "cancelled";
    return json(response, 200, newest);
  }
  const { model } = JSON.parse(body.toString("utf8")) as { model: string };
  if (!isModelId(model)) return refuse(response, 400, `"${model}" is not a model id`);
  const progress = { bytes: null, total_bytes: null, note: null, error: null };
  const pull: MockPull = { id: `pull-${pulls.length}`, model, status: "running", ...progress };
  pulls.unshift(pull);
  json(response, 202, pull);
}

function modelOf(
  { sceneWorld, embedded, converses, standing }: Behaviour,
  id: string,
  title: string,
  revises: boolean,
) {
  return {
    id,
    object: "model",
    created: 0,
    owned_by: "rediff",
    rediff: {
      title,
      revises,
      largest_view: sceneWorld ? 144 : 1152,
      default_seed: 42,
      converses: converses ?? !embedded,
      image_size: sceneWorld ? 144 : 384,
      max_length: 64,
      embedded,
      default_gen_length: 32,
      scene_world: sceneWorld,
      image_join: "correct",
      dtype: "float32",
      quantize: null,
      problem: null,
      loading_seconds: null,
      status: "ready",
      ...standing[id],
    },
  };
}

/** The artwork is the real one. */
async function scenes({ sceneWorld }: Behaviour, path: string, response: ServerResponse): Promise<void> {
  if (!sceneWorld) {
    refuse(response, 404, "no stickers");
    return;
  }
  if (path === "/v1/scenes/stickers") {
    json(response, 200, stickerCatalog());
    return;
  }
  const match = /^\/v1\/scenes\/stickers\/([a-z-]+)\.json$/.exec(path);
  const style = styles.find((name) => name === match?.[1]);
  if (style === undefined) refuse(response, 404, "no such artwork");
  else json(response, 200, Object.fromEntries(await readIconSet(style)));
}

async function complete(mock: Mock, body: Record<string, unknown>, response: ServerResponse): Promise<void> {
  const { behave } = mock;
  response.writeHead(200, { "content-type": "text/event-stream" });
  let left = false;
  response.on("close", () => {
    left = !response.writableFinished;
    if (left) mock.aborted++;
  });
  const send = (chunk: unknown) => response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  const perStep = typeof body.tokens_per_step === "number" ? body.tokens_per_step : 4;
  const length = typeof body.max_tokens === "number" ? body.max_tokens : 32;
  const events = decodeByScript(behave.script, { revise: body.revise === true, perStep, length });
  const unknown = unreadOf(questionOf(body), behave);
  const unread = unknown.length > 0 && { unread: unknown };
  let passes = 0;
  for (const event of events) {
    if (event.type === "step" && behave.stepMs > 0) await new Promise((resume) => setTimeout(resume, behave.stepMs));
    while (!left && behave.holdAfter !== undefined && passes >= behave.holdAfter) {
      await new Promise((resume) => setTimeout(resume, 5));
    }
    if (left) return;
    if (event.type === "step" && passes++ === behave.breakAfter) {
      response.destroy();
      return;
    }
    if (event.type === "end") send({ choices: [{ index: 0, delta: { content: event.text } }], ...unread });
    send({ choices: [], diffusion: event });
  }
  response.end("data: [DONE]\n\n");
}

/** With the real decoders. */
async function redraw({ behave }: Mock, request: IncomingMessage, sent: Buffer, response: ServerResponse) {
  while (behave.holdPictures) await new Promise((resume) => setTimeout(resume, 5));
  const side = new URL(request.url ?? "", "http://mock").searchParams.get("max_side");
  const options = { name: "the picture", ...(side !== null && { maxSide: Number(side) }) };
  try {
    const { bytes, type, width, height, original } = await redrawPicture(sent, options);
    const url = `data:${type};base64,${Buffer.from(bytes).toString("base64")}`;
    json(response, 200, { url, width, height, original });
  } catch (thrown) {
    refuse(response, 400, thrown instanceof UserError ? thrown.line : String(thrown));
  }
}

/** Every "cat" should be a "dog", every "two" a "three", every "red" a "blue". */
function refine(body: Record<string, unknown>, behave: Behaviour) {
  const draft = String(body.draft);
  const edits = [...draft.matchAll(/\b(cat|red|two)\b/g)].map((match) => ({
    start: match.index,
    end: match.index + match[0].length,
    from: match[0],
    to: { cat: "dog", red: "blue", two: "three" }[match[0]] ?? "",
    confidence: 0.93,
  }));
  let text = draft;
  for (const { start, end, to } of edits.toReversed()) text = text.slice(0, start) + to + text.slice(end);
  const unread = unreadOf(draft, behave);
  return { text, edits, rounds: 2, seconds: 0.31, unread, model: body.model ?? modelsOf(behave)[0]?.id };
}

/** At once, or as a stream with two passes: the first shows the text as it was given, masks in its blanks; the second writes. */
async function tell({ behave }: Mock, body: Record<string, unknown>, answer: TextAnswer, response: ServerResponse) {
  if (body.stream !== true) return json(response, 200, answer);
  response.writeHead(200, { "content-type": "text/event-stream" });
  const send = (event: unknown) => response.write(`data: ${JSON.stringify(event)}\n\n`);
  const events = textEvents(String(body.draft ?? body.template), answer);
  for (const [passes, event] of [...events].entries()) {
    while (!response.destroyed && behave.holdAfter !== undefined && passes > behave.holdAfter) {
      await new Promise((resume) => setTimeout(resume, 5));
    }
    send({ diffusion: event });
  }
  send({ result: answer });
  response.end("data: [DONE]\n\n");
}

/** The text of the last message. */
function questionOf({ messages }: Record<string, unknown>): string {
  const content = (messages as { content: string | { text?: string }[] }[]).at(-1)?.content ?? "";
  return typeof content === "string" ? content : content.map(({ text }) => text ?? "").join("");
}

function unreadOf(text: string, { unknownWords }: Behaviour) {
  return unknownWords.flatMap((word) =>
    [...text.matchAll(new RegExp(`\\b${word}\\b`, "g"))].map(({ index }) => ({
      start: index,
      end: index + word.length,
      text: word,
    })),
  );
}

function fill(body: Record<string, unknown>, behave: Behaviour) {
  const words = ["small dog", "top left", "blue"];
  const blanks: { start: number; end: number; text: string }[] = [];
  let text = "";
  for (const part of String(body.template).split(/(\[\[\d+\]\])/)) {
    const filled = /^\[\[\d+\]\]$/.test(part) ? (words[blanks.length % words.length] ?? "") : undefined;
    if (filled !== undefined) blanks.push({ start: text.length, end: text.length + filled.length, text: filled });
    text += filled ?? part;
  }
  return { text, blanks, unread: unreadOf(text, behave), steps: 5, seconds: 0.12, model: "mock" };
}

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

function page(path: string, response: ServerResponse): void {
  const file = join(dist, normalize(path === "/" ? "/index.html" : path));
  if (!file.startsWith(dist) || !existsSync(file)) {
    refuse(response, 404, `no ${path}`);
    return;
  }
  const type = types[extname(file)] ?? "application/octet-stream";
  response.writeHead(200, { "content-type": type, "content-security-policy": contentPolicy }).end(readFileSync(file));
}

function json(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}

function refuse(response: ServerResponse, status: number, message: string): void {
  json(response, status, { error: { message, type: "mock_error", param: null, code: null } });
}

async function bytesOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
