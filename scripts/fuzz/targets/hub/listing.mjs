// @ts-check
import assert from "node:assert/strict";
import { createServer } from "node:net";
import { isSafeFileName } from "../../../../packages/rediff/dist/hub/hub-names.js";
import { listModel } from "../../../../packages/rediff/dist/hub/listing.js";
import { TransientError } from "../../../../packages/rediff/dist/network/transient-error.js";
import { bytes } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

const commit = "0123456789abcdef0123456789abcdef01234567";
const oid = "a".repeat(40);

/** Ends where the connection does. @param {unknown} body @param {string} [more] headers */
function reply(body, more = "") {
  const text = JSON.stringify(body);
  return bytes(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n${more}\r\n`, Buffer.from(text));
}

const revision = reply({ sha: commit, siblings: [{ rfilename: "config.json" }] });
/** What the hub answers when it is asked for the list: HTTP, byte by byte. */
let listing = new Uint8Array();
let asked = 0;
const server = createServer((socket) => {
  socket.on("error", () => undefined);
  socket.once("data", (request) => {
    const isRevision = request.includes("/revision/");
    // A list may say that it goes on, and that for ever.
    socket.end(isRevision || asked++ > 3 ? revision : listing);
  });
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
const address = server.address();
assert.ok(address !== null && typeof address === "object");
const endpoint = `http://127.0.0.1:${address.port}`;

const original = globalThis.fetch;
/** Whatever an answer says, nothing goes out of this machine. @type {typeof fetch} */
globalThis.fetch = (to, init) =>
  new URL(String(to)).origin === endpoint ? original(to, init) : Promise.reject(new TypeError("not asked"));

const hub = { endpoint, cacheDir: "", token: "secret", offline: false, timeoutMs: 150, symlinks: true };
const file = { type: "file", path: "config.json", size: 3, oid };

/** The hub's answers as they come over the wire: status, headers, redirects, pages. */
export default defineTarget({
  covers: ["hub/listing.js", "hub/hub-request.js", "network/retry-after.js"],
  seeds: [
    reply([file, { type: "directory", path: "a" }]),
    reply([{ ...file, lfs: { oid: "b".repeat(64), size: 9 } }], 'link: </api/next>; rel="next"\r\n'),
    bytes("HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n"),
    bytes("HTTP/1.1 429 Too Many\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n"),
    bytes("HTTP/1.1 403 No\r\nx-error-code: GatedRepo\r\nx-error-message: no\r\ncontent-length: 2\r\n\r\n{}"),
    bytes("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n"),
  ],
  dictionary: [
    "HTTP/1.1 ",
    "\r\n",
    "location: ",
    "link: ",
    '; rel="next"',
    "http://127.0.0.1/",
    "retry-after: ",
    "content-length: ",
    "transfer-encoding: chunked\r\n",
    '"path":"../',
    '"size":-1',
    "1e400",
    "301",
    "404",
    "503",
  ],
  maxBytes: 1 << 16,
  refusals: [TransientError],
  async run(input) {
    listing = Uint8Array.from(input);
    asked = 0;
    const retry = { tries: 1, firstWaitMs: 1, longestWaitMs: 1 };
    const { files } = await listModel(hub, "org/tiny", "main", { retry, onRetry: () => undefined }, () => true);
    for (const { path } of files) assert.ok(isSafeFileName(path));
  },
});
