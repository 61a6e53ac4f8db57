/** The server's endpoints as functions. They throw Problem, or the AbortError of a request that the page gave up. */
import type * as z from "zod/mini";
import type { OpenApi } from "../reference/openapi.js";
import type { Catalog } from "../scene/scene.js";
import type { Span } from "../text/spans.js";
import type { TraceEvent } from "../trace/trace.js";
import {
  catalogSchema,
  chunkSchema,
  drawingsSchema,
  errorSchema,
  type Filled,
  fillSchema,
  type Models,
  modelsSchema,
  type PassProgress,
  type Pull,
  parse,
  parseJson,
  pullSchema,
  pullsSchema,
  type Readiness,
  type Redrawn,
  type Refined,
  readinessSchema,
  redrawnSchema,
  refineSchema,
  textEventSchema,
} from "./messages.js";
import { Problem } from "./problem.js";
import { createSseParser } from "./sse.js";

export interface ChatTurn {
  role: "user" | "assistant";
  text: string;
  /** data: URL. */
  image?: string | undefined;
}

/** Fields of a request as the server names them; undefined ones are left out. */
export type RequestFields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface StepHandlers {
  onTrace?: (event: TraceEvent) => void;
  /** How far a forward pass is, where it takes long. */
  onProgress?: (progress: PassProgress) => void;
}

export interface StreamHandlers extends StepHandlers {
  onText?: (delta: string) => void;
  /** Words of the last question that the model cannot read, where there are any. */
  onUnread?: (unread: readonly Span[]) => void;
}

export interface Api {
  readiness(signal?: AbortSignal): Promise<Readiness>;
  /** The first answers who names none. */
  models(): Promise<Models>;
  /** Undefined when the model knows nothing of stickers. */
  stickers(): Promise<Catalog | undefined>;
  /** All of an artwork: SVG texts by their icons. */
  drawings(style: string): Promise<Readonly<Record<string, string>>>;
  openApi(): Promise<OpenApi>;
  chat(turns: readonly ChatTurn[], fields: RequestFields, handlers: StreamHandlers, signal: AbortSignal): Promise<void>;
  refine(fields: RequestFields, handlers: StepHandlers, signal: AbortSignal): Promise<Refined>;
  fill(fields: RequestFields, handlers: StepHandlers, signal: AbortSignal): Promise<Filled>;
  /** Models that are added to the server, newest first. */
  pulls(): Promise<readonly Pull[]>;
  beginPull(model: string): Promise<Pull>;
  cancelPull(id: string): Promise<Pull>;
  /** A picture that this browser cannot read. @param maxSide pixels of the longer side at most */
  redraw(file: Blob, maxSide: number | undefined, signal: AbortSignal): Promise<Redrawn>;
}

export function createApi(options: { fetch: typeof fetch; key: () => string }): Api {
  const send = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const headers = new Headers(init.headers);
    if (options.key() !== "") headers.set("authorization", `Bearer ${options.key()}`);
    try {
      return await options.fetch(path, { ...init, headers });
    } catch (thrown) {
      if (thrown instanceof DOMException && thrown.name === "AbortError") throw thrown;
      throw new Problem("gone", "No connection to the server.");
    }
  };
  const post = async (path: string, body: unknown, signal?: AbortSignal): Promise<Response> => {
    const headers = { "content-type": "application/json" };
    const init = { method: "POST", headers, body: JSON.stringify(body), ...(signal && { signal }) };
    return await good(await send(path, init));
  };
  return {
    async readiness(signal) {
      const response = await send("/ready", { cache: "no-store", ...(signal === undefined ? {} : { signal }) });
      const answer = parse(readinessSchema, parseJson(await response.text()));
      if (!answer.ok) throw new Problem("gone", "Something else answers at this address.");
      return answer.value.status;
    },
    models: async () => await read(modelsSchema, await good(await send("/v1/models", { cache: "no-store" }))),
    async stickers() {
      const response = await send("/v1/scenes/stickers");
      return response.status === 404 ? undefined : await read(catalogSchema, await good(response));
    },
    drawings: async (style) =>
      await read(drawingsSchema, await good(await send(`/v1/scenes/stickers/${encodeURIComponent(style)}.json`))),
    openApi: async () =>
      await read((await import("../reference/openapi.js")).openApiSchema, await good(await send("/openapi.json"))),
    async chat(turns, fields, handlers, signal) {
      const body = { messages: turns.map(messageOf), stream: true, diffusion_trace: true, ...fields };
      await readStream(await post("/v1/chat/completions", body, signal), handlers);
    },
    refine: async (fields, handlers, signal) =>
      await readSteps(refineSchema, await post("/v1/refine", { ...fields, ...streamed }, signal), handlers),
    fill: async (fields, handlers, signal) =>
      await readSteps(fillSchema, await post("/v1/fill", { ...fields, ...streamed }, signal), handlers),
    pulls: async () => (await read(pullsSchema, await good(await send("/v1/pulls", { cache: "no-store" })))).data,
    beginPull: async (model) => await read(pullSchema, await post("/v1/pulls", { model })),
    cancelPull: async (id) => await read(pullSchema, await post(`/v1/pulls/${encodeURIComponent(id)}/cancel`, {})),
    async redraw(file, maxSide, signal) {
      const path = maxSide === undefined ? "/v1/pictures" : `/v1/pictures?max_side=${maxSide}`;
      // A file's own type is often none, or wrong; its bytes say what it is.
      const headers = { "content-type": "application/octet-stream" };
      return await read(redrawnSchema, await good(await send(path, { method: "POST", headers, body: file, signal })));
    },
  };
}

function messageOf({ role, text, image }: ChatTurn) {
  if (image === undefined) return { role, content: text };
  return {
    role,
    content: [
      { type: "image_url", image_url: { url: image } },
      { type: "text", text },
    ],
  };
}

const streamed = { stream: true, diffusion_trace: true };

async function readStream(
  response: Response,
  { onText, onTrace, onUnread, onProgress }: StreamHandlers,
): Promise<void> {
  await readEvents(response, (data) => {
    const chunk = parse(chunkSchema, parseJson(data));
    if (!chunk.ok) throw new Problem("bad-answer", `In the stream: ${chunk.problem}.`);
    const { choices, diffusion, progress, unread, error } = chunk.value;
    if (error !== undefined) throw new Problem("failed", error.message);
    if (diffusion !== undefined) onTrace?.(diffusion);
    if (progress !== undefined) onProgress?.(progress);
    if (unread !== undefined) onUnread?.(unread);
    const text = choices?.[0]?.delta?.content;
    if (text) onText?.(text);
  });
}

/** A refinement or a filling, told step by step; of a server that knows no such streams, its answer alone. */
async function readSteps<T>(
  schema: z.ZodMiniType<T>,
  response: Response,
  { onTrace, onProgress }: StepHandlers,
): Promise<T> {
  if (!response.headers.get("content-type")?.startsWith("text/event-stream")) return await read(schema, response);
  let answer: { value: T } | undefined;
  await readEvents(response, (data) => {
    const event = parse(textEventSchema, parseJson(data));
    if (!event.ok) throw new Problem("bad-answer", `In the stream: ${event.problem}.`);
    const { diffusion, progress, result, error } = event.value;
    if (error !== undefined) throw new Problem("failed", error.message);
    if (diffusion !== undefined) onTrace?.(diffusion);
    if (progress !== undefined) onProgress?.(progress);
    if (result === undefined) return;
    const read = parse(schema, result);
    if (!read.ok) throw new Problem("bad-answer", `The server's answer: ${read.problem}.`);
    answer = { value: read.value };
  });
  if (answer === undefined) throw new Problem("bad-answer", "The stream ended without its result.");
  return answer.value;
}

/** @param take gets the data of each event up to [DONE] */
async function readEvents(response: Response, take: (data: string) => void): Promise<void> {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  if (reader === undefined) throw new Problem("bad-answer", "The server sent no stream.");
  const parser = createSseParser();
  for (;;) {
    const { value, done } = await reader.read().catch((thrown: unknown) => {
      if (thrown instanceof DOMException && thrown.name === "AbortError") throw thrown;
      throw new Problem("gone", "The connection broke off.");
    });
    if (done) throw new Problem("gone", "The connection ended before the answer did.");
    for (const data of parser.push(decoder.decode(value, { stream: true }))) {
      if (data === "[DONE]") return;
      take(data);
    }
  }
}

async function read<T>(schema: z.ZodMiniType<T>, response: Response): Promise<T> {
  const answer = parse(schema, parseJson(await response.text()));
  if (!answer.ok) throw new Problem("bad-answer", `The server's answer: ${answer.problem}.`);
  return answer.value;
}

/** @throws Problem for a status other than 2xx */
async function good(response: Response): Promise<Response> {
  if (response.ok) return response;
  const answer = parse(errorSchema, parseJson(await response.text()));
  const message = answer.ok ? answer.value.error.message : `It answered with status ${response.status}.`;
  switch (response.status) {
    case 401:
    case 403:
      throw new Problem(answer.ok && answer.value.error.code === "pull_not_allowed" ? "refused" : "key", message);
    case 413:
      throw new Problem("too-large", message);
    case 429:
      throw new Problem("busy", message, Number.parseInt(response.headers.get("retry-after") ?? "", 10) || undefined);
    case 503:
      throw new Problem("loading", message);
    default:
      throw new Problem(response.status >= 500 ? "failed" : "refused", message);
  }
}
