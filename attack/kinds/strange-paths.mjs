// Paths that lead nowhere, or out of the studio's folder; ranges, HEAD, wrong methods.

import { exchange, requestOf } from "../wire.mjs";

const PATHS = [
  "/nothing",
  "/v1",
  "/v1/",
  "/v1/nothing",
  "/v1/models/none",
  "/v1/models/%00",
  "/v1/models/%ff%fe",
  "/v1/models/%zz",
  "/v1/models/..%2f..%2fetc%2fpasswd",
  "/v1/chat/completions/",
  "/v1//chat/completions",
  "/%76%31/nothing",
  "/%",
  "/%zz",
  "/%00",
  "/index.html%00.png",
  "/assets/%00",
  "/../../../../etc/passwd",
  "/assets/../../../../etc/passwd",
  "/assets/..%2f..%2f..%2fetc%2fpasswd",
  "/assets/%2e%2e/%2e%2e/package.json",
  "/%2e%2e/package.json",
  "/..%5c..%5cpackage.json",
  "/assets/....//....//package.json",
  "//etc/passwd",
  "///evil.example/",
  "/etc/passwd",
  "/package.json",
  "/.git/config",
  "/v1/scenes/stickers/none/cat.svg",
  "/v1/scenes/stickers/../../../package.json",
  "/v1/scenes/stickers/flat/..%2f..%2fcat.svg",
  "/v1/scenes/stickers/__proto__/cat.svg",
  "/__proto__",
  "/constructor",
  "/nothing?a=%zz",
  "/nothing?__proto__[a]=b",
  "/é",
  `/${"a/".repeat(3000)}`,
  `/${"%41".repeat(3000)}`,
];

/** @type {[string, readonly number[], Uint8Array, string?][]} */
const OTHERS = [
  ["HEAD of a page", [200, 405], requestOf("HEAD", "/"), "HEAD"],
  ["HEAD of a route", [200, 405], requestOf("HEAD", "/v1/models"), "HEAD"],
  ["a range", [200, 206, 416], requestOf("GET", "/", { headers: { range: "bytes=0-10" } })],
  [
    "a thousand ranges",
    [200, 400, 416],
    requestOf("GET", "/", { headers: { range: `bytes=${"0-1,".repeat(1000)}0-1` } }),
  ],
  [
    "a range that is none",
    [200, 400, 416],
    requestOf("GET", "/", { headers: { range: "bytes=9999999999999999999-1" } }),
  ],
  ["POST of a page", [404, 405], requestOf("POST", "/", { body: "{}" })],
  ["DELETE of a model", [404, 405], requestOf("DELETE", "/v1/models/rediff-demo")],
  ["PUT of a file", [404, 405], requestOf("PUT", "/index.html", { body: "x" })],
  [
    "a conditional request",
    [200, 304],
    requestOf("GET", "/", { headers: { "if-none-match": "*", "if-modified-since": "x" } }),
  ],
  [
    "max_side of nothing",
    [400],
    requestOf("POST", "/v1/pictures?max_side=%00", { body: "x", headers: { "content-type": "image/png" } }),
  ],
  [
    "a broken query",
    [400],
    requestOf("POST", "/v1/pictures?%zz=%ff", { body: "x", headers: { "content-type": "image/png" } }),
  ],
];

/** @type {import("../kinds.mjs").Kind} */
export const strangePaths = {
  name: "strange-paths",
  title: "paths out of the page's folder, wrong methods, ranges",
  async attack({ target, random, tally }) {
    const path = random.pick(PATHS);
    // The raw bytes of UTF-8, as careless clients send them.
    const wire = Buffer.from(path).toString("latin1");
    const exchanged = await exchange(target, requestOf("GET", wire));
    tally.judge(`GET ${path.slice(0, 60)}`, exchanged, [400, 404, 405]);
    if (/root:|"workspaces"|\[core\]/.test(exchanged.raw)) tally.fail(`GET ${path}: a file of this machine`);
    const [what, statuses, bytes, method] = random.pick(OTHERS);
    const answer = await exchange(target, bytes, method === undefined ? {} : { method });
    // An answer to HEAD has no body, so its form cannot be judged.
    if (method === "HEAD") {
      tally.tried++;
      if (statuses.includes(answer.answers[0]?.status ?? 0)) tally.answered++;
      else tally.fail(`${what}: ${answer.answers[0]?.status}`);
    } else tally.judge(what, answer, statuses);
  },
};
