/** The tokenizer of a model folder, equal to what Python's `PreTrainedTokenizerFast` makes of the same files.
 *
 *  LLaDA's is a byte-level BPE. Plain encoding adds no token of its own: neither BOS nor EOS (the chat template writes
 *  BOS as text). `encode` makes ids of special strings inside a text, as Python does; `encodeText` is for text from
 *  strangers, in which `<|eot_id|>` is ten characters and nothing more.
 *
 *  Files: tokenizer.json and tokenizer_config.json, special_tokens_map.json where there is one, and chat_template.jinja
 *  where the configuration holds no template. */
import { join } from "node:path";
import { Tokenizer as Engine } from "@huggingface/tokenizers";
import { z } from "zod";
import { UserError } from "../errors.js";
import { longestToken } from "./alignment/longest-token.js";
import { type TextTimer, textTimer } from "./bounds/text-timer.js";
import { largestId } from "./bounds/token-ids.js";
import { assertAddedTokens, slowParts } from "./bounds/tokenizer-components.js";
import {
  type AddedToken,
  effectiveAddedTokens,
  namedSpecialTokens,
  readTokenizerFiles,
  type TokenizerFiles,
} from "./tokenizer-files.js";

/** Ids with a role in prompts and decoding, found by their names in the tokenizer, never by number. */
export type SpecialIds = {
  mask: number;
  bos: number;
  /** Never generated; training pads with it. */
  eos: number;
  pad: number;
  startHeader: number;
  endHeader: number;
  /** End of turn: the usual stop. */
  eot: number;
};

/** From a text to tokens by way of normalising and of pieces that no token goes beyond. */
export interface TokenizerStages {
  /** Spellings of special tokens. */
  readonly controls: ReadonlySet<string>;
  /** Added tokens that are text: each is cut out before all else. */
  readonly wholes: readonly string[];
  /** Pieces are written in UTF-8, a character for each byte. */
  readonly isByteLevel: boolean;
  /** Stands before a token that continues a word, and is no part of it. */
  readonly continuation: string;
  normalize(text: string): string;
  /** Normalised text to pieces; characters between them may get lost. */
  split(normalized: string): string[];
  /** A piece to tokens as the vocabulary spells them. */
  tokensOf(piece: string): string[];
}

export interface Tokenizer {
  /** The model folder it was read from. */
  readonly folder: string;
  /** Ids in use, added tokens included: Python's `len(tokenizer)`. Rows of the embedding from here on are padding. */
  readonly length: number;
  /** The token with the largest id: an embedding needs that many rows and one. */
  readonly largest: { readonly token: string; readonly id: number };
  readonly special: SpecialIds;
  /** bos_token, eos_token, ... as text: what a chat template may refer to. */
  readonly specialTokens: Readonly<Record<string, string>>;
  /** The folder's chat template (Jinja), if it has one. */
  readonly chatTemplate: string | undefined;
  /** Spellings of special tokens become those tokens. */
  encode(text: string): number[];
  /** Without special tokens, however the text spells them. */
  encodeText(text: string): number[];
  /** What a word outside the vocabulary becomes; undefined where all can be written. */
  readonly unknown: number | undefined;
  /** UTF-8 bytes of a text that one token stands for, at most; undefined where there is no such number. */
  readonly longestToken: number | undefined;
  /** What `encodeText` does, in its steps. */
  readonly stages: TokenizerStages;
  /** Invalid UTF-8 (half a character) becomes U+FFFD. Ids without a token (the padding of the embedding) vanish, as in
   *  Python. */
  decode(ids: ArrayLike<number>, options?: { skipSpecialTokens?: boolean }): string;
  /** Whether `skipSpecialTokens` leaves it out. */
  isSpecial(id: number): boolean;
  tokenId(token: string): number | undefined;
  /** The token as the vocabulary spells it (byte-level: a space is U+0120). */
  token(id: number): string | undefined;
}

const specialNames = {
  mask: "<|mdm_mask|>",
  bos: "<|startoftext|>",
  eos: "<|endoftext|>",
  startHeader: "<|start_header_id|>",
  endHeader: "<|end_header_id|>",
  eot: "<|eot_id|>",
} as const;

/** Reads the tokenizer of a model folder. Throws a UserError when a file is missing or broken, or when the vocabulary
 *  lacks one of the special tokens that the models need. */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
  const files = await readTokenizerFiles(folder);
  const added = effectiveAddedTokens(files);
  assertAddedTokens(folder, added);
  const timed = textTimer(slowParts({ ...files.tokenizer, added_tokens: added }));
  const engine = createEngine(folder, files, added, timed);

  const vocabulary = files.tokenizer.model.vocab;
  const outsideVocabulary = added.filter((token) => !Object.hasOwn(vocabulary, token.content));
  const skipped = new Set(added.filter((token) => token.special).map((token) => token.id));
  const named = namedSpecialTokens(files);
  const special = resolveSpecialIds(folder, engine, named.pad_token);
  const controls = new Set([...skipped, ...Object.values(special)]);
  const texts = textEngine(
    engine,
    files,
    added.filter(({ id }) => !controls.has(id)),
  );
  const unknown = engine.model?.unk_token_id;
  const encodeText = (text: string) => timed(READING, text, () => withoutControls(texts, text, controls, unknown));

  return {
    folder,
    length: Object.keys(vocabulary).length + outsideVocabulary.length,
    largest: largestId(vocabulary, added),
    special,
    specialTokens: named,
    chatTemplate: files.chatTemplate,
    // What a vocabulary without a token for it cannot write vanishes, as in Python; the engine says undefined.
    encode: (text) =>
      timed(READING, text, () => engine.encode(text, { add_special_tokens: false }).ids.filter(Number.isInteger)),
    encodeText,
    unknown,
    longestToken: longestToken(files, added),
    stages: stagesOf(files, texts, new Set([...controls].map((id) => engine.id_to_token(id) ?? "")), timed),
    decode: (ids, { skipSpecialTokens = false } = {}) => {
      const kept = Array.from(ids).filter((id) => {
        if (!Number.isInteger(id) || id < 0) throw new RangeError(`decode: ${id} is not a token id`);
        return engine.id_to_token(id) !== undefined && !(skipSpecialTokens && skipped.has(id));
      });
      // The engine refuses an empty list; its own list of special tokens is wider than Python's.
      if (kept.length === 0) return "";
      return timed(["decoder"], kept, () => engine.decode(kept, { skip_special_tokens: false }));
    },
    isSpecial: (id) => skipped.has(id),
    tokenId: (token) => engine.token_to_id(token),
    token: (id) => engine.id_to_token(id),
  };
}

const READING = ["added", "normalizer", "splitter", "model"] as const;

function createEngine(folder: string, files: TokenizerFiles, added: AddedToken[], timed: TextTimer): Engine {
  // Of the configuration only what Python's fast tokenizer obeys: the engine would act on slow tokenizers' keys too.
  const config = { clean_up_tokenization_spaces: files.config.clean_up_tokenization_spaces };
  try {
    // An engine normalises its added tokens when it is made.
    const { normalizer } = withoutVocabulary(files, []);
    const names = added.filter((token) => token.normalized).map(({ content }) => content);
    timed(["normalizer"], names.join(""), () => names.map((name) => normalizer?.normalize(name)));
    return new Engine({ ...files.tokenizer, added_tokens: added }, config);
  } catch (cause) {
    if (cause instanceof UserError) throw new UserError(`${folder}: ${cause.message}`, undefined, { cause });
    // The engine's own mistakes say nothing about the file.
    const isBlind = cause instanceof TypeError || cause instanceof RangeError;
    const why = isBlind || !(cause instanceof Error) ? "a part of it is missing or of another form" : cause.message;
    throw new UserError(
      `${join(folder, "tokenizer.json")}: not a tokenizer that can be run (${why.slice(0, 300)})`,
      undefined,
      {
        cause,
      },
    );
  }
}

/** The same vocabulary, which the engines share, with those added tokens only that are text. */
function textEngine(engine: Engine, files: TokenizerFiles, texts: AddedToken[]): Engine {
  const made = withoutVocabulary(files, texts);
  made.model = engine.model;
  return made;
}

function withoutVocabulary(files: TokenizerFiles, added: AddedToken[]): Engine {
  const { normalizer, pre_tokenizer, decoder } = files.tokenizer;
  const model = { type: "BPE", vocab: {}, merges: [] };
  return new Engine({ normalizer, pre_tokenizer, decoder, post_processor: null, model, added_tokens: added }, {});
}

/** A vocabulary may hold special tokens as words like any others: what looks like one is then unknown, or is written
 *  character by character. */
function withoutControls(
  texts: Engine,
  text: string,
  controls: ReadonlySet<number>,
  unknown: number | undefined,
): number[] {
  const encode = (part: string) => texts.encode(part, { add_special_tokens: false }).ids;
  const isText = (id: number | undefined): id is number => id !== undefined && (id === unknown || !controls.has(id));
  const ids: (number | undefined)[] = encode(text);
  if (ids.every(isText)) return ids as number[];
  if (unknown !== undefined) return ids.map((id) => (isText(id) ? id : unknown));
  return [...text].flatMap(encode).filter(isText);
}

function stagesOf(
  files: TokenizerFiles,
  texts: Engine,
  controls: ReadonlySet<string>,
  timed: TextTimer,
): TokenizerStages {
  const { normalizer, pre_tokenizer, model } = texts;
  const config = z.looseObject({ continuing_subword_prefix: z.string().nullish() }).parse(files.tokenizer.model);
  return {
    controls,
    wholes: [...texts.get_added_tokens_decoder().values()].map(({ content }) => content),
    isByteLevel: typesWithin(files.tokenizer.pre_tokenizer).includes("ByteLevel"),
    continuation: files.tokenizer.model.type === "WordPiece" ? (config.continuing_subword_prefix ?? "##") : "",
    normalize: (text: string) => timed(["normalizer"], text, () => normalizer?.normalize(text) ?? text),
    split: (normalized: string) =>
      timed(
        ["splitter"],
        normalized,
        () => pre_tokenizer?.pre_tokenize(normalized, { section_index: 0 }) ?? [normalized],
      ),
    tokensOf: (piece: string) => timed(["model"], piece, () => model?.encode([piece]) ?? []),
  };
}

/** Of a component of tokenizer.json, and of those that it is a sequence of. */
function typesWithin(component: unknown): string[] {
  const sequence = z.looseObject({ type: z.string(), pretokenizers: z.array(z.unknown()).optional() });
  const { data } = sequence.safeParse(component);
  return data === undefined ? [] : [data.type, ...(data.pretokenizers ?? []).flatMap(typesWithin)];
}

function resolveSpecialIds(folder: string, engine: Engine, padName: string | undefined): SpecialIds {
  const names = { ...specialNames, pad: padName ?? specialNames.eos };
  const missing = new Set<string>();
  const resolve = (name: string): number => {
    const id = engine.token_to_id(name);
    if (id === undefined) missing.add(name);
    return id ?? -1;
  };
  const special: SpecialIds = {
    mask: resolve(names.mask),
    bos: resolve(names.bos),
    eos: resolve(names.eos),
    pad: resolve(names.pad),
    startHeader: resolve(names.startHeader),
    endHeader: resolve(names.endHeader),
    eot: resolve(names.eot),
  };
  if (missing.size > 0) {
    throw new UserError(
      `${join(folder, "tokenizer.json")}: the tokenizer has no ${[...missing].join(", ")}`,
      "Use a LLaDA, LLaDA-V or ReDiff model folder with its own tokenizer files",
    );
  }
  return special;
}
