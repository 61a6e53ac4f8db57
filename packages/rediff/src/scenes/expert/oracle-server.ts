/** The oracle as a server with OpenAI's chat API, so that the correction loop runs on it as on a real expert. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { UserError } from "../../errors.js";
import { splitWords } from "../language/words.js";
import type { OracleOptions } from "./oracle.js";
import { answerRequest, RequestError, requestSchema, type Truth } from "./oracle-reply.js";

export interface ExpertServer {
  /** Base for clients: "http://127.0.0.1:PORT/v1". */
  url: string;
  /** Answered so far. */
  readonly requests: number;
  close(): Promise<void>;
}

export interface ExpertServerOptions extends OracleOptions {
  truth: Truth;
  /** 0 takes a free one. */
  port: number;
  /** Default 127.0.0.1. */
  host?: string;
}

export const expertModel = "rediff-scenes-oracle";
/** A picture of 512 pixels is far below a megabyte. */
const maxBodyBytes = 16 << 20;

export async function startExpert(options: ExpertServerOptions): Promise<ExpertServer> {
  const { truth, port, host = "127.0.0.1" } = options;
  let requests = 0;
  const server = createServer((request, response) => {
    answer(request, response, truth, options).then(
      () => requests++,
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const why = error.code === "EADDRINUSE" ? "is in use" : `cannot be used (${error.message})`;
      reject(new UserError(`port ${port} on ${host} ${why}`, "Choose another --port; 0 takes a free one"));
    });
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  return {
    url: `http://${address.family === "IPv6" ? `[${address.address}]` : address.address}:${address.port}/v1`,
    get requests() {
      return requests;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      }),
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  truth: Truth,
  options: OracleOptions,
): Promise<void> {
  const path = (request.url ?? "").split("?")[0];
  if (request.method === "GET" && path === "/health") return send(response, 200, { status: "ok", scenes: truth.size });
  if (request.method === "GET" && path === "/v1/models") {
    return send(response, 200, { object: "list", data: [{ id: expertModel, object: "model", owned_by: "rediff" }] });
  }
  if (path !== "/v1/chat/completions")
    return sendError(response, 404, `there is no ${request.method} ${path}`, "not_found");
  if (request.method !== "POST") return sendError(response, 405, "expected POST", "method_not_allowed");
  const body = await readBody(request);
  if (body === undefined) return sendError(response, 413, `the body is larger than ${maxBodyBytes} bytes`, "too_large");
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return sendError(response, 400, "the body is not JSON", "invalid_json");
  }
  const parsed = requestSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return sendError(response, 400, `${issue?.path.join(".")}: ${issue?.message}`, "invalid_request");
  }
  try {
    const content = answerRequest(parsed.data, truth, options);
    const [prompt, completion] = [countWords(parsed.data), splitWords(content).length];
    send(response, 200, {
      id: `chatcmpl-${Date.now().toString(36)}`,
      object: "chat.completion",
      created: Math.floor(Date.now() / 1000),
      model: expertModel,
      choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }],
      usage: { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion },
    });
  } catch (error) {
    if (error instanceof RequestError) return sendError(response, 400, error.message, error.code);
    sendError(response, 500, error instanceof Error ? error.message : String(error), "internal");
  }
}

/** Undefined when it is too long. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size <= maxBodyBytes) chunks.push(chunk as Buffer);
  }
  return size > maxBodyBytes ? undefined : Buffer.concat(chunks).toString("utf8");
}

function countWords({ messages }: { messages: { content: string | { type: string; text?: unknown }[] }[] }): number {
  const texts = messages.flatMap(({ content }) =>
    typeof content === "string" ? [content] : content.map(({ text }) => text),
  );
  return texts.reduce<number>((sum, text) => sum + (typeof text === "string" ? splitWords(text).length : 0), 0);
}

function send(response: ServerResponse, status: number, value: unknown): void {
  const body = Buffer.from(JSON.stringify(value));
  response.writeHead(status, { "content-type": "application/json", "content-length": body.length }).end(body);
}

function sendError(response: ServerResponse, status: number, message: string, code: string): void {
  const type = status >= 500 ? "server_error" : "invalid_request_error";
  send(response, status, { error: { message, type, param: null, code } });
}
