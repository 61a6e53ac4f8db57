/** The tokenizer files of a model folder, parsed, and the rules by which Python combines them.
 *
 *  tokenizer.json holds the vocabulary and its added tokens; tokenizer_config.json may list further added tokens or
 *  change the flags of known ones; special_tokens_map.json counts only where the configuration lists no added tokens
 *  (transformers 4.43: the file is kept for older folders). */
import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../errors.js";
import { mistakenFileError } from "../files/mistaken-file.js";
import { isAbsent } from "../files/read-errors.js";
import { readRegular } from "../files/regular-file.js";
import { decodeFile } from "../files/utf8-text.js";
import { parseShallowJson } from "../options/shallow-json.js";
import { assertVocabulary } from "./bounds/token-ids.js";
import { assertComponents } from "./bounds/tokenizer-components.js";

const addedTokenFlags = {
  content: z.string(),
  single_word: z.boolean().default(false),
  lstrip: z.boolean().default(false),
  rstrip: z.boolean().default(false),
  normalized: z.boolean().default(true),
  special: z.boolean().default(false),
};
const addedTokenSchema = z.object({ ...addedTokenFlags, id: z.number() });
export type AddedToken = z.infer<typeof addedTokenSchema>;

/** A special token is written as its text, or as an added token without an id. */
const specialTokenSchema = z.union([z.string(), z.looseObject({ content: z.string() }).transform((t) => t.content)]);

const specialTokenKeys = [
  "bos_token",
  "eos_token",
  "unk_token",
  "sep_token",
  "pad_token",
  "cls_token",
  "mask_token",
] as const;

const specialTokensSchema = z.looseObject({
  bos_token: specialTokenSchema.nullish(),
  eos_token: specialTokenSchema.nullish(),
  unk_token: specialTokenSchema.nullish(),
  sep_token: specialTokenSchema.nullish(),
  pad_token: specialTokenSchema.nullish(),
  cls_token: specialTokenSchema.nullish(),
  mask_token: specialTokenSchema.nullish(),
  additional_special_tokens: z.array(specialTokenSchema).nullish(),
});

const configSchema = specialTokensSchema.extend({
  added_tokens_decoder: z.record(z.string(), z.object(addedTokenFlags)).optional(),
  chat_template: z.union([z.string(), z.array(z.object({ name: z.string(), template: z.string() }))]).nullish(),
  // transformers 4.43 cleans up unless told otherwise; null counts as false.
  clean_up_tokenization_spaces: z
    .boolean()
    .nullable()
    .default(true)
    .transform((value) => value === true),
});

/** Not copied: there are 126,080 entries, and z.record would lose a token spelt "__proto__". The ids are looked at by
 *  `assertVocabulary`, which names the token. */
const vocabularySchema = z.custom<Record<string, number>>(
  (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  "expected a vocabulary, token -> id",
);

const tokenizerSchema = z.looseObject({
  model: z.looseObject({ type: z.string(), vocab: vocabularySchema }),
  added_tokens: z.array(addedTokenSchema).default([]),
  normalizer: z.unknown().default(null),
  pre_tokenizer: z.unknown().default(null),
  post_processor: z.unknown().default(null),
  decoder: z.unknown().default(null),
});

export type TokenizerFiles = {
  tokenizer: z.infer<typeof tokenizerSchema>;
  config: z.infer<typeof configSchema>;
  specialTokensMap: z.infer<typeof specialTokensSchema>;
  chatTemplate: string | undefined;
};

/** Throws a UserError that names the file which is missing or broken. */
export async function readTokenizerFiles(folder: string): Promise<TokenizerFiles> {
  const [tokenizer, config, specialTokensMap, templateFile] = await Promise.all([
    readJson(join(folder, "tokenizer.json"), tokenizerSchema),
    readJson(join(folder, "tokenizer_config.json"), configSchema),
    readJson(join(folder, "special_tokens_map.json"), specialTokensSchema, "{}"),
    readText(join(folder, "chat_template.jinja"), ""),
  ]);
  assertVocabulary(join(folder, "tokenizer.json"), tokenizer.model.vocab, tokenizer.added_tokens);
  assertComponents(join(folder, "tokenizer.json"), tokenizer);
  const { chat_template: template } = config;
  const configured = Array.isArray(template) ? template.find(({ name }) => name === "default")?.template : template;
  return { tokenizer, config, specialTokensMap, chatTemplate: configured ?? (templateFile || undefined) };
}

async function readJson<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
  whenMissing?: string,
): Promise<z.infer<Schema>> {
  const text = await readText(path, whenMissing);
  let value: unknown;
  try {
    value = parseShallowJson(text);
  } catch (cause) {
    throw new UserError(`${path}: broken JSON (${reason(cause)})`, "Copy or download the file again", { cause });
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const where = issue === undefined || issue.path.length === 0 ? "" : ` ${issue.path.join(".")}:`;
  throw new UserError(`${path}:${where} ${issue?.message ?? "unexpected content"}`);
}

/** The largest published vocabularies take 35 MB. */
const JSON_FILE = { expected: "a tokenizer's JSON", most: 128 << 20 };
const TEMPLATE = { expected: "a chat template", most: 1 << 20 };

async function readText(path: string, whenMissing?: string): Promise<string> {
  const isTemplate = path.endsWith(".jinja");
  let bytes: Buffer;
  try {
    bytes = await readRegular(path, isTemplate ? TEMPLATE : JSON_FILE);
  } catch (cause) {
    const absent = isAbsent(cause);
    if (absent && whenMissing !== undefined) return whenMissing;
    if (!absent) throw cause;
    throw new UserError(`${path}: no such file`, "A model folder holds tokenizer.json and tokenizer_config.json", {
      cause,
    });
  }
  const mistaken = mistakenFileError(path, bytes, isTemplate ? TEMPLATE.expected : JSON_FILE.expected);
  if (mistaken !== undefined) throw mistaken;
  return decodeFile(bytes, path);
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/** bos_token, eos_token, ... as text. */
export function namedSpecialTokens(files: TokenizerFiles): Record<string, string> {
  const source = specialTokenSource(files);
  const named: Record<string, string> = {};
  for (const key of specialTokenKeys) {
    const token = source[key];
    if (token) named[key] = token;
  }
  return named;
}

/** Added tokens as they are after loading, each with its id: those of tokenizer.json, then those of the configuration,
 *  then special tokens that so far were only named. A known token keeps its id and takes the later flags; a new one
 *  that is no word of the vocabulary gets the next free id, whatever id the configuration wrote beside it. */
export function effectiveAddedTokens(files: TokenizerFiles): AddedToken[] {
  const vocabulary = files.tokenizer.model.vocab;
  const tokens = new Map(files.tokenizer.added_tokens.map((token) => [token.content, token]));
  let nextId = Object.keys(vocabulary).length;
  for (const { id } of tokens.values()) nextId = Math.max(nextId, id + 1);

  const source = specialTokenSource(files);
  const named = [...Object.values(namedSpecialTokens(files)), ...(source.additional_special_tokens ?? [])];
  const configured = Object.entries(files.config.added_tokens_decoder ?? {})
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([, token]) => token);
  const known = new Set([...tokens.keys(), ...configured.map((token) => token.content)]);
  const names = new Set(named);
  const bare = [...names]
    .filter((content) => !known.has(content))
    .map((content) => ({
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    }));

  for (const token of [...configured, ...bare]) {
    const same = tokens.get(token.content);
    const id = same?.id ?? ownEntry(vocabulary, token.content) ?? nextId++;
    // Once special, always special: Python's set of special tokens only grows.
    const special = token.special || same?.special === true || names.has(token.content);
    tokens.set(token.content, { ...token, id, special });
  }
  return [...tokens.values()];
}

function specialTokenSource(files: TokenizerFiles): z.infer<typeof specialTokensSchema> {
  if (files.config.added_tokens_decoder !== undefined) return files.config;
  const additional = [
    ...(files.config.additional_special_tokens ?? []),
    ...(files.specialTokensMap.additional_special_tokens ?? []),
  ];
  return { ...files.config, ...files.specialTokensMap, additional_special_tokens: [...new Set(additional)] };
}

function ownEntry(vocabulary: Record<string, number>, key: string): number | undefined {
  return Object.hasOwn(vocabulary, key) ? vocabulary[key] : undefined;
}
