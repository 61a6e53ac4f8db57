// @ts-check
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { assertRows } from "../../../../packages/rediff/dist/text/bounds/token-ids.js";
import { loadTokenizer } from "../../../../packages/rediff/dist/text/tokenizer.js";
import { json } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

const special = [
  "<|mdm_mask|>",
  "<|startoftext|>",
  "<|endoftext|>",
  "<|start_header_id|>",
  "<|end_header_id|>",
  "<|eot_id|>",
];
const letters = [..."abcdefgh", "\u0120", "ab", "cd"];
const vocab = Object.fromEntries([...letters, ...special].map((token, id) => [token, id]));
const added = special.map((content) => ({ content, id: vocab[content], special: true, normalized: false }));
const model = { type: "BPE", vocab, merges: ["a b", "c d"] };
const byteLevel = { type: "ByteLevel", add_prefix_space: false, use_regex: true };

/** The last ones are what expressions with two stars stumble over. */
const TEXTS = ["ab cd <|eot_id|> x", "", "a".repeat(60), " ".repeat(60), "ab".repeat(200)];

export default defineTarget({
  covers: [
    "text/tokenizer.js",
    "text/tokenizer-files.js",
    "bounds/token-ids.js",
    "bounds/tokenizer-components.js",
    "bounds/text-timer.js",
  ],
  file: "tokenizer.json",
  seeds: [
    json({ model, added_tokens: added, pre_tokenizer: byteLevel, decoder: byteLevel }),
    json({ model, added_tokens: added, normalizer: { type: "NFC" }, pre_tokenizer: { type: "Whitespace" } }),
    json({ model: { type: "WordPiece", vocab, unk_token: "a", continuing_subword_prefix: "##" }, added_tokens: added }),
    json({
      model,
      added_tokens: added,
      pre_tokenizer: {
        type: "Sequence",
        pretokenizers: [{ type: "Split", pattern: { String: " " }, behavior: "Isolated" }, byteLevel],
      },
    }),
    json({
      model,
      added_tokens: [...added, { content: "ab ab", id: 20, special: false, normalized: true }],
      normalizer: {
        type: "Sequence",
        normalizers: [
          { type: "Replace", pattern: { Regex: "(a+)b" }, content: "cd" },
          { type: "Prepend", prepend: "a" },
        ],
      },
      pre_tokenizer: { type: "Split", pattern: { Regex: "(a|b)+|\\s+(?!\\S)" }, behavior: "Removed" },
      decoder: {
        type: "Sequence",
        decoders: [{ type: "Replace", pattern: { String: "c" }, content: " " }, { type: "Fuse" }],
      },
    }),
  ],
  dictionary: [
    '"Regex":',
    '"String":',
    '"type":"Metaspace","str_rep":"aa"',
    '"type":"FixedLength","length":0',
    "\\\\s*",
    "(?<=a+)",
    "+)+",
    "*)*",
    '"max_input_chars_per_word":100000',
    '"fuse_unk":true',
    '"id":16777216',
    '"id":-1',
    '"model":',
    '"vocab":',
    '"merges":',
    '"added_tokens":',
    '"type":"BPE"',
    '"type":"Unigram"',
    '"type":"WordLevel"',
    '"__proto__":',
    "4294967296",
    "1e9",
    "null",
    ...special,
  ],
  async run(_input, { folder }) {
    const config = join(folder, "tokenizer_config.json");
    writeFileSync(config, JSON.stringify({ pad_token: "<|endoftext|>", additional_special_tokens: ["<x>"] }));
    try {
      const tokenizer = await loadTokenizer(folder);
      assertRows(tokenizer, 1000);
      for (const text of TEXTS) {
        const ids = [...tokenizer.encode(text), ...tokenizer.encodeText(text)];
        for (const id of ids) assert.ok(id <= tokenizer.largest.id, `${id} is larger than ${tokenizer.largest.id}`);
        tokenizer.decode(ids);
      }
    } finally {
      rmSync(config);
    }
  },
});
