// Valid requests of each route with a little changed: what is accepted decodes, and has to be survived too.

import { ask, askAbout, CHAT, PICTURE, PICTURE_URL } from "../questions.mjs";
import { exchange, post, requestOf } from "../wire.mjs";

/** @typedef {import("../random.mjs").Random} Random */

const WORDS = [
  "cat",
  "dog",
  "",
  "\0",
  "\u{1f600}",
  "\ud83d",
  "é",
  "\u202e",
  "<image>",
  "<|eot_id|>",
  "[[2]]",
  "{{",
  "\\",
  "中文",
  "a".repeat(40),
];

/** @param {Random} random */
const words = (random) =>
  Array.from({ length: random.between(1, 6) }, () => random.pick(WORDS)).join(random.pick([" ", "", "\n"]));

/** Changes that leave a request valid, but for some. @type {((random: Random) => Record<string, unknown>)[]} */
const FIELDS = [
  (random) => ({ max_tokens: random.between(1, 24) }),
  (random) => ({ max_tokens: 8, block_length: random.pick([1, 2, 4, 8]) }),
  (random) => ({ tokens_per_step: random.between(1, 4) }),
  (random) => ({ threshold: random.share() }),
  (random) => ({ temperature: random.share() * 2 }),
  (random) => ({ seed: random.below(2 ** 31) }),
  (random) => ({ cfg_scale: random.share() * 3 }),
  (random) => ({ remasking: random.pick(["low_confidence", "random"]) }),
  (random) => ({ revise: random.share() < 0.5, revise_topk: random.between(1, 8) }),
  (random) => ({ image_join: random.pick(["legacy", "correct"]) }),
  (random) => ({ as_stored: random.share() < 0.5 }),
  () => ({ user: null, seed: null }),
  () => ({ diffusion_trace: true }),
];
/** For chat alone. @type {typeof FIELDS} */
const CHAT_FIELDS = [
  (random) => ({ stop: [random.pick(WORDS) || "x", "the"] }),
  () => ({ stream: true }),
  () => ({ stream: true, stream_options: { include_usage: true } }),
  (random) => ({ user: words(random) }),
  (random) => ({ metadata: { [words(random)]: words(random) } }),
  () => ({ temperature: 0, top_p: 0.5 }),
];

/** @type {((random: Random) => [string, Record<string, unknown>])[]} */
const VALID = [
  (random) => [CHAT, ask(`What is here? ${words(random)}`)],
  () => [CHAT, askAbout(PICTURE_URL)],
  (random) => {
    const messages = ["user", "assistant", "user"].map((role) => ({ role, content: `a ${words(random)}` }));
    return [CHAT, { messages: [{ role: "system", content: words(random) }, ...messages], max_tokens: 8 }];
  },
  (random) => [
    "/v1/refine",
    { image: PICTURE_URL, draft: `A red ${words(random)} is at the dog.`, rounds: random.between(1, 2) },
  ],
  (random) => [
    "/v1/fill",
    { template: `A [[2]] is at the [[${random.between(1, 3)}]] ${random.pick(["cat", "é", "."])}` },
  ],
  () => ["/v1/fill", { template: "A [[2]].", image: PICTURE_URL }],
];

/** Bytes that are wrong somewhere. @param {Random} random @param {Buffer} bytes */
function broken(random, bytes) {
  const at = random.below(bytes.length);
  switch (random.below(5)) {
    case 0:
      return bytes.subarray(0, at); // cut off
    case 1:
      bytes[at] = random.below(256); // one byte of another kind, of bad UTF-8 too
      return bytes;
    case 2:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from([0xff, 0xfe, 0xc0, 0x80]), bytes.subarray(at)]);
    case 3:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(random.below(bytes.length))]);
    default:
      return Buffer.concat([Buffer.from("\ufeff"), bytes]);
  }
}

/** @type {import("../kinds.mjs").Kind} */
export const mutatedBodies = {
  name: "mutated-bodies",
  title: "mutated bodies of each route",
  // So that what is mutated gets beyond the border.
  leastAnswered: 0.5,
  async attack({ target, random, tally }) {
    const one = async () => {
      if (random.share() < 0.1) {
        const bytes = Buffer.from(PICTURE);
        for (let i = random.below(3); i > 0; i--) bytes[random.below(bytes.length)] = random.below(256);
        const request = requestOf("POST", `/v1/pictures?max_side=${random.between(1, 200)}`, {
          body: bytes,
          headers: { "content-type": "image/png" },
        });
        return tally.judge("/v1/pictures, mutated", await exchange(target, request), [200, 400]);
      }
      const [path, valid] = random.pick(VALID)(random);
      const fields = random.sample(
        path === CHAT ? [...FIELDS, ...CHAT_FIELDS] : path === "/v1/fill" ? FIELDS.slice(2) : [],
        random.below(3),
      );
      const body = Object.assign(valid, ...fields.map((field) => field(random)));
      const bytes = Buffer.from(JSON.stringify(body));
      const sent = random.share() < 0.25 ? broken(random, bytes) : bytes;
      tally.judge(
        `${path}: ${sent.toString("latin1").replace(/base64,[^"]*/, "base64,...")}`,
        await post(target, path, sent),
        [200, 400, 404],
      );
    };
    await Promise.all(Array.from({ length: 6 }, one));
  },
};
