/** Where each token of a text begins that decoding made: for texts that are nothing but their tokens. */
import type { Tokenizer } from "../tokenizer.js";
import { bytesOf } from "./byte-level.js";

/** Start of every token in the decoded text, and the text's length at the end: [ids.length + 1].
 *  A token that holds only a part of a character begins where that character does. */
export function tokenOffsets(tokenizer: Tokenizer, ids: ArrayLike<number>, text: string): number[] {
  const all = Array.from(ids);
  const offsets = tokenizer.stages.isByteLevel ? offsetsOfBytes(tokenizer, all) : offsetsOfPairs(tokenizer, all);
  return offsets.length === all.length + 1 && offsets.at(-1) === text.length
    ? offsets
    : offsetsOfPrefixes(tokenizer, all, text);
}

function offsetsOfBytes({ stages, token }: Tokenizer, ids: readonly number[]): number[] {
  const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
  const added = new Set([...stages.controls, ...stages.wholes]);
  let at = 0;
  const offsets = [0];
  for (const id of ids) {
    const spelling = token(id) ?? "";
    if (added.has(spelling)) at += utf8.decode().length + spelling.length;
    else at += utf8.decode(bytesOf(spelling), { stream: true }).length;
    offsets.push(at);
  }
  // Half a character at the end.
  offsets[ids.length] = at + utf8.decode().length;
  return offsets;
}

/** Decoding sets spaces by a token and the one before it. */
function offsetsOfPairs(tokenizer: Tokenizer, ids: readonly number[]): number[] {
  const offsets = [0];
  let [at, last] = [0, ""];
  for (const [i, id] of ids.entries()) {
    const previous = ids[i - 1];
    at += tokenizer.decode(previous === undefined ? [id] : [previous, id]).length - last.length;
    last = tokenizer.decode([id]);
    offsets.push(at);
  }
  return offsets;
}

/** Tokens before the one that is looked at, on which its spaces may depend. */
const CONTEXT = 8;
/** Tokens after which a new beginning is taken. */
const STRIDE = 64;

/** By decoding every beginning, from where the text was whole before: for vocabularies that change what is between more
 *  than two tokens. */
function offsetsOfPrefixes(tokenizer: Tokenizer, ids: readonly number[], text: string): number[] {
  const offsets = [0];
  // Of the text up to token `base`, as many characters are certain; decoding begins a few tokens before.
  let [base, from, known] = [0, 0, ""];
  for (let i = 1; i < ids.length; i++) {
    const start = offsets[base] as number;
    const decoded = tokenizer.decode(ids.slice(from, i));
    const piece = decoded.slice(known.length);
    const common = commonPrefix(piece, text.slice(start, start + piece.length));
    offsets.push(Math.max(offsets[i - 1] as number, start + common));
    if (i - base < STRIDE || common < piece.length) continue;
    [base, from] = [i, i - CONTEXT];
    known = tokenizer.decode(ids.slice(from, i));
  }
  offsets.push(text.length);
  return offsets;
}

function commonPrefix(a: string, b: string): number {
  let i = 0;
  while (i < a.length && i < b.length && a[i] === b[i]) i++;
  return i;
}
