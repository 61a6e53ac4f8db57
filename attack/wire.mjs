// HTTP by hand: what no proper client sends, and what comes back, byte by byte.

import { connect } from "node:net";

/** No answer takes longer: then something hangs. */
const PATIENCE_MS = 30_000;

/**
 * Where the server listens, and from which address it is asked.
 * @typedef {{ port: number, localAddress?: string }} Target
 * @typedef {{ status: number, headers: Map<string, string>, text: string }} Answer
 * @typedef {{ answers: Answer[], ended: "closed" | "reset" | "late", raw: string }} Exchange
 */

/**
 * A request's bytes. Connection: close and Host are added unless `headers` has them or they are null there.
 * @param {string} method
 * @param {string} path
 * @param {{ headers?: Record<string, string | null>, body?: string | Uint8Array, version?: string }} [rest]
 */
export function requestOf(method, path, { headers = {}, body, version = "1.1" } = {}) {
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  const all = {
    host: "localhost",
    connection: "close",
    ...(bytes !== undefined && { "content-type": "application/json", "content-length": String(bytes.length) }),
    ...headers,
  };
  const lines = Object.entries(all).flatMap(([name, value]) => (value === null ? [] : [`${name}: ${value}`]));
  const head = Buffer.from([`${method} ${path} HTTP/${version}`, ...lines, "", ""].join("\r\n"), "latin1");
  return bytes === undefined ? head : Buffer.concat([head, bytes]);
}

/** A connection; errors of it are no errors of ours. @param {Target} target */
export function open({ port, localAddress }) {
  const socket = connect({ port, host: "127.0.0.1", ...(localAddress !== undefined && { localAddress }) });
  socket.on("error", () => undefined);
  return socket;
}

/**
 * Writes all of it, and waits until the server closes the connection.
 * @param {Target} target
 * @param {string | Uint8Array} bytes
 * @param {{ method?: string, patienceMs?: number }} [options]
 * @returns {Promise<Exchange>}
 */
export function exchange(target, bytes, { method = "GET", patienceMs = PATIENCE_MS } = {}) {
  const socket = open(target);
  /** @type {Buffer[]} */
  const chunks = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  socket.write(bytes);
  return new Promise((resolve) => {
    const finish = (/** @type {Exchange["ended"]} */ ended) => {
      clearTimeout(timer);
      socket.destroy();
      const raw = Buffer.concat(chunks).toString("latin1");
      resolve({ answers: parseAnswers(raw, method === "HEAD"), ended, raw });
    };
    const timer = setTimeout(() => finish("late"), patienceMs);
    socket.once("error", () => finish("reset"));
    socket.once("end", () => finish("closed"));
    socket.once("close", () => finish("closed"));
  });
}

/**
 * A body of JSON, as an application sends it.
 * @param {Target} target
 * @param {string} path
 * @param {unknown} body as it is when it is a string or bytes
 * @param {Record<string, string | null>} [headers]
 */
export function post(target, path, body, headers = {}) {
  const bytes = typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body);
  return exchange(target, requestOf("POST", path, { headers, body: bytes }));
}

/** The answers in what a server wrote; one that was cut off is none.
 *  @param {string} raw @param {boolean} [isHead] @returns {Answer[]} */
export function parseAnswers(raw, isHead = false) {
  const answers = [];
  let rest = raw;
  while (rest !== "") {
    const end = rest.indexOf("\r\n\r\n");
    if (end < 0) break;
    const [start = "", ...lines] = rest.slice(0, end).split("\r\n");
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(start)?.[1] ?? Number.NaN);
    const headers = new Map(
      lines.map(
        (line) => /** @type {const} */ ([line.split(":", 1)[0]?.toLowerCase() ?? "", line.replace(/^[^:]*:\s*/, "")]),
      ),
    );
    const behind = rest.slice(end + 4);
    const body = status < 200 || isHead ? { text: "", length: 0 } : bodyOf(behind, headers);
    if (body === undefined) break;
    answers.push({ status, headers, text: Buffer.from(body.text, "latin1").toString() });
    rest = behind.slice(body.length);
  }
  return answers;
}

/** @param {string} rest @param {Map<string, string>} headers */
function bodyOf(rest, headers) {
  if (headers.get("transfer-encoding") === "chunked") return dechunked(rest);
  const length = Number(headers.get("content-length") ?? rest.length);
  return rest.length < length ? undefined : { text: rest.slice(0, length), length };
}

/** @param {string} rest */
function dechunked(rest) {
  let [at, text] = [0, ""];
  for (;;) {
    const end = rest.indexOf("\r\n", at);
    if (end < 0) return undefined;
    const size = Number.parseInt(rest.slice(at, end), 16);
    text += rest.slice(end + 2, end + 2 + size);
    at = end + 2 + size + 2;
    if (!(size > 0)) return { text, length: at };
  }
}

/** @param {number} ms @returns {Promise<void>} */
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
