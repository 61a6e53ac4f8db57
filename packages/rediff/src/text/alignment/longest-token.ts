/** How much text one token can stand for, so that a text can be refused by its length before anything is made of it.
 *
 *  Tokenizers that write every byte of a text have a number: the longest spelling of their vocabulary. Others have none: a
 *  word outside the vocabulary is one token however long it is, and white space may be none at all. */
import { z } from "zod";
import type { AddedToken, TokenizerFiles } from "../tokenizer-files.js";
import { BYTE_SIGNS } from "./byte-level.js";

/** How many times shorter Unicode's normal forms make a text's UTF-8, at most: three letters of Hangul become one syllable
 *  (9 bytes, then 3), and the compatible forms make one byte of a mathematical letter's four. */
const SHRINKS: Readonly<Record<string, number>> = { NFC: 3, NFD: 3, NFKC: 4, NFKD: 4 };

/** None of them drops a character. */
const KEEPING = ["ByteLevel", "Digits", "Punctuation", "Split"];

const component = z.looseObject({
  type: z.string(),
  normalizers: z.array(z.unknown()).optional(),
  pretokenizers: z.array(z.unknown()).optional(),
  behavior: z.string().optional(),
});

/** UTF-8 bytes of a text that one token stands for, at most; undefined where there is no such number. */
export function longestToken({ tokenizer }: TokenizerFiles, added: readonly AddedToken[]): number | undefined {
  const { model, normalizer, pre_tokenizer: splitter } = tokenizer;
  const splitters = parts(splitter);
  const writesBytes =
    splitters.some(({ type }) => type === "ByteLevel") && BYTE_SIGNS.every((sign) => Object.hasOwn(model.vocab, sign));
  const keepsAll = splitters.every(({ type, behavior }) => KEEPING.includes(type) && behavior !== "Removed");
  const swallows = added.some(({ lstrip, rstrip }) => lstrip || rstrip);
  const shrinks = parts(normalizer).map(({ type }) => SHRINKS[type]);
  if (model.type !== "BPE" || !writesBytes || !keepsAll || swallows) return undefined;
  let longest = 1;
  // A sign for each byte.
  for (const spelling of Object.keys(model.vocab)) longest = Math.max(longest, spelling.length);
  for (const { content } of added) longest = Math.max(longest, Buffer.byteLength(content));
  return shrinks.reduce<number | undefined>((product, by) => product && by && product * by, longest);
}

/** A component of tokenizer.json, or those that it is a sequence of. */
function parts(given: unknown): z.infer<typeof component>[] {
  if (given === null || given === undefined) return [];
  const { data } = component.safeParse(given);
  if (data === undefined) return [{ type: "unknown" }];
  return data.type === "Sequence"
    ? [...(data.normalizers ?? []), ...(data.pretokenizers ?? [])].flatMap(parts)
    : [data];
}
