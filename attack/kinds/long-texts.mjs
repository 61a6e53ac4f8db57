// Texts that can never fit into a model's positions.

import { ask, CHAT, PICTURE_URL } from "../questions.mjs";
import { post } from "../wire.mjs";

const MIB = 1 << 20;
const PIECES = [
  "a",
  "a ",
  "word ",
  "the cat is on the mat. ",
  "\u{1f600}",
  "é",
  "\u0300",
  "中",
  " ",
  "\n",
  "<|eot_id|>",
  "<image>",
  "0",
];

/** @type {import("../kinds.mjs").Kind} */
export const longTexts = {
  name: "long-texts",
  title: "texts of 1 and 15 MiB",
  async attack({ target, random, tally }) {
    const piece = random.pick(PIECES);
    const bytes = random.pick([MIB, MIB, 15 * MIB]);
    const text = piece.repeat(Math.floor((bytes - 1000) / Buffer.byteLength(JSON.stringify(piece).slice(1, -1))));
    const [path, body] = random.pick(
      /** @type {const} */ ([
        [CHAT, ask(text)],
        [CHAT, ask("What is here?", { stop: text })],
        [CHAT, { messages: [{ role: "system", content: text }, ...ask("What is here?").messages] }],
        ["/v1/refine", { image: PICTURE_URL, draft: text }],
        ["/v1/fill", { template: `A [[2]] ${text}` }],
        ["/v1/fill", { template: "A [[2]].", prompt: text }],
      ]),
    );
    const what = `${path}, ${text.length} characters of ${JSON.stringify(piece)}`;
    // Texts that are nothing but blanks may be none.
    tally.judge(what, await post(target, path, body), text.trim() === "" ? [200, 400, 413] : [400, 413]);
  },
};
