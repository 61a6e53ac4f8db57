/** What Node's HTTP server answers by itself, without a body that says why: answered in the API's form, before or beside
 *  the app. */
import { type IncomingMessage, type RequestListener, type Server, type ServerResponse, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { ApiError, clip } from "./error-object.js";
import { refusalOfChunks, stopAtFineChunks } from "./fine-chunks.js";
import { endPatiently } from "./last-words.js";
import { oneByOne } from "./pipelines.js";

/** Node passes over what is more than `maxHeadersCount` without a word, and a second Host with it. */
const MOST_HEADERS = 256;

/** @param judge what else is to be refused before the app sees it */
export function answerAhead(server: Server, judge: (socket: Duplex) => ApiError | undefined): void {
  const [app] = server.listeners("request") as RequestListener[];
  const answer = app && oneByOne(app);
  const underway = new WeakMap<Duplex, { request: IncomingMessage; response: ServerResponse }>();
  server.maxHeadersCount = 0;
  server.removeAllListeners("request");
  server.on("request", (request, response) => {
    const { socket, rawHeaders, headers } = request;
    stopAtFineChunks(request);
    underway.set(socket, { request, response });
    response.once("close", () => underway.get(socket)?.response === response && underway.delete(socket));
    if (rawHeaders.length > 2 * MOST_HEADERS)
      return refuse(response, new ApiError(431, `the request has more than ${MOST_HEADERS} headers`));
    if (headers.host === undefined && request.httpVersion === "1.1")
      return refuse(response, new ApiError(400, "the request has no Host header", { code: "invalid_host" }));
    const refusal = judge(socket);
    if (refusal !== undefined) return refuse(response, refusal);
    answer?.(request, response);
  });
  // Whoever waits for leave to send a body gets it when the body is about to be read (http/request-body.ts).
  server.on("checkContinue", (request, response) => {
    if (/^100-continue$/i.test(request.headers.expect ?? "")) server.emit("request", request, response);
    else refuseExpectation(request, response); // another one beside it
  });
  server.on("connect", (_, socket) => {
    socket.on("error", () => socket.destroy());
    endWith(socket, new ApiError(405, "this is no proxy"));
  });
  server.on("checkExpectation", refuseExpectation);
  const broken = new WeakSet<Duplex>();
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    if (broken.has(socket)) return;
    broken.add(socket);
    const { request, response } = underway.get(socket) ?? {};
    // Behind the answer that it would be taken for a part of. A request that is itself cut off has no other answer.
    if (response === undefined || !(request?.complete || response.headersSent)) answerBroken(error, socket);
    else response.once("close", () => answerBroken(error, socket));
  });
}

function refuseExpectation({ headers }: IncomingMessage, response: ServerResponse): void {
  const expected = clip(String(headers.expect), 40);
  refuse(response, new ApiError(417, `"Expect: ${expected}" cannot be met`, { code: "expectation_failed" }));
}

function refuse(response: ServerResponse, { status, body, headers: more }: ApiError): void {
  const text = JSON.stringify(body);
  const headers = {
    ...more,
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
    connection: "close",
  };
  response.writeHead(status, headers).end(text);
}

/** What never becomes a request, or stops being one: broken HTTP, headers too large, too slow, chunks too fine. */
function answerBroken(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  endWith(socket, refusalOfChunks(socket) ?? errorOf(error));
}

function errorOf({ code }: NodeJS.ErrnoException): ApiError {
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return new ApiError(408, "the request did not arrive in time");
  if (code === "HPE_HEADER_OVERFLOW") return new ApiError(431, "the headers are too large");
  return new ApiError(400, "this is not HTTP");
}

function endWith(socket: Duplex, { status, body }: ApiError): void {
  const text = JSON.stringify(body);
  endPatiently(
    socket,
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`,
  );
}
