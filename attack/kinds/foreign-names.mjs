// Requests for a server of another name, as a page of the web brings them about by having its name lead here.

import { CHAT } from "../questions.mjs";
import { exchange, requestOf } from "../wire.mjs";

const PATHS = [
  "/",
  "/health",
  "/ready",
  "/metrics",
  "/v1/models",
  "/openapi.json",
  CHAT,
  "/assets/none.js",
  "/favicon.svg",
];
const NAMES = [
  "evil.example",
  "evil.example:8080",
  "127.0.0.1.evil.example",
  "localhost.evil.example",
  "evil.example#localhost",
  "evil.example/localhost",
  "localhost@evil.example",
  "evil.example:80@localhost",
  "127.0.0.1, evil.example",
  "evil.example localhost",
  "[::ffff:8.8.8.8]",
  "0.0.0.0",
  "8.8.8.8",
  "EVIL.EXAMPLE",
  "xn--localhost-n2a",
  "localhost\tevil.example",
  "",
];
const OUR_NAMES = [
  "localhost",
  "LOCALHOST",
  "127.0.0.1",
  "127.0.0.1:1",
  "[::1]",
  "[::1]:8080",
  "studio.localhost",
  "localhost.",
];

/** @type {import("../kinds.mjs").Kind} */
export const foreignNames = {
  name: "foreign-names",
  title: "Host headers of others, two of them, none",
  async attack({ target, random, tally }) {
    const path = random.pick(PATHS);
    const method = path === CHAT ? "POST" : "GET";
    const body = path === CHAT ? '{"messages":[{"role":"user","content":"a"}],"max_tokens":2}' : undefined;
    const send = (/** @type {string} */ to, /** @type {Record<string, string | null>} */ headers) =>
      exchange(target, requestOf(method, to, { headers, ...(body !== undefined && { body }) }));
    const name = random.pick(NAMES);
    const bad = name === "" || /[/@#,\s]/.test(name) ? [400, 421] : [421];
    tally.judge(`${path} of ${JSON.stringify(name)}`, await send(path, { host: name }), bad);
    const ours = random.pick(OUR_NAMES);
    const own = path.startsWith("/assets/") ? [404] : [200, 404];
    tally.judge(`${path} of ${ours}`, await send(path, { host: ours }), own);
    tally.judge(`${path} of two hosts`, await send(path, { host: "localhost\r\nHost: evil.example" }), [400]);
    tally.judge(`${path} of one host twice`, await send(path, { host: "localhost\r\nHost: localhost" }), [400]);
    tally.judge(`${path} of none`, await send(path, { host: null }), [400]);
    tally.judge(`${path} by a whole URL`, await send(`http://evil.example${path}`, { host: "localhost" }), [400, 421]);
    tally.judge(
      `${path} by a whole URL of its own`,
      await send(`http://evil.example${path}`, { host: "evil.example" }),
      [400, 421],
    );
  },
};
