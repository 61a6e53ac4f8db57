/** The world's tokenizer in Hugging Face's files: byte-level byte-pair encoding, so that any text can be written, with one
 *  token for each word of the world, the space before it included.
 *
 *  A word has up to three tokens: behind a space (" dog"), behind a space at the start of a sentence (" Dog"), and without
 *  a space, at the start of a text. Special tokens have LLaDA's names; the default system text is one token, because
 *  spelling it out would cost a small model forty positions. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hiddenPath } from "../../files/hidden-names.js";
import { writeError } from "../../files/write-errors.js";
import { defaultSystemText } from "../../text/chat-template.js";
import { sentenceStarts, signs, templateWords, vocabulary } from "../language/vocabulary.js";
import { byteTokens, spelt, trainBytePairs } from "./byte-pairs.js";

/** A word with the space before it, a sign, or spaces: each is encoded by itself. For Oniguruma and JavaScript alike. */
const piecePattern = " ?[\\p{L}\\p{N}'-]+| ?[^\\s\\p{L}\\p{N}]|\\n+|\\s+(?!\\S)|\\s+";
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

interface Tokens {
  vocab: readonly string[];
  merges: readonly (readonly [string, string])[];
  words: number;
  firstSpecial: number;
}

let known: Tokens | undefined;

/** Ids: 0 is the line break, which no caption has; then the words as they stand in captions, then LLaDA's special tokens:
 *  replacements at random are drawn below the first of these. Behind them single bytes, words without their space, and
 *  pieces of words. */
function tokens(): Tokens {
  if (known !== undefined) return known;
  const bare = [...vocabulary().map((word) => (signs.includes(word) ? ` ${word}` : word)), ...templateWords, "\n\n"];
  const starts = sentenceStarts();
  const inside = vocabulary().map((word) => (signs.includes(word) ? word : ` ${word}`));
  const words = [...new Set([...inside, ...starts.map((word) => ` ${word}`), ...starts].map(spelt))];
  const { merges } = trainBytePairs([...words, ...bare.map(spelt)]);
  const first = [spelt("\n"), ...words, ...specials];
  const vocab = [...new Set([...first, ...byteTokens, ...merges.map((pair) => pair.join(""))])];
  known = { vocab, merges, words: words.length, firstSpecial: 1 + words.length };
  return known;
}

export function sceneTokens(): SceneTokens {
  const { vocab, words } = tokens();
  return { words, length: vocab.length + 1 };
}

/** Contents of tokenizer.json, tokenizer_config.json and special_tokens_map.json. */
export function sceneTokenizerFiles(): Record<string, unknown> {
  const { vocab, merges, firstSpecial } = tokens();
  const added = [
    ...specials.map((content, i) => addedToken(firstSpecial + i, content, true)),
    addedToken(vocab.length, defaultSystemText, false),
  ];
  const special = (content: string) => ({
    content,
    lstrip: false,
    normalized: false,
    rstrip: false,
    single_word: false,
  });
  const named = { bos_token: specials[0] ?? "", eos_token: end, pad_token: end };
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false };
  return {
    "tokenizer.json": {
      version: "1.0",
      truncation: null,
      padding: null,
      added_tokens: added,
      normalizer: null,
      pre_tokenizer: {
        type: "Sequence",
        pretokenizers: [
          { type: "Split", pattern: { Regex: piecePattern }, behavior: "Isolated", invert: false },
          byteLevel,
        ],
      },
      post_processor: null,
      decoder: byteLevel,
      model: {
        type: "BPE",
        dropout: null,
        unk_token: null,
        continuing_subword_prefix: null,
        end_of_word_suffix: null,
        fuse_unk: false,
        byte_fallback: false,
        vocab: Object.fromEntries(vocab.map((token, id) => [token, id])),
        merges: merges.map((pair) => pair.join(" ")),
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
