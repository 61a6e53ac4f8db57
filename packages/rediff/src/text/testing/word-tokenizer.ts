/** A tokenizer of words, as small models have: one token for each word of the scene world in lower case, wherever it stands,
 *  and one for all other words.
 *
 *  A WordPiece model without continuing pieces: both @huggingface/tokenizers and Python know it, while the former has no
 *  WordLevel. Its decoder sets the spaces. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { signs, templateWords, vocabulary } from "../../scenes/language/vocabulary.js";
import { writeTinyModel } from "../../testing/tiny-model.js";
import { defaultSystemText } from "../chat-template.js";

const wordPattern = "\\n|[\\p{L}\\p{N}'-]+|[^\\s\\p{L}\\p{N}]";
const unknown = "<unk>";
const end = "<|endoftext|>";
const specials = ["<|startoftext|>", end, "<|mdm_mask|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"];

const chatTemplate =
  "{% for message in messages %}{{ (bos_token if loop.first else '') + '<|start_header_id|>' + message['role'] " +
  "+ '<|end_header_id|>\n\n' + message['content'] | trim + '<|eot_id|>' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}";

/** Contents of tokenizer.json, tokenizer_config.json and special_tokens_map.json. */
export function wordTokenizerFiles(): Record<string, unknown> {
  const words = [unknown, ...signs, "\n", ...templateWords, ...vocabulary().filter((word) => !signs.includes(word))];
  const added = [
    addedToken(0, unknown, true),
    ...specials.map((content, i) => addedToken(words.length + i, content, true)),
    addedToken(words.length + specials.length, defaultSystemText, false),
  ];
  const special = (content: string) => ({
    content,
    lstrip: false,
    normalized: false,
    rstrip: false,
    single_word: false,
  });
  const named = { bos_token: specials[0] ?? "", eos_token: end, pad_token: end, unk_token: unknown };
  return {
    "tokenizer.json": {
      version: "1.0",
      truncation: null,
      padding: null,
      added_tokens: added,
      normalizer: { type: "Lowercase" },
      pre_tokenizer: { type: "Split", pattern: { Regex: wordPattern }, behavior: "Removed", invert: true },
      post_processor: null,
      decoder: { type: "WordPiece", prefix: "##", cleanup: true },
      model: {
        type: "WordPiece",
        unk_token: unknown,
        continuing_subword_prefix: "##",
        max_input_chars_per_word: 100,
        vocab: Object.fromEntries(words.map((word, id) => [word, id])),
      },
    },
    "tokenizer_config.json": {
      added_tokens_decoder: Object.fromEntries(added.map(({ id, ...token }) => [id, token])),
      ...named,
      additional_special_tokens: specials.slice(2),
      chat_template: chatTemplate,
      clean_up_tokenization_spaces: false,
      model_max_length: 1024,
      tokenizer_class: "PreTrainedTokenizerFast",
    },
    "special_tokens_map.json": Object.fromEntries(Object.entries(named).map(([key, text]) => [key, special(text)])),
  };
}

/** Writes the files into a folder, which is made. */
export function writeWordTokenizer(folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of Object.entries(wordTokenizerFiles()))
    writeFileSync(join(folder, name), `${JSON.stringify(content, null, 2)}\n`);
}

function addedToken(id: number, content: string, special: boolean) {
  return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special };
}

/** A model of random weights with that tokenizer: one that cannot read most words. */
export function writeWordModel(folder: string): string {
  writeTinyModel(folder);
  writeWordTokenizer(folder);
  return folder;
}
