// Writes a model folder (Hugging Face's layout) for one of the shapes.
//
// The tokenizer covers the whole vocabulary: the original shortens the head to the tokenizer's length after loading,
// and a tokenizer of a few hundred tokens would make that head a toy.

import { access, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { configOf, tensorsOf } from "./shapes.mjs";

/**
 * The folder of a shape's checkpoint, which is made unless it is there. Weights are float32, each tensor drawn from its
 * normal distribution. libtorch, which writes them, is loaded only for that: a run of the reference alone can do without.
 *
 * @returns {Promise<string>}
 */
export async function randomCheckpoint(shape, parent) {
  const folder = join(parent, `rediff-bench-${shape.name}`);
  if (await exists(folder)) return folder;
  const partial = `${folder}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  await writeText(partial, shape);
  const { writeTensors } = await import("./engine/weights.mjs");
  await writeTensors(join(partial, "model.safetensors"), tensorsOf(shape), 0);
  await rename(partial, folder);
  return folder;
}

/** Everything but the weights.
 *  @param {string} folder @param {typeof import("./shapes.mjs").SHAPES.small} shape @param {object} [config] of config.json */
export async function writeText(folder, shape, config = configOf(shape)) {
  const special = specialTokens(shape);
  const files = {
    "config.json": config,
    "tokenizer.json": tokenizerOf(shape, special),
    "tokenizer_config.json": {
      tokenizer_class: "PreTrainedTokenizerFast",
      bos_token: "<|startoftext|>",
      eos_token: "<|endoftext|>",
      pad_token: "<|endoftext|>",
      add_bos_token: false,
      add_eos_token: false,
      clean_up_tokenization_spaces: false,
      model_max_length: 16_384,
      chat_template: CHAT_TEMPLATE,
      added_tokens_decoder: Object.fromEntries(special.map(({ id, ...token }) => [id, token])),
    },
    "special_tokens_map.json": {
      bos_token: "<|startoftext|>",
      eos_token: "<|endoftext|>",
      pad_token: "<|endoftext|>",
    },
  };
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(folder, name), `${JSON.stringify(content)}\n`);
  }
}

const CHAT_TEMPLATE =
  "{{ '<|startoftext|>' }}{% for message in messages %}{{ '<|start_header_id|>' + message['role'] + " +
  "'<|end_header_id|>\\n\\n' + message['content'] | trim + '<|eot_id|>' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}";

/** Special tokens at the shape's ids, and reserved ones in all the places between and after. */
function specialTokens(shape) {
  const { bos, eos, mask, startHeader, endHeader, endOfTurn } = shape.special;
  const named = new Map([
    [bos, "<|startoftext|>"],
    [eos, "<|endoftext|>"],
    [mask, "<|mdm_mask|>"],
    [startHeader, "<|start_header_id|>"],
    [endHeader, "<|end_header_id|>"],
    [endOfTurn, "<|eot_id|>"],
  ]);
  return Array.from({ length: shape.vocabulary - bos }, (_, index) => ({
    id: bos + index,
    content: named.get(bos + index) ?? `<|reserved_token_${index}|>`,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  }));
}

/** Byte-level BPE without merges: 256 bytes, then words that decode but that no text encodes to. */
function tokenizerOf(shape, special) {
  const vocab = Object.fromEntries(byteLetters().map((letter, id) => [letter, id]));
  for (let id = 256; id < shape.special.bos; id++) vocab[`\u0120w${id}`] = id;
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: special,
    normalizer: null,
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: null,
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      vocab,
      merges: [],
    },
  };
}

/** The printable letter that byte-level BPE writes for each byte: itself where printable, else one from U+0100 on. */
function byteLetters() {
  const printable = (byte) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++));
}

async function exists(path) {
  return access(path).then(
    () => true,
    () => false,
  );
}
