// @ts-check
import assert from "node:assert/strict";
import { connect } from "node:net";
import { Hono } from "hono";
import { answerOnlyAs } from "../../../../packages/rediff/dist/serving/http/allowed-hosts.js";
import { authenticate } from "../../../../packages/rediff/dist/serving/http/api-keys.js";
import { errorResponse, toApiError } from "../../../../packages/rediff/dist/serving/http/error-object.js";
import { listen } from "../../../../packages/rediff/dist/serving/http/listen.js";
import { modelRoutes, statusRoutes } from "../../../../packages/rediff/dist/serving/routes/status.js";
import { studioRoutes } from "../../../../packages/rediff/dist/serving/routes/studio.js";
import { utf8 } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

/** Without a model: what is asked here is what is read before a model is. */
const serving = /** @type {never} */ ({
  served: [
    {
      model: { id: "m", embedded: false, revises: true },
      engine: { status: "ready", facts: undefined, replicas: [], options: { load: { dtype: "float32" } } },
    },
  ],
  metrics: { registry: { metrics: async () => "", contentType: "text/plain" } },
});
/** @type {unknown[]} */
const unforeseen = [];
const app = new Hono();
app.use(answerOnlyAs({ names: [], origins: [] }));
app.use("/v1/*", /** @type {never} */ (authenticate(["secret"])));
statusRoutes(/** @type {never} */ (app), serving);
modelRoutes(/** @type {never} */ (app), serving);
studioRoutes(/** @type {never} */ (app), undefined);
app.onError((error) => errorResponse(toApiError(error, (line) => unforeseen.push(line))));

const { server } = await listen((request, env) => app.fetch(request, env), {
  host: "127.0.0.1",
  port: 0,
  requestTimeout: 5,
  writeTimeout: 5,
  maxConnections: 100,
  log: () => undefined,
});
const address = server.address();
assert.ok(address !== null && typeof address === "object");
const { port } = address;

/** @param {Uint8Array} input @returns {Promise<string>} what comes back until the connection ends */
function asked(input) {
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => socket.end(input));
    // What is half a request is waited for; nothing more comes.
    const timer = setTimeout(() => socket.destroy(), 200);
    socket.on("data", (piece) => (answer += piece.toString("latin1")));
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearTimeout(timer);
      resolve(answer);
    });
  });
}

/** @param {string} line @param {string[]} headers */
const request = (line, ...headers) => utf8(`${[line, ...headers].join("\r\n")}\r\n\r\n`);

/** Requests byte by byte: lines, Host and Range headers, keys, several on end. */
export default defineTarget({
  covers: [
    "serving/http/allowed-hosts.js",
    "serving/http/api-keys.js",
    "serving/http/listen.js",
    "serving/http/node-refusals.js",
    "serving/http/error-object.js",
    "serving/routes/status.js",
    "serving/routes/studio.js",
  ],
  seeds: [
    request("GET /health HTTP/1.1", "host: localhost"),
    request("GET /v1/models HTTP/1.1", "host: 127.0.0.1:8080", "authorization: Bearer secret"),
    request("GET /v1/models/m HTTP/1.1", "host: [::1]", "x-api-key: secret", "range: bytes=0-1"),
    request("GET / HTTP/1.1", "host: localhost", "range: bytes=0-3,5-", 'if-none-match: "x"'),
    request("HEAD /index.html HTTP/1.1", "host: localhost", "if-modified-since: Sun, 29 Nov 2026 00:00:00 GMT"),
    request("OPTIONS * HTTP/1.1", "host: localhost", "origin: http://a", "access-control-request-method: POST"),
    request("GET /../../etc HTTP/1.0", "host: localhost:80", "connection: close"),
  ],
  dictionary: [
    "GET ",
    "TRACE ",
    "CONNECT ",
    " HTTP/1.1",
    "\r\n",
    "host: evil.example",
    "host: ",
    "content-length: ",
    "transfer-encoding: chunked",
    "expect: 100-continue",
    "upgrade: h2c",
    "range: bytes=",
    "%2e%2e/",
    "%00",
    "%ff",
    "//",
    "?",
    "@",
    "http://evil.example/",
  ],
  maxBytes: 1 << 16,
  async run(input) {
    const answer = await asked(input);
    assert.deepEqual(unforeseen, []);
    if (answer === "") return false;
    assert.match(answer, /^HTTP\/1\.1 \d{3} /);
    assert.doesNotMatch(answer, /^HTTP\/1\.1 5\d\d /);
    const isOk = answer.startsWith("HTTP/1.1 2");
    const text = Buffer.from(input).toString("latin1");
    // The first request's: with another name it is answered to nobody.
    if (isOk && /^[A-Z]+ \/\S* HTTP\/1\.1\r\nhost: evil\.example\r\n\r\n/.test(text))
      assert.fail("answered as another");
    return isOk;
  },
});
