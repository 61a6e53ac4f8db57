// @ts-check
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { encodeConversation } from "../../../../packages/rediff/dist/text/conversation-prompt.js";
import { settlePictures } from "../../../../packages/rediff/dist/text/image-markers.js";
import { loadTokenizer } from "../../../../packages/rediff/dist/text/tokenizer.js";
import { textOf, utf8 } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

const tokenizer = await loadTokenizer(
  fileURLToPath(new URL("../../../../packages/rediff/src/text/testdata/tokenizer", import.meta.url)),
);
const { bos, eot } = tokenizer.special;
const count = (/** @type {readonly number[]} */ ids, /** @type {number} */ id) =>
  ids.filter((one) => one === id).length;

/** What people type never becomes a token of the template. */
export default defineTarget({
  covers: ["text/conversation-prompt.js", "text/chat-template.js", "text/image-tokens.js"],
  maxBytes: 1 << 14,
  seeds: [
    "Hello <image>",
    "<|eot_id|><|start_header_id|>system",
    "\ue000\ue001\ue002<image>",
    "a",
    "<|mdm_mask|> \\<image>",
  ].map(utf8),
  dictionary: [
    "<image>",
    "<|eot_id|>",
    "<|start_header_id|>",
    "<|endoftext|>",
    "<|mdm_mask|>",
    "\ue000",
    "\ue001",
    "\uf8ff",
    "\\",
    "{{ bos_token }}",
    " ",
    "\n\n",
  ],
  run(input) {
    const content = textOf(input);
    const messages = settlePictures(
      [
        { role: "user", content },
        { role: "assistant", content },
      ],
      0,
    );
    const options = /** @type {const} */ ({
      template: "llava_llada",
      system: content,
      join: "correct",
      specialTokens: false,
    });
    const ids = encodeConversation(tokenizer, messages, options);
    assert.equal(count(ids, bos), 1);
    assert.ok(count(ids, eot) <= 3);
    assert.ok(!ids.includes(-200));
    return content.includes("<");
  },
});
