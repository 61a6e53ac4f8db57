/** The world's tokenizer in Hugging Face's files: one token for each word, wherever it stands, so that "dummy " before
 *  a phrase, a sentence's start and a line break change nothing.
 *
 *  A WordPiece model without continuing pieces, which is a list of whole words: both @huggingface/tokenizers and Python
 *  know it, while the former has no WordLevel. Its decoder sets the spaces. Special tokens have LLaDA's names; the
 *  default system text is one token, because spelling it out would cost a small model forty positions. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hiddenPath } from "../../files/hidden-names.js";
import { writeError } from "../../files/write-errors.js";
import { defaultSystemText } from "../../text/chat-template.js";
import { vocabulary } from "../language/vocabulary.js";
import { wordPattern } from "../language/words.js";

const unknown = "<unk>";
const end = "<|endoftext|>";
const specials = ["<|startoftext|>", end, "<|mdm_mask|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"];

const chatTemplate =
  "{% for message in messages %}{{ (bos_token if loop.first else '') + '<|start_header_id|>' + message['role'] " +
  "+ '<|end_header_id|>\n\n' + message['content'] | trim + '<|eot_id|>' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}";

export interface SceneTokens {
  /** Ids of the words of the language are 1 to `words`: what training may put in at random. */
  words: number;
  /** All tokens. */
  length: number;
}

/** Ids: 0 is the unknown word, then the words, then LLaDA's special tokens, then the system text. */
export function sceneTokens(): SceneTokens {
  const words = vocabulary().length;
  return { words, length: 1 + words + specials.length + 1 };
}

/** Contents of tokenizer.json, tokenizer_config.json and special_tokens_map.json. */
export function sceneTokenizerFiles(): Record<string, unknown> {
  const words = [unknown, ...vocabulary()];
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
export function writeSceneTokenizer(folder: string): SceneTokens {
  mkdirSync(folder, { recursive: true });
  const files = Object.entries(sceneTokenizerFiles()).map(([name, content]) => ({
    path: join(folder, name),
    draft: hiddenPath(folder, name, "partial"),
    text: `${JSON.stringify(content, null, 2)}\n`,
  }));
  try {
    for (const { draft, text } of files) writeFileSync(draft, text);
    for (const { path, draft } of files) renameSync(draft, path);
  } catch (cause) {
    for (const { draft } of files) rmSync(draft, { force: true });
    throw writeError(folder, cause);
  }
  return sceneTokens();
}

function addedToken(id: number, content: string, special: boolean) {
  return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special };
}
