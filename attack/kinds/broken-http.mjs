// What Node's HTTP server answers by itself, or takes for two requests where others see one.

import { gzipSync } from "node:zlib";
import { ask, CHAT } from "../questions.mjs";
import { exchange, requestOf } from "../wire.mjs";

const BODY = JSON.stringify(ask("What is here?"));
const POST = `POST ${CHAT} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n`;
const GET = "GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n";
const SMUGGLED = "GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n";
const chunk = (/** @type {string} */ text) => `${text.length.toString(16)}\r\n${text}\r\n`;

/** @type {[string, readonly number[], string | Uint8Array][]} */
const REQUESTS = [
  ["CONNECT", [400, 405], "CONNECT evil.example:443 HTTP/1.1\r\nhost: localhost\r\n\r\n"],
  ["CONNECT to itself", [400, 405], "CONNECT localhost:80 HTTP/1.1\r\nhost: localhost\r\n\r\n"],
  ["TRACE", [405], requestOf("TRACE", "/v1/models")],
  ["TRACE of nothing", [404, 405], requestOf("TRACE", "/nothing")],
  ["OPTIONS *", [400, 404, 405], requestOf("OPTIONS", "*")],
  ["a method that nobody knows", [400, 405], requestOf("BREW", CHAT)],
  [
    "an upgrade to a websocket",
    [200, 400, 426],
    `${GET}connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: eDp4cA==\r\nsec-websocket-version: 13\r\n\r\n`,
  ],
  [
    "an upgrade to HTTP/2",
    [200, 400, 426],
    `${GET}connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n\r\n`,
  ],
  ["HTTP/2 without asking", [400, 505], "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ["HTTP/0.9", [400, 421], "GET /health\r\n\r\n"],
  ["HTTP/3.7", [400, 505], "GET /health HTTP/3.7\r\nhost: localhost\r\n\r\n"],
  ["an expectation that nobody knows", [417], `${GET}expect: 200-maybe\r\n\r\n`],
  [
    "a body that is compressed",
    [415],
    requestOf("POST", CHAT, { body: gzipSync(BODY), headers: { "content-encoding": "gzip" } }),
  ],
  ["a body that is compressed in secret", [400], requestOf("POST", CHAT, { body: gzipSync(BODY) })],
  ["a body of another type", [415], requestOf("POST", CHAT, { body: BODY, headers: { "content-type": "text/plain" } })],
  [
    "a form",
    [415],
    requestOf("POST", CHAT, { body: "a=b", headers: { "content-type": "application/x-www-form-urlencoded" } }),
  ],
  ["headers of 20 kB", [431], `${GET}x-a: ${"a".repeat(20_000)}\r\n\r\n`],
  ["5,000 headers", [400, 431], `${GET}${"a:b\r\n".repeat(5000)}\r\n`],
  ["a path of 20 kB", [414, 431], requestOf("GET", `/${"a".repeat(20_000)}`)],
  ["a query of 12 kB", [200, 400, 404], requestOf("GET", `/health?${"a=b&".repeat(3000)}`)],
  ["a header without a name", [400], `${GET}: nothing\r\n\r\n`],
  ["a header with a blank in its name", [400], `${GET}x a: b\r\n\r\n`],
  ["a header that goes on in the next line", [400], `${GET}x-a: b\r\n c\r\n\r\n`],
  ["a NUL in a header", [400], `${GET}x-a: b\0c\r\n\r\n`],
  ["line feeds alone", [200, 400], GET.replaceAll("\r\n", "\n").concat("\n")],
  ["carriage returns alone", [400], GET.replaceAll("\r\n", "\r").concat("\r\r\n\r\n")],
  ["TLS", [400], Buffer.from("16030100a5010000a10303", "hex")],
  ["random bytes", [400], Buffer.from("8f00ff13370d0a0d0a", "hex")],
  // Two lengths for one body: whoever stands before the server may believe the other one.
  ["two lengths", [400], `${POST}content-length: ${BODY.length}\r\ncontent-length: 3\r\n\r\n${BODY}`],
  [
    "two equal lengths",
    [200, 400],
    `${POST}content-length: ${BODY.length}\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`,
  ],
  ["a list of lengths", [400], `${POST}content-length: ${BODY.length}, ${BODY.length}\r\n\r\n${BODY}`],
  [
    "a length and chunks",
    [400],
    `${POST}content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n${chunk(BODY)}0\r\n\r\n`,
  ],
  [
    "chunks and a length",
    [400],
    `${POST}transfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n${chunk(BODY)}0\r\n\r\n${SMUGGLED}`,
  ],
  [
    "chunks by another name",
    [400, 501],
    `${POST}transfer-encoding: xchunked\r\n\r\n${chunk(BODY)}0\r\n\r\n${SMUGGLED}`,
  ],
  ["chunks twice", [200, 400], `${POST}transfer-encoding: chunked, chunked\r\n\r\n${chunk(BODY)}0\r\n\r\n`],
  [
    "chunks, then identity",
    [400],
    `${POST}transfer-encoding: chunked, identity\r\n\r\n${chunk(BODY)}0\r\n\r\n${SMUGGLED}`,
  ],
  [
    "a vertical tab before chunked",
    [400],
    `${POST}transfer-encoding:\x0bchunked\r\n\r\n${chunk(BODY)}0\r\n\r\n${SMUGGLED}`,
  ],
  ["a blank before the colon", [400], `${POST}transfer-encoding : chunked\r\n\r\n${chunk(BODY)}0\r\n\r\n${SMUGGLED}`],
  ["a length below zero", [400], `${POST}content-length: -1\r\n\r\n${BODY}`],
  ["a length with a plus", [400], `${POST}content-length: +${BODY.length}\r\n\r\n${BODY}`],
  ["a length in hexadecimal", [400], `${POST}content-length: 0x10\r\n\r\n${BODY}`],
  ["a length beyond all numbers", [400, 413], `${POST}content-length: 99999999999999999999\r\n\r\n${BODY}`],
  ["a length of terabytes", [413], `${POST}content-length: 9999999999999\r\n\r\n${BODY}`],
  ["a chunk of no number", [400], `${POST}transfer-encoding: chunked\r\n\r\nzz\r\n${BODY}\r\n0\r\n\r\n`],
  [
    "a chunk beyond all numbers",
    [400, 413],
    `${POST}transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n${BODY}\r\n0\r\n\r\n`,
  ],
  ["a chunk that is longer than it says", [400], `${POST}transfer-encoding: chunked\r\n\r\n3\r\n${BODY}\r\n0\r\n\r\n`],
  [
    "an extension of 20 kB",
    [400, 413, 431],
    `${POST}transfer-encoding: chunked\r\n\r\n1;${"a".repeat(20_000)}\r\n{\r\n0\r\n\r\n`,
  ],
  [
    "trailers of 20 kB",
    [200, 400, 431],
    `${POST}transfer-encoding: chunked\r\n\r\n${chunk(BODY)}0\r\nx-a: ${"a".repeat(20_000)}\r\n\r\n`,
  ],
  ["a body in chunks of a byte", [400], `${POST}transfer-encoding: chunked\r\n\r\n${"1\r\nx\r\n".repeat(300_000)}`],
  ["chunks, as they should be", [200], `${POST}transfer-encoding: chunked\r\n\r\n${chunk(BODY)}0\r\n\r\n`],
  ["no body", [400, 415], `${POST}\r\n`],
  ["a body for GET", [200, 400], `${GET}content-length: ${BODY.length}\r\n\r\n${BODY}`],
];

/** @type {import("../kinds.mjs").Kind} */
export const brokenHttp = {
  name: "broken-http",
  title: "broken HTTP, smuggled and pipelined requests",
  async attack({ target, random, tally }) {
    const [what, statuses, bytes] = random.pick(REQUESTS);
    const answered = await exchange(target, bytes);
    tally.judge(what, answered, statuses);
    if (answered.raw.includes("rediff_queue_length")) tally.fail(`${what}: what was smuggled in is answered`);
    if (random.share() < 0.2) await pipeline();

    async function pipeline() {
      const count = random.between(2, 200);
      const open = { connection: "keep-alive" };
      const requests = Array.from({ length: count }, () => requestOf("GET", "/health", { headers: open }));
      const { answers } = await exchange(target, Buffer.concat([...requests, requestOf("GET", "/health")]));
      for (const answer of answers) tally.judgeAnswer("one in a pipeline", answer, [200]);
      tally.tried += count + 1;
      if (answers.length !== count + 1) tally.fail(`${count + 1} requests in a pipeline: ${answers.length} answers`);
    }
  },
};
