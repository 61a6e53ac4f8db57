/** A template in a model's tokens, and the text once the blanks are filled.
 *
 *  Fixed text comes out character for character and its tokens stay, so the work is at the borders of the blanks:
 *
 *  - Byte-level vocabularies write " cat" as one token. A space before a blank is therefore left to the blank, whose
 *    first token has to begin with one; as a token of its own it would leave the model a sentence that it never saw.
 *  - Vocabularies of words have no spaces; decoding sets them between words. Where the template has white space there,
 *    it stands for that space; where it has none, the space belongs to the blank.
 *
 *  What of the fixed text the model cannot read keeps its place by a stand-in. Special tokens are banned from blanks. */
import type { Ban } from "../../diffusion/decode-options.js";
import { alignText, type UnreadText } from "../../text/alignment/aligned-text.js";
import { tokenOffsets } from "../../text/alignment/token-offsets.js";
import { joiner } from "../../text/joiner.js";
import { specialIds } from "../../text/special-ids.js";
import type { Tokenizer } from "../../text/tokenizer.js";
import type { Template } from "./fill-template.js";

export type FormPart =
  | { readonly kind: "text"; readonly text: string; readonly unread: readonly UnreadText[] }
  /** Positions [start, end) of the answer. `spaced`: the space before it is in its first token. */
  | { readonly kind: "blank"; readonly start: number; readonly end: number; readonly spaced: boolean };

export interface Form {
  readonly parts: readonly FormPart[];
  /** The answer: tokens of the fixed text, masks in the blanks. */
  readonly ids: readonly number[];
  /** Positions of the fixed text's tokens. */
  readonly fixed: readonly number[];
  readonly banned: readonly Ban[];
}

/** Characters (UTF-16 units) of the text: [start, end). */
export interface FilledBlank {
  start: number;
  end: number;
  text: string;
}

export interface FilledText {
  text: string;
  blanks: FilledBlank[];
  /** What of the text the model cannot read. */
  unread: UnreadText[];
}

export function formOf(tokenizer: Tokenizer, template: Template): Form {
  const { special, spaces } = tokenKinds(tokenizer);
  const ids: number[] = [];
  const fixed: number[] = [];
  const parts: FormPart[] = [];
  const [spacedOne, spacedMany]: [number[], number[]] = [[], []];
  let isSpaced = false;
  for (const [i, part] of template.entries()) {
    if (part.kind === "text") {
      const isBeforeBlank = i + 1 < template.length;
      isSpaced = isBeforeBlank && spaces !== undefined && part.text.endsWith(" ");
      const { ids: encoded, unread } = alignText(tokenizer, isSpaced ? part.text.slice(0, -1) : part.text);
      for (const id of encoded) fixed.push(ids.push(id) - 1);
      parts.push({ ...part, unread });
    } else {
      const start = ids.length;
      for (let n = 0; n < part.tokens; n++) ids.push(tokenizer.special.mask);
      parts.push({ kind: "blank", start, end: ids.length, spaced: isSpaced });
      if (isSpaced) (part.tokens === 1 ? spacedOne : spacedMany).push(start);
      isSpaced = false;
    }
  }
  const banned: Ban[] = [{ ids: [...special] }];
  if (spaces !== undefined && spacedMany.length > 0) banned.push({ ids: spaces.without, positions: spacedMany });
  // A blank of one token would be empty with nothing but the space.
  if (spaces !== undefined && spacedOne.length > 0) banned.push({ ids: spaces.empty, positions: spacedOne });
  return { parts, ids, fixed, banned };
}

/** @param tokens of the whole answer, as long as the form's */
export function readForm(tokenizer: Tokenizer, { parts }: Form, tokens: ArrayLike<number>): FilledText {
  const ids = Array.from(tokens);
  const blanks: FilledBlank[] = [];
  const unread: UnreadText[] = [];
  let text = "";
  let i = 0;
  while (i < parts.length) {
    const part = parts[i];
    if (part?.kind !== "blank") {
      for (const { start, end, text: word } of part?.unread ?? [])
        unread.push({ start: text.length + start, end: text.length + end, text: word });
      text += part?.text ?? "";
      i++;
      continue;
    }
    // Blanks without text between them are decoded together: a character may have its bytes in both.
    const run = [part];
    for (let next = parts[++i]; next?.kind === "blank"; next = parts[++i]) run.push(next);
    const from = part.start;
    const to = run.at(-1)?.end ?? part.end;
    const written = ids.slice(from, to);
    const body = tokenizer.decode(written);
    const offsets = run.length > 1 ? tokenOffsets(tokenizer, written, body) : [];
    const follower = parts[i]?.kind === "text" ? parts[i] : undefined;
    const lead = isSpace(text.at(-1)) ? "" : joiner(tokenizer, ids[from - 1], ids[from]);
    const trail = follower?.kind !== "text" || isSpace(follower.text[0]) ? "" : joiner(tokenizer, ids[to - 1], ids[to]);
    let cut = part.spaced && body.startsWith(" ") ? 1 : 0;
    for (const [n, { end }] of run.entries()) {
      const next = end === to ? body.length : (offsets[end - from] ?? body.length);
      const piece = body.slice(cut, next);
      cut = Math.max(cut, next);
      const content = (n === 0 ? lead : "") + piece + (n === run.length - 1 ? trail : "");
      blanks.push({ start: text.length, end: text.length + content.length, text: content });
      text += content;
    }
  }
  return { text, blanks, unread };
}

const isSpace = (character: string | undefined): boolean => character !== undefined && character.trim() === "";

interface TokenKinds {
  special: ReadonlySet<number>;
  /** Ids of tokens without a space at their beginning, and of those and such as are nothing but spaces; undefined where
   *  the vocabulary has no spaces. Most of a vocabulary: as numbers that travel between processes as they are. */
  spaces: { without: Int32Array; empty: Int32Array } | undefined;
}

const kinds = new WeakMap<Tokenizer, TokenKinds>();

/** Looks through the vocabulary, once. */
function tokenKinds(tokenizer: Tokenizer): TokenKinds {
  const known = kinds.get(tokenizer);
  if (known !== undefined) return known;
  const special = specialIds(tokenizer);
  const spelling = (id: number) => tokenizer.token(id) ?? "";
  const [space] = tokenizer.encodeText(" ");
  const sign = space === undefined || tokenizer.isSpecial(space) ? "" : spelling(space).slice(0, 1);
  const [without, bare]: [number[], number[]] = [[], []];
  for (let id = 0; id <= tokenizer.largest.id; id++) {
    if (sign === "" || !spelling(id).startsWith(sign)) without.push(id);
    else if (spelling(id).replaceAll(sign, "") === "") bare.push(id);
  }
  const spaces = { without: Int32Array.from(without), empty: Int32Array.from([...without, ...bare]) };
  const found = { special, spaces: sign === "" ? undefined : spaces };
  kinds.set(tokenizer, found);
  return found;
}
