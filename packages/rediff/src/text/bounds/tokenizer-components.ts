/** What the components of a stranger's tokenizer.json may ask for.
 *
 *  They are small programs: regular expressions that may take for ever, replacements that may make a letter a megabyte,
 *  one after the other as often as the file likes. How long a text may become is known when the file is read, and refused
 *  there; how long an expression takes nobody knows before, so all but those that were looked at run within a time. */
import { z } from "zod";
import { UserError } from "../../errors.js";

/** In all sequences together; published files have a dozen. */
const MOST_COMPONENTS = 64;
const LONGEST_PATTERN = 10_000;
/** How many letters one may become by what the file says; Unicode's forms and UTF-8 come on top, once. */
const MOST_GROWTH = 32;
/** Of a word that WordPiece takes to pieces, in time that grows with its square. */
const LONGEST_WORD = 1000;
/** Of an added token, which is looked for at each letter. */
const LONGEST_ADDED = 1000;
/** Each is looked for in each text; published files have some hundreds, and one family six thousand. */
const MOST_ADDED = 8192;

/** Patterns in use that take time in proportion to the text, whatever it is: no two of their repetitions can share a run of
 *  letters in more than one way, except `\s*[\r\n]`, whose run the next alternatives take whole. */
const LINEAR: ReadonlySet<string> = new Set([
  // GPT-2
  String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
  // LLaDA
  String.raw`'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+`,
  // LLaMA 3, Qwen 2
  String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  // The embedded model
  String.raw`\n|[\p{L}\p{N}'-]+|[^\s\p{L}\p{N}]`,
]);

const component = z.looseObject({
  type: z.string(),
  normalizers: z.array(z.unknown()).nullish(),
  pretokenizers: z.array(z.unknown()).nullish(),
  decoders: z.array(z.unknown()).nullish(),
  processors: z.array(z.unknown()).nullish(),
});
type Component = z.infer<typeof component>;

interface Components {
  model: { type: string; [key: string]: unknown };
  normalizer: unknown;
  pre_tokenizer: unknown;
  post_processor: unknown;
  decoder: unknown;
  added_tokens: readonly { content: string }[];
}

/** @param added of all of the folder's files
 *  @throws UserError when there are more than can be looked for */
export function assertAddedTokens(folder: string, added: readonly unknown[]): void {
  if (added.length > MOST_ADDED)
    throw new UserError(
      `${folder}: the tokenizer has ${added.length} added tokens; at most ${MOST_ADDED} are supported`,
      "Use a LLaDA, LLaDA-V or ReDiff model folder with its own tokenizer files",
    );
}

export type SlowParts = Record<"added" | "normalizer" | "splitter" | "model" | "decoder", boolean>;

/** @throws UserError naming what asks for too much */
export function assertComponents(file: string, tokenizer: Components): void {
  const refuse = (where: string, problem: string): never => {
    throw new UserError(
      `${file}: ${where}: ${problem}`,
      "Use a LLaDA, LLaDA-V or ReDiff model folder with its own tokenizer files",
    );
  };
  for (const where of ["normalizer", "pre_tokenizer", "post_processor", "decoder"] as const) {
    const all = leaves(tokenizer[where]);
    if (all.length > MOST_COMPONENTS)
      refuse(where, `${all.length} components; at most ${MOST_COMPONENTS} are supported`);
    for (const one of all) {
      const pattern = patternOf(one);
      if ((pattern?.length ?? 0) > LONGEST_PATTERN)
        refuse(where, `a pattern of ${pattern?.length} letters; at most ${LONGEST_PATTERN} are supported`);
      const { type, length } = one;
      if (type === "FixedLength" && !(typeof length === "number" && Number.isInteger(length) && length > 0))
        refuse(where, `FixedLength has the length ${String(length).slice(0, 60)}; expected a whole number above 0`);
    }
    const most = all.reduce((product, one, i) => product * growth(one, all.slice(0, i)), 1);
    if (most > MOST_GROWTH)
      refuse(where, `may make a text ${most} times as long; at most ${MOST_GROWTH} times is supported`);
  }
  const { continuing_subword_prefix, continuing_subword_suffix, end_of_word_suffix } = tokenizer.model;
  for (const [name, affix] of Object.entries({
    continuing_subword_prefix,
    continuing_subword_suffix,
    end_of_word_suffix,
  }))
    if (size(affix) > MOST_GROWTH)
      refuse("model", `${name} has ${size(affix)} letters; at most ${MOST_GROWTH} are supported`);
}

/** Which parts may take longer than in proportion to a text, and have to run within a time. */
export function slowParts({ model, normalizer, pre_tokenizer, decoder, added_tokens }: Components): SlowParts {
  const isForeign = (part: unknown) =>
    leaves(part)
      .map(patternOf)
      .some((pattern) => pattern !== undefined && !LINEAR.has(pattern));
  const word = model.max_input_chars_per_word;
  return {
    added: added_tokens.some(({ content }) => content.length > LONGEST_ADDED),
    normalizer: isForeign(normalizer),
    splitter: isForeign(pre_tokenizer),
    model: model.fuse_unk === true || (typeof word === "number" && word > LONGEST_WORD),
    decoder: isForeign(decoder),
  };
}

/** A component, or those that it is a sequence of. */
function leaves(given: unknown): Component[] {
  const { data } = component.safeParse(given);
  if (data === undefined) return [];
  const parts = [data.normalizers, data.pretokenizers, data.decoders, data.processors].flatMap((list) => list ?? []);
  return data.type === "Sequence" ? parts.flatMap(leaves) : [data];
}

const expression = z.looseObject({ pattern: z.looseObject({ Regex: z.string() }) });
const literal = z.looseObject({ pattern: z.looseObject({ String: z.string().min(1) }) });

/** Where a group that catches may begin. */
const GROUP = /\((?!\?)|\(\?<(?![=!])/g;

const patternOf = (one: Component): string | undefined => expression.safeParse(one).data?.pattern.Regex;

/** How many letters one becomes at most.
 *  @param before components of the same sequence */
function growth(one: Component, before: readonly Component[]): number {
  switch (one.type) {
    // An expression may match between letters, too.
    case "Replace":
      return Math.max(1, size(one.content) + (literal.safeParse(one).success ? 0 : 1));
    case "Prepend":
      return 1 + size(one.prepend);
    // A decoder's sign may be empty, and is then found between letters.
    case "Metaspace":
      return Math.max(1, size(one.str_rep), size(one.replacement), one.replacement === "" ? 2 : 1);
    case "BPEDecoder":
    case "CTC":
      return 2;
    // What groups of an expression caught comes between the pieces.
    case "Split":
      if (one.behavior !== "Removed") return 1;
      return 1 + (patternOf(one)?.match(GROUP)?.length ?? 0);
    // Of signs that stand for bytes it makes two each.
    case "ByteLevel":
      return before.some(({ type }) => type === "ByteLevel") ? 2 : 1;
    case "TemplateProcessing":
      return Math.max(1, ...[one.single, one.pair].map((list) => (Array.isArray(list) ? list.length : 1)));
    default:
      return 1;
  }
}

const size = (value: unknown): number => (typeof value === "string" ? value.length : 0);
