/** A socket for the app, and manners towards clients that are slow: headers and bodies have to arrive in time, answers
 *  have to be taken. Whatever Node itself refuses is answered with OpenAI's error object, too. */
import { createServer, type RequestListener, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { getRequestListener } from "@hono/node-server";
import { UserError } from "../../errors.js";
import { ApiError, clip, type ErrorBody, errorResponse } from "./error-object.js";

export interface ListenOptions {
  host: string;
  /** 0 takes a free one. */
  port: number;
  /** Seconds in which a whole request has to arrive. */
  requestTimeout: number;
  /** Seconds for which a client may leave its answer lying. */
  writeTimeout: number;
}

export interface Listener {
  url: string;
  server: Server;
  /** Ends all connections. */
  close(): Promise<void>;
}

type Fetch = Parameters<typeof getRequestListener>[0];

export async function listen(fetch: Fetch, options: ListenOptions): Promise<Listener> {
  const { host, port, requestTimeout, writeTimeout } = options;
  const server = createServer(
    {
      requestTimeout: requestTimeout * 1000,
      headersTimeout: Math.min(10, requestTimeout) * 1000,
      connectionsCheckingInterval: Math.min(2, requestTimeout / 2) * 1000,
      keepAliveTimeout: 75_000, // longer than the minute that proxies keep theirs
      requireHostHeader: false, // Node's refusal has no body; `answerAhead` has one
    },
    getRequestListener(fetch, {
      overrideGlobalObjects: false,
      hostname: "localhost",
      errorHandler: () => errorResponse(new ApiError(400, "the request line or its headers make no sense")),
    }),
  );
  answerAhead(server);
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => answerBroken(error, socket));
  dropSlowReaders(server, writeTimeout);

  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(listenError(error, host, port)));
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  const name = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return {
    url: `http://${name}:${address.port}`,
    server,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): UserError {
  if (error.code === "EADDRINUSE")
    return new UserError(`port ${port} on ${host} is in use`, "Choose another --port; 0 takes a free one");
  if (error.code === "EACCES")
    return new UserError(`port ${port} on ${host} is not allowed`, "Choose a --port from 1024 on");
  if (error.code === "EADDRNOTAVAIL" || error.code === "ENOTFOUND" || error.code === "EAI_AGAIN")
    return new UserError(`${host} is no address of this machine`, "Use --host 127.0.0.1, or 0.0.0.0 for all of them");
  return new UserError(`port ${port} on ${host} cannot be used (${error.message})`, "Choose another --host or --port");
}

/** What Node would answer by itself, without a body that says why. */
function answerAhead(server: Server): void {
  const [app] = server.listeners("request") as RequestListener[];
  server.removeAllListeners("request");
  server.on("request", (request, response) => {
    if (request.headers.host !== undefined || request.httpVersion !== "1.1") return void app?.(request, response);
    refuse(response, new ApiError(400, "the request has no Host header", { code: "invalid_host" }));
  });
  // Whoever waits for leave to send a body gets it when the body is about to be read (http/request-body.ts).
  server.on("checkContinue", (request, response) => void server.emit("request", request, response));
  server.on("connect", (_, socket) => {
    socket.on("error", () => socket.destroy());
    endWith(socket, "405 Method Not Allowed", "this is no proxy");
  });
  server.on("checkExpectation", ({ headers }, response) => {
    const expected = clip(String(headers.expect), 40);
    refuse(response, new ApiError(417, `"Expect: ${expected}" cannot be met`, { code: "expectation_failed" }));
  });
}

function refuse(response: ServerResponse, { status, body }: ApiError): void {
  const text = JSON.stringify(body);
  const headers = {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
    connection: "close",
  };
  response.writeHead(status, headers).end(text);
}

/** What never becomes a request: broken HTTP, headers too large, or too slow. */
function answerBroken(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const [status, message] =
    error.code === "ERR_HTTP_REQUEST_TIMEOUT"
      ? ["408 Request Timeout", "the request did not arrive in time"]
      : error.code === "HPE_HEADER_OVERFLOW"
        ? ["431 Request Header Fields Too Large", "the headers are too large"]
        : ["400 Bad Request", "this is not HTTP"];
  endWith(socket, status, message);
}

function endWith(socket: Duplex, status: string, message: string): void {
  const body: ErrorBody = { error: { message, type: "invalid_request_error", param: null, code: null } };
  const text = JSON.stringify(body);
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`,
  );
}

/** Ends connections whose client takes nothing of what waits for it, whatever it sends meanwhile, and those that nobody
 *  uses. Waiting for the model is no idling. */
function dropSlowReaders(server: Server, seconds: number): void {
  const waiting = new Map<Socket, { untaken: number; since: number }>();
  server.on("request", ({ socket }, response) => {
    waiting.set(socket, { untaken: 0, since: performance.now() });
    response.once("close", () => waiting.delete(socket));
  });
  const judge = setInterval(
    () => {
      const now = performance.now();
      for (const [socket, { untaken: before, since }] of waiting) {
        const untaken = untakenBytes(socket);
        if (untaken === 0 || untaken !== before) waiting.set(socket, { untaken, since: now });
        else if (now - since >= seconds * 1000) socket.destroy();
      }
    },
    Math.min(1000, seconds * 250),
  ).unref();
  server.once("close", () => clearInterval(judge));
  // Node's timer runs anew whenever bytes have moved.
  server.timeout = seconds * 1000;
  server.on("timeout", (socket) => {
    if (!waiting.has(socket)) socket.destroy();
  });
}

/** Written, and not taken by the other side. What Node tells in public moves by whole writes, which may be megabytes; by
 *  the handle's figure Node itself judges whether a socket is idle. */
function untakenBytes(socket: Socket): number {
  const { _handle: handle } = socket as Socket & { _handle?: { writeQueueSize?: number } | null };
  return handle?.writeQueueSize ?? socket.writableLength;
}
